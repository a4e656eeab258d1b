"""What ``speech-serve`` is told."""

import socket
import sys

import pytest
from benchlib.forked import Forked
from server_places import free_port

from speech.server import command


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("http_port=99999", "argument http_port: '99999' must be an integer from 0 to 65535"),
        ("wyoming_port=abc", "argument wyoming_port: 'abc' must be an integer from 0 to 65535"),
        ("clients=0", "argument clients: '0' must be an integer from 1 to 10000"),
        ("host=", "host=: give 127.0.0.1, or the address to listen on"),  # asyncio's of every machine
        ("recognizer=", "recognizer=: give"),
        ("names=nowhere", "names=nowhere: not a readable text file"),
        ("enrolled=nowhere", "nowhere: cannot be read"),
        ("false_accept_rate=often", "argument false_accept_rate: invalid float value: 'often'"),
        ("peers=2", "unrecognized arguments: peers=2"),
    ],
)
def test_a_value_that_cannot_be_is_told_in_one_line(monkeypatch, capsys, tmp_path, argument, message):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["speech-serve", argument])
    with pytest.raises(SystemExit, match="2"):
        command.main()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {message}")


@pytest.mark.parametrize("server", ["http", "wyoming"])
def test_a_port_that_another_program_has_is_told_in_one_line(server, monkeypatch, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        ports = {"http_port": free_port(), "wyoming_port": free_port()}
        ports[f"{server}_port"] = other.getsockname()[1]
        monkeypatch.setattr(sys, "argv", ["speech-serve", "names=[Anna]", *(f"{key}={n}" for key, n in ports.items())])
        # Not in this process, in which tests of the page leave a running event loop.
        served = Forked(command.main, tmp_path)
        assert served.ended(60) == 2
    (line,) = served.errors.splitlines()
    key = f"{server}_port"
    assert line.startswith(f"error: host=127.0.0.1 {key}={ports[key]}: cannot be served (Address already in use")
    assert line.endswith("): give others")
