"""The same sound gives the same answer, whichever way it comes in."""

import asyncio
import io
import json

import httpx
import numpy as np
import pytest
import soundfile
from recognised import recognised
from server_places import http_server, run, wyoming_server
from websockets.asyncio.client import connect
from wyoming.asr import Transcribe
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.wake import Detect

from speech.audio.streams import File, Pipe
from speech.inference.batch import fields_of
from speech.server.recognition import text_of

# What is said, the list, the rate and channels, what the right one is times the left, how many bytes come at once.
CASES = {
    "a name": ("one", ["one", "two"], 16_000, 1, 1, 2_048),
    "odd bytes": ("two", ["one", "two"], 16_000, 1, 1, 333),
    "48 kHz": ("one", ["one", "two"], 48_000, 1, 1, 4_096),
    "a dead channel": ("one", ["one", "two"], 16_000, 2, 0, 1_001),
    "a channel upside down": ("two", ["one", "two"], 44_100, 2, -1, 70_001),
    "out of the list": ("one", ["Bartholomew"], 16_000, 1, 1, 640),
    "silence": (None, ["one", "two"], 16_000, 1, 1, 640),
}


def answers(transcripts):
    """What each of ``transcripts`` says, of an object or of JSON; probabilities with ``""`` for out of list."""
    for one in transcripts:
        found = one if isinstance(one, dict) else fields_of(one)
        said = found["letters"], found["accepted"], found["unsure"]
        yield said, {**dict(found["names"]), "": found["out_of_list"]}


def streamed(runtime, blocks, names):
    return [event.transcript for event in recognised(runtime, blocks, names, per_hour=None)]


async def over_http(recognition, content, names):
    async with http_server(recognition) as port, httpx.AsyncClient(trust_env=False) as session:
        url = f"http://127.0.0.1:{port}/transcribe"
        answer = await session.post(url, params={"name": names}, content=content, timeout=60)
        return [answer.json()] if answer.status_code == 200 else []


async def over_websocket(recognition, pieces, names, rate, channels):
    async with http_server(recognition) as port, connect(f"ws://127.0.0.1:{port}/listen", proxy=None) as socket:
        await socket.send(json.dumps({"names": names, "rate": rate, "channels": channels}))
        for piece in pieces:
            await socket.send(piece)
        await socket.send('{"end": true}')
        return [json.loads(line) async for line in socket]


async def over_wyoming(recognition, request, pieces, rate, channels):
    async with wyoming_server(recognition) as port, AsyncTcpClient("127.0.0.1", port) as client:
        sent = [AudioChunk(rate, 2, channels, piece) for piece in pieces]
        for one in [request, AudioStart(rate, 2, channels), *sent, AudioStop()]:
            await client.write_event(one.event())
        return await asyncio.wait_for(client.read_event(), 60)


@pytest.mark.parametrize("case", CASES)
def test_every_way_in_gives_the_files_answer(case, recognition, runtime, said, tmp_path):
    name, names, rate, channels, right, n_bytes = CASES[case]
    mono = np.frombuffer(said(name, rate) if name else bytes(64_000), "<i2")
    samples = np.stack([mono, *[mono * right] * (channels - 1)], axis=1)
    path, content, pcm = tmp_path / "clip.wav", io.BytesIO(), samples.tobytes()
    soundfile.write(path, samples, rate, subtype="PCM_16")
    soundfile.write(content, samples, rate, format="FLAC")
    pieces = [pcm[i : i + n_bytes] for i in range(0, len(pcm), n_bytes)]
    expected = [runtime.transcribe(path, names)] if name else []
    told = rate, channels
    ways = {
        "listen to the file": streamed(runtime, File(path).blocks(16_000), names),
        "listen to a pipe": streamed(runtime, Pipe(io.BytesIO(pcm), *told, "int16").blocks(16_000), names),
        "HTTP": run(over_http(recognition, content.getvalue(), names)),
        "WebSocket": run(over_websocket(recognition, pieces, names, *told)),
    }
    for way, found in ways.items():
        for (ours, p), (theirs, expected_p) in zip(answers(found), answers(expected), strict=True):
            assert (way, ours) == (way, theirs)
            assert p == pytest.approx(expected_p, abs=1e-6 if rate == 16_000 else 0.02), way

    text = next(map(text_of, expected), "")
    assert bool(text) == (name in names)
    event = run(over_wyoming(recognition, Transcribe(transcript_names=names), pieces, *told))
    assert (event.type, event.data["text"]) == ("transcript", text)
    event = run(over_wyoming(recognition, Detect(names), pieces, *told))
    assert (event.type, event.data.get("name", "")) == ("detection" if text else "not-detected", text)


def test_a_recordings_faults_come_with_its_transcript_over_http(recognition, runtime, said):
    mono = np.clip(np.frombuffer(said("one", 8_000), "<i2") * 20.0, -32_768, 32_767).astype("<i2")
    content = io.BytesIO()
    soundfile.write(content, mono, 8_000, format="FLAC")
    (answer,) = run(over_http(recognition, content.getvalue(), ["one"]))
    assert answer["faults"] == list(runtime.transcribe((mono, 8_000), ["one"]).faults)
    assert [fault.partition(":")[0] for fault in answer["faults"]] == ["narrow band", "too loud"]
