import runpy
import sys

import pytest


def run_command(name, *arguments):
    """``python -m speech.NAME ARGUMENTS``, in this process: ``capsys`` has what it prints."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "argv", [f"speech.{name}", *map(str, arguments)])
        runpy.run_module(f"speech.{name}", run_name="__main__")
