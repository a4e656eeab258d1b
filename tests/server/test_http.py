"""HTTP and WebSocket, by clients of other libraries and by bare sockets."""

import asyncio
import contextlib
import io
import json
import logging
import os
import threading
from dataclasses import replace

import httpx
import numpy as np
import pytest
import soundfile
from server_places import http_server, run
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus


def served(recognition, client):
    """The result of ``client(port)``, beside a server."""

    async def both():
        async with http_server(recognition) as port:
            return await client(port)

    return run(both())


def request(recognition, method, path, **given):
    async def client(port):
        async with httpx.AsyncClient(trust_env=False) as session:
            return await session.request(method, f"http://127.0.0.1:{port}{path}", timeout=30, **given)

    return served(recognition, client)


def flac(pcm):
    content = io.BytesIO()
    soundfile.write(content, np.frombuffer(pcm, "<i2"), 16_000, format="FLAC")
    return content.getvalue()


SOUND = flac(bytes(32_000))
WRONG = {  # a request's settings, what else is given, and what is told
    "no body": ("", {}, "empty (0 bytes)"),
    "a text": ("", {"content": b"no sound"}, "not readable as audio"),
    "a cut recording": ("", {"content": SOUND[:60]}, "not readable as audio"),
    "silence": ("", {"content": SOUND}, "no speech found"),
    "a name in another script": ("?name=ന", {"content": SOUND}, "ന"),
    "a form": ("", {"files": {"file": ("clip.flac", SOUND)}}, "curl --data-binary"),
    "an unknown setting": ("?names=One", {"content": SOUND}, "names: unknown; give name"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_recording_or_asked_wrongly_is_refused_with_the_reason(recognition, case):
    asked, given, reason = WRONG[case]
    answer = request(recognition, "POST", f"/transcribe{asked}", **given)
    assert answer.status_code == 422
    assert reason in answer.json()["detail"]


def test_damaged_recordings_are_refused_or_heard(recognition, said):
    rng, whole = np.random.default_rng(0), flac(said("one"))

    async def client(port):
        found = set()
        async with httpx.AsyncClient(trust_env=False) as session:
            for _ in range(40):
                content = bytearray(whole[: rng.integers(1, len(whole))] if rng.random() < 0.5 else whole)
                for place in rng.integers(0, len(content), 8):
                    content[place] = rng.integers(256)
                answer = await session.post(f"http://127.0.0.1:{port}/transcribe", content=bytes(content), timeout=30)
                found.add(answer.status_code)
        return found

    assert served(recognition, client) <= {200, 422}


def test_nobody_waits_for_the_long_list_of_another(recognition, said, monkeypatch):
    own, answered, content = recognition.lexicon_of, threading.Event(), flac(said("one"))

    def slow(names):
        if len(names or []) > 100:
            answered.wait(60)
        return own(names)

    monkeypatch.setattr(recognition, "lexicon_of", slow)
    long = [("name", f"a{chr(97 + i // 26)}{chr(97 + i % 26)}") for i in range(101)]

    async def client(port):
        url = f"http://127.0.0.1:{port}/transcribe"
        async with httpx.AsyncClient(trust_env=False, timeout=30) as session:
            n = 2 * (os.cpu_count() or 1)
            others = [asyncio.create_task(session.post(url, params=long, content=content)) for _ in range(n)]
            await asyncio.sleep(0.5)  # they are there, and wait
            try:
                found = await session.post(url, params=[("name", "One"), ("name", "Two")], content=content)
            finally:
                answered.set()
            return [found.status_code, *(one.status_code for one in await asyncio.gather(*others))]

    assert set(served(recognition, client)) == {200}


def test_a_client_that_leaves_within_its_recording_leaves_no_traceback(recognition, said, capsys):
    content = flac(said("one"))

    async def client(port):
        async with httpx.AsyncClient(trust_env=False) as session:
            for head in (b"Content-Length: 99999\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n2000\r\n"):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"POST /transcribe HTTP/1.1\r\nHost: 127.0.0.1\r\n" + head + content[:1_000])
                await writer.drain()
                await asyncio.sleep(0.1)
                writer.transport.abort()
            return (await session.post(f"http://127.0.0.1:{port}/transcribe", content=content, timeout=30)).status_code

    assert served(recognition, client) == 200
    assert not capsys.readouterr().err


def rss():
    return int(open("/proc/self/statm").read().split()[1]) * 4096


def test_a_chunked_gigabyte_is_refused_before_it_is_held(recognition):
    before = rss()

    async def client(port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /transcribe HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        n_sent = 0
        with contextlib.suppress(ConnectionError):
            while n_sent < 1_000:
                writer.write(b"%x\r\n" % 1_000_000 + bytes(1_000_000) + b"\r\n")
                await writer.drain()
                n_sent += 1
        return n_sent, await reader.read(100) if not reader.exception() else b""

    n_sent, answer = served(recognition, client)
    assert n_sent < 100
    assert not answer or b" 413 " in answer
    assert rss() - before < 30_000_000
    assert request(recognition, "POST", "/transcribe", content=bytes(300_000)).status_code == 413


@pytest.mark.parametrize("length", ["-1", "x", "1, 2"])
def test_a_length_that_is_none_is_refused(recognition, length):
    async def client(port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"POST /transcribe HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\n\r\n".encode())
        return await asyncio.wait_for(reader.read(), 10)

    assert b" 400 " in served(recognition, client)


def test_a_slow_body_and_slow_headers_end_in_time(strict, monkeypatch):
    monkeypatch.setattr("speech.server.http.HEADERS_S", 0.2)

    async def client(port):
        answers, body = [], b"POST /transcribe HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99\r\n\r\nx"
        for content in (b"", b"GET / HT", body):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(content)
            answers.append(await asyncio.wait_for(reader.read(), 10))
            writer.close()
        return answers

    unsent, cut, slow = served(strict, client)
    assert unsent == cut == b""
    assert b" 408 " in slow


HEADERS = {
    "evil origin": ({"Origin": "http://evil.example"}, 403),
    "origin of a file": ({"Origin": "null"}, 403),
    "origin of another port": ({"Origin": "http://127.0.0.1:1"}, 403),
    "evil host": ({"Host": "evil.example"}, 403),
    "evil host and its origin": ({"Host": "evil.example", "Origin": "http://evil.example"}, 403),
    "no host that can be": ({"Host": "[::1"}, 403),
    "localhost": ({"Host": "localhost:80"}, 200),
    "its own page": ({"Host": "127.0.0.1:7", "Origin": "http://127.0.0.1:7"}, 200),
    "no origin": ({}, 200),
}


@pytest.mark.parametrize("headers", HEADERS)
def test_pages_of_others_may_not_use_it(recognition, headers):
    given, status = HEADERS[headers]
    assert request(recognition, "GET", "/", headers=given).status_code == status

    async def client(port):
        try:
            async with connect(f"ws://127.0.0.1:{port}/listen", additional_headers=given, proxy=None):
                return 200, b""
        except InvalidStatus as error:
            return error.response.status_code, error.response.body

    if "Host" not in given:
        code, told = served(recognition, client)
        assert code == status
        assert (b"pages of other servers may not use this one" in told) == (status == 403)


@pytest.mark.parametrize("path", ["/", "/ws", "/listen/", "/transcribe", "/a%0Ab"])
def test_a_wrong_path_is_told_with_the_right_ones(recognition, path, monkeypatch):
    logged = []

    async def client(port):
        monkeypatch.setattr(logging.getLogger("uvicorn.error"), "callHandlers", logged.append)
        with pytest.raises(InvalidStatus) as refused:
            async with connect(f"ws://127.0.0.1:{port}{path}", proxy=None):
                pass
        return refused.value.response

    answer = served(recognition, client)
    assert not logged
    assert answer.status_code == 404
    (line,) = answer.body.decode().splitlines()
    assert json.loads(line)["detail"].endswith(": this server has GET /, POST /transcribe and the WebSocket /listen")


@pytest.mark.parametrize(("method", "path"), [("GET", "/listen"), ("POST", "/transcribe/")])
def test_a_wrong_path_of_http_is_told_with_the_right_ones(recognition, method, path):
    answer = request(recognition, method, path)
    assert answer.status_code == 404
    assert answer.json()["detail"] == f"{path}: this server has GET /, POST /transcribe and the WebSocket /listen"


def pieces(content, n_bytes=20_000):
    return [content[i : i + n_bytes] for i in range(0, len(content), n_bytes)]


def listen(recognition, messages):
    """What is recognised in ``messages``, and the code that the connection is closed with."""

    async def client(port):
        recognised = []
        async with connect(f"ws://127.0.0.1:{port}/listen", proxy=None) as socket:
            try:
                for message in messages:
                    await socket.send(message)
                while True:
                    recognised.append(json.loads(await asyncio.wait_for(socket.recv(), 30)))
            except ConnectionClosed:
                return recognised, socket.close_code

    return served(recognition, client)


@pytest.mark.parametrize(("n_bytes", "rate", "channels"), [(639, 16_000, 1), (20_001, 48_000, 2)])
def test_names_are_heard_in_a_stream_of_any_chunks(recognition, said, n_bytes, rate, channels):
    pcm = said("one", rate, channels) + said("two", rate, channels)
    told = json.dumps({"names": ["Two", "One"], "rate": rate, "channels": channels})
    recognised, code = listen(recognition, [told, *pieces(pcm, n_bytes), '{"end": true}'])
    assert [one["names"][0][0] for one in recognised] == ["One", "Two"]
    assert recognised[0]["end_s"] < recognised[1]["start_s"]
    assert code == 1000


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        (["no json"], 1007),
        (["[]"], 1007),
        (["null"], 1007),
        (['{"rate": "16000"}'], 1007),
        (['{"sample_rate": 16000}'], 1007),
        (['{"names": ["ന"]}'], 1007),
        ([np.linspace(-1, 1, 2_000, dtype="<f4").tobytes()], 1007),  # as Web Audio has them
        ([bytes(200_000)], 1009),
    ],
)
def test_what_is_wrong_in_a_stream_closes_it_with_its_code(recognition, messages, code):
    assert listen(recognition, messages) == ([], code)


