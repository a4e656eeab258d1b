"""The Wyoming server, by the client of the protocol's own library."""

import asyncio
import contextlib
import json
from dataclasses import replace

import pytest
from server_places import run, wyoming_server
from wyoming.asr import Transcribe
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.event import Event
from wyoming.info import Describe, Info
from wyoming.wake import Detect


def start():
    return AudioStart(16_000, 2, 1)


def chunks(pcm, rate=16_000, n_bytes=2_048):
    return [AudioChunk(rate, 2, 1, pcm[i : i + n_bytes]) for i in range(0, len(pcm), n_bytes)]


def talk(recognition, *sent, n=1):
    """What the first ``n`` events are that the server answers ``sent`` with, on a connection of its own."""

    async def spoken():
        async with wyoming_server(recognition) as port:
            return await talked(port, *sent, n=n)

    return run(spoken())


async def talked(port, *sent, n=1):
    async with AsyncTcpClient("127.0.0.1", port) as client:
        for one in sent:
            await client.write_event(one if isinstance(one, Event) else one.event())
        return [await asyncio.wait_for(client.read_event(), 30) for _ in range(n)]


def text(event):
    assert event.type == "transcript"
    return event.data["text"]


def test_it_says_what_it_can_do(recognition):
    (event,) = talk(recognition, Describe())
    told = Info.from_event(event)
    assert told.asr[0].installed
    assert [model.name for model in told.wake[0].models] == ["one", "two"]


@pytest.mark.parametrize(
    "sent", [[AudioStop()], [start(), AudioStop()], [start(), *chunks(bytes(64_000)), AudioStop()]]
)
def test_a_stream_without_speech_is_the_empty_text(recognition, sent):
    assert text(talk(recognition, *sent, AudioStop())[0]) == ""


def test_chunks_before_their_start_and_unknown_events_leave_it_alive(recognition, said):
    pcm = said("two")
    sent = [*chunks(pcm), start(), Event("voice-started", {"timestamp": 3}), *chunks(pcm, n_bytes=7_001), AudioStop()]
    assert text(talk(recognition, *sent)[0]) == "two"
    assert text(talk(recognition, *chunks(pcm), AudioStop())[0]) == "two"


def test_a_client_brings_its_own_list_and_other_names_are_refused(recognition, said):
    sound = [start(), *chunks(said("one")), AudioStop()]
    assert text(talk(recognition, Transcribe(transcript_names=["Wonder", "One"]), *sound)[0]) == "One"
    assert text(talk(recognition, Transcribe(transcript_names=["Bartholomew"]), *sound)[0]) == ""


def test_what_cannot_be_read_is_told_and_no_other_list_is_taken(recognition, said):
    for names in (["one", "ന"], ["one", "One"], "one", [7]):
        sent = [Detect(names), start(), *chunks(said("one")), AudioStop()]
        error, end = talk(recognition, *sent, n=2)
        assert error.type == "error"
        assert error.data["text"].startswith("detect: ")
        assert end.type == "not-detected"


def test_a_name_is_detected_while_the_stream_goes_on(recognition, said):
    (event,) = talk(recognition, Detect(["one"]), start(), *chunks(said("one") + bytes(16_000)))  # no audio-stop
    assert (event.type, event.data["name"]) == ("detection", "one")
    assert 600 < event.data["timestamp"] < 1_300


def test_eight_clients_at_once_hear_each_its_own_names(recognition, said):
    names = ["one", "two"]

    async def client(port, i):
        mine, other = names[i % 2], names[(i + 1) % 2]
        sent = [Detect([mine]), start(), *chunks(said(other) + said(mine), n_bytes=600 + 2 * i), AudioStop()]
        found = []
        async with AsyncTcpClient("127.0.0.1", port) as connection:
            for one in sent:
                await connection.write_event(one.event())
                await asyncio.sleep(0)  # interleaved with the others
            await connection.write_event(Describe().event())
            while (event := await asyncio.wait_for(connection.read_event(), 60)).type != "info":
                found.append((event.type, event.data["name"], event.data["timestamp"]))
        return found

    async def all_at_once():
        async with wyoming_server(recognition) as port:
            alone = [await client(port, i) for i in range(2)]
            return alone, await asyncio.gather(*(client(port, i) for i in range(8)))

    alone, together = run(all_at_once())
    assert [[name for _, name, _ in found] for found in alone] == [["one"], ["two"]]
    assert together == alone * 4


