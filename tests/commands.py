import runpy
import sys

import pytest
from benchlib.forked import Forked, module


def run_command(name, *arguments):
    """``python -m speech.NAME ARGUMENTS``, in this process: ``capsys`` has what it prints."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "argv", [f"speech.{name}", *map(str, arguments)])
        runpy.run_module(f"speech.{name}", run_name="__main__")


def start(name, *arguments, cwd):
    """``python -m speech.NAME ARGUMENTS`` in a process of its own and in folder ``cwd``, forked from this one."""
    return Forked(lambda: module(f"speech.{name}", *arguments), cwd)
