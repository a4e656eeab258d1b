import http.client
import re
import socket
import struct
import subprocess
import sys
import threading
import time
from urllib.parse import urlsplit

import pytest
from browser import serving
from commands import run_command

from speech.page import server, site
from speech.text import lexicon

PAGE = {
    "index.html": b"<p>here</p>",
    "app.js": b"1",
    "a.wasm": b"\0asm",
    "page.css": b"",
    "lexicon.txt": b"",
    "g.onnx": b"",
}


@pytest.fixture
def answer():
    """``answer(path, method)``: what the server of ``PAGE`` says, and its body."""
    with serving(PAGE) as address:

        def asked(path, method="GET"):
            connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=10)
            connection.request(method, path)
            response = connection.getresponse()
            return response, response.read()

        yield asked


def test_types_are_the_servers_own_and_not_the_systems(answer, monkeypatch):
    monkeypatch.setattr("mimetypes.guess_type", lambda *_: ("text/plain", None))
    types = {"/": "text/html", "/app.js": "text/javascript", "/a.wasm": "application/wasm", "/page.css": "text/css"}
    for path, kind in types.items():
        response, body = answer(path)
        assert response.status == 200
        assert response.getheader("Content-Type").partition(";")[0] == kind
        assert response.getheader("X-Content-Type-Options") == "nosniff"
        assert body == PAGE[path.removeprefix("/") or "index.html"]


def test_every_file_of_the_page_has_a_type():
    names = [path.name for path in site.WEB.iterdir()] + [name for name, _ in site.PROGRAM.values()]
    assert {f".{name.rpartition('.')[2]}" for name in names} <= server.TYPES.keys()


def test_only_the_pages_files_are_served(answer):
    for path in ("/../pyproject.toml", "/%2e%2e/pyproject.toml", "//etc/passwd", "/conf/page.yaml", "/app"):
        assert answer(path)[0].status == 404
    assert answer("/app.js?once=1")[1] == b"1"
    assert answer("/app.js", "HEAD")[1] == b""
    assert answer("/app.js", "POST")[0].status == 501


def test_a_browser_that_goes_away_is_no_fault(capfd):
    with serving(PAGE) as address:
        before = threading.active_count()
        with socket.create_connection(("127.0.0.1", urlsplit(address).port)) as browser:
            browser.sendall(b"GET /app.js HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert browser.recv(100).startswith(b"HTTP/1.1 200")
            browser.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closed with a reset
        deadline = time.monotonic() + 10
        while threading.active_count() > before and time.monotonic() < deadline:
            time.sleep(0.005)
    assert capfd.readouterr().err == ""


def test_a_port_in_use_is_told_with_the_way_out():
    with server.server(PAGE, 0) as first, pytest.raises(OSError, match=f"port={first.server_port}: .*port=0"):
        server.server(PAGE, first.server_port)


def test_the_server_is_bound_to_this_machine_alone():
    with server.server(PAGE, 0) as one:
        assert one.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize("there", [None, b"of another version"])
def test_a_missing_or_another_program_is_told_with_the_way_out(there, tmp_path, capsys):
    for name in site.PROGRAM if there else ():
        (tmp_path / name).write_bytes(there)
    with pytest.raises(SystemExit):
        run_command("page", f"onnxruntime_web={tmp_path}")
    message = capsys.readouterr().err
    assert message.startswith(f"error: {tmp_path}")
    assert "make page" in message
    assert site.PACKAGE in message


def test_the_page_asks_nothing_of_any_other_address():
    for path in site.WEB.iterdir():
        for url in re.findall(r"""["'(](?:https?:)?//[^\s"')]+""", path.read_text(encoding="utf-8")):
            assert "localhost" in url, f"{path.name}: {url}"


def test_the_dictionary_of_the_page_is_the_whole_one():
    lines = dict(line.split("\t") for line in site._lexicon().splitlines())
    for word in ("martin", "two", "zero", "chloe", "o'neill", "either"):
        assert [tuple(one.split(" ")) for one in lines[word].split("|")] == lexicon.look_up(word)
    assert len(lines) == len(lexicon.dictionary())


def test_the_page_is_written_whole(tmp_path):
    site.write(PAGE, tmp_path / "page")
    assert {path.name: path.read_bytes() for path in (tmp_path / "page").iterdir()} == PAGE


def test_the_pages_modules_import_no_torch():
    code = "import speech.page.site, speech.page.server, sys; print({'torch', 'hydra', 'lhotse'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