def test_a_new_list_takes_over_within_a_stream_at_the_given_rate(recognition, said):
    """A list takes over in what is being said, too, and the stream's times go on."""
    pcm = said("one", 48_000)
    first, second = pcm[: len(pcm) // 3], pcm[len(pcm) // 3 :]
    told, other = json.dumps({"names": ["Two"], "rate": 48_000}), '{"names": ["One"]}'
    sent = [told, *pieces(first), other, *pieces(second + pcm), '{"end": true}']
    recognised, code = listen(recognition, sent)
    assert [one["names"][0][0] for one in recognised] == ["One", "One"]
    assert recognised[1]["start_s"] - recognised[0]["start_s"] == pytest.approx(len(pcm) / 96_000, abs=0.05)
    assert code == 1000


def test_another_rate_begins_another_stream_and_nothing_is_lost(recognition, said):
    first, second = said("one", 48_000), said("two", 16_000)
    speech = int(0.8 * 96_000)  # no pause follows it
    sent = ['{"rate": 48000}', *pieces(first[:speech]), '{"rate": 16000}', *pieces(second), '{"end": true}']
    recognised, _ = listen(recognition, sent)
    assert [one["names"][0][0] for one in recognised] == ["one", "two"]


def test_a_wav_is_read_by_its_header_and_another_file_is_no_stream(recognition, said):
    content = io.BytesIO()
    soundfile.write(content, np.frombuffer(said("one", 48_000), "<i2"), 48_000, format="WAV")
    recognised, code = listen(recognition, [*pieces(content.getvalue(), 7_777), '{"end": true}'])
    assert [one["names"][0][0] for one in recognised] == ["one"]
    assert code == 1000
    assert listen(recognition, [flac(said("one"))]) == ([], 1007)
    assert listen(recognition, [b"\x1a\x45\xdf\xa3" + bytes(5_000)]) == ([], 1007)  # a browser's WebM


def test_a_silent_stream_is_closed(strict):
    assert listen(strict, []) == ([], 1001)


def test_of_too_many_streams_the_last_is_refused(strict, monkeypatch):
    monkeypatch.setattr(strict, "limits", replace(strict.limits, patience_s=60.0))

    async def client(port):
        url = f"ws://127.0.0.1:{port}/listen"
        async with connect(url, proxy=None), connect(url, proxy=None):
            with pytest.raises(InvalidStatus) as refused:
                await connect(url, proxy=None)
            return refused.value.response.body

    assert served(strict, client).startswith(b"2 clients connected, the maximum")
