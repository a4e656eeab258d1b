"""A server that may open no more files."""

import asyncio
import errno
import os

import pytest
import server_places

pytest.importorskip("wyoming")

from speech.server import command


def loop_with_errors(*numbers):
    """Let an event loop of the server's meet these errors, as asyncio tells of them."""

    async def meet():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(command.TellOnce())
        for number in numbers:
            error = OSError(number, os.strerror(number))
            loop.call_exception_handler({"message": "socket.accept() out of system resource", "exception": error})

    server_places.run(meet())


def test_too_many_open_files_are_a_line_and_no_flood(capsys, caplog):
    loop_with_errors(*[errno.EMFILE] * 1_000)
    assert capsys.readouterr().err == (
        "warning: Too many open files: other clients wait until some have gone: raise the limit (ulimit -n)\n"
    )
    assert not caplog.records


def test_another_error_is_told_as_it_is(capsys, caplog):
    loop_with_errors(errno.EIO)
    assert "Input/output error" in caplog.text
    assert capsys.readouterr().err == ""