WRONG = [
    b"no json\n",
    b"[]\n",
    b'{"type": "audio-chunk"}\n',
    b'{"type": "audio-chunk", "data": {"rate": "x", "width": 2, "channels": 1}}\n',
    b'{"type": "audio-chunk", "data": {"rate": 16000, "width": 2, "channels": 100000}}\n',
    b'{"type": "detect", "data_length": "7"}\n',
    b'{"type": "detect", "data": 7}\n',
    json.dumps({"type": "audio-chunk", "payload_length": 10**9}).encode() + b"\n" + bytes(100_000),
    b"[" * 60_000 + b"\n",
    b"x" * 1_000_000,
]


def test_what_is_no_wyoming_ends_one_connection_and_no_other(strict):
    async def attacked():
        async with wyoming_server(strict) as port:
            for content in WRONG:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(content)
                writer.write_eof()
                with contextlib.suppress(ConnectionError):  # closed with some of it unread
                    await asyncio.wait_for(reader.read(), 10)
                writer.close()
                (event,) = await talked(port, Describe())
                assert event.type == "info", content[:40]

    run(attacked())


def test_a_silent_client_is_sent_away(strict):
    async def waited():
        async with wyoming_server(strict) as port:
            reader, _ = await asyncio.open_connection("127.0.0.1", port)
            return await asyncio.wait_for(reader.read(), 30)

    assert run(waited()) == b""


def test_of_too_many_clients_the_last_is_sent_away_until_another_has_gone(strict, monkeypatch):
    monkeypatch.setattr(strict, "limits", replace(strict.limits, patience_s=60.0))

    async def both(port):
        async with AsyncTcpClient("127.0.0.1", port) as one, AsyncTcpClient("127.0.0.1", port) as other:
            for client in (one, other):
                await client.write_event(Describe().event())
                assert (await client.read_event()).type == "info"
            return await talked(port, n=1)

    async def waited():
        async with wyoming_server(strict) as port:
            (told,) = await both(port)
            assert told.data["text"].startswith("2 clients")
            while strict.clients.n:
                await asyncio.sleep(0.01)
            assert (await talked(port, Describe()))[0].type == "info"

    run(asyncio.wait_for(waited(), 60))


def test_a_rate_that_changes_within_a_block_loses_nothing(recognition, said):
    quiet_s, pcm = 0.59, said("two", 48_000)
    ended = []
    for rate in (16_000, 48_000):
        sent = [*chunks(bytes(2 * round(quiet_s * rate)), rate), *chunks(pcm, 48_000)]
        (event,) = talk(recognition, Detect(["two"]), start(), *sent, AudioStop())
        ended.append(event.data["timestamp"])
    assert ended[0] == pytest.approx(ended[1], abs=20)


def test_a_file_sent_as_raw_samples_is_told_and_not_heard(recognition):
    sent = [*chunks(b"OggS" + bytes(9_000)), AudioStop()]
    *errors, end, _ = talk(recognition, start(), *sent, n=6)
    assert {error.data["text"].partition(": ")[2] for error in errors} == {
        "the stream: OGG, not raw samples: decode it, or send it as a WAV of 16-bit PCM"
    }
    assert text(end) == ""


def test_a_recording_without_an_end_is_dropped(recognition):
    minute = [AudioChunk(16_000, 2, 1, bytes(96_000))] * 21
    error, end = talk(recognition, start(), *minute, AudioStop(), n=2)
    assert (error.type, text(end)) == ("error", "")
