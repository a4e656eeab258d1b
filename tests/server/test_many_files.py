"""A server that may open no more files."""

import errno
import os
from types import SimpleNamespace

from speech.server import command


def test_too_many_open_files_are_one_line_and_other_errors_are_unchanged(capsys):
    others = []
    loop = SimpleNamespace(time=lambda: 1.0, default_exception_handler=others.append)
    handler, eio = command.TellOnce(), {"exception": OSError(errno.EIO, "Input/output error")}
    for context in [{"exception": OSError(errno.EMFILE, os.strerror(errno.EMFILE))}] * 1_000 + [eio]:
        handler(loop, context)
    assert capsys.readouterr().err == (
        "warning: Too many open files: other clients wait until some disconnect: raise the limit (ulimit -n)\n"
    )
    assert others == [eio]
