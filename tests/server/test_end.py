"""A server that is stopped while its clients are at it."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest
from server_places import free_port

SLOW = b"POST /transcribe HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99\r\n\r\nx"
STREAM = (
    b"GET /listen HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@pytest.mark.parametrize(
    ("number", "both", "code"), [(signal.SIGINT, True, 130), (signal.SIGTERM, True, 0), (signal.SIGTERM, False, 0)]
)
def test_a_stopped_server_ends_in_time_and_without_a_traceback(number, both, code):
    web, wyoming = free_port(), free_port() if both else 0
    arguments = [f"http_port={web}", f"wyoming_port={wyoming}"]
    command = [sys.executable, "-m", "speech.serve", "names=[Anna]", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        clients = []
        for port, sent in ((web, SLOW), (web, STREAM), (wyoming or web, b'{"type": "detect"')):
            while server.poll() is None:
                try:
                    clients.append(socket.create_connection(("127.0.0.1", port), timeout=30))
                    break
                except ConnectionRefusedError:
                    time.sleep(0.05)
            clients[-1].sendall(sent)
        assert clients[1].recv(12) == b"HTTP/1.1 101"
        start = time.monotonic()
        os.kill(server.pid, number)
        _, told = server.communicate(timeout=60)
        assert time.monotonic() - start < 15  # of a client's patience of 30 s
        assert clients[0].recv(12) == b"HTTP/1.1 503"
    for client in clients:
        client.close()
    assert "Traceback" not in told
    assert "continues from" not in told  # as a training does, whose command is run again
    assert server.returncode == code
