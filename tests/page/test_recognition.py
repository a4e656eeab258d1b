"""What the page recognises is what Python recognises: the same end-pointer, network, pronunciations and scores."""

import base64
import json
import unicodedata

import numpy as np
import pytest
import soundfile
import soxr
from sounds import NAMES, as_text, listen, pause
from spoken import say

from speech.audio import endpointing, streams
from speech.audio.quality import examine
from speech.inference import enrolment
from speech.inference.decode import Beam
from speech.inference.prefix_beam import n_best
from speech.inference.pronounce import pronounce
from speech.inference.score import score
from speech.text.alphabet import Alphabet, TextError
from speech.text.names import read_names
from speech.text.phones import PhoneError, phones
from speech.text.spelling import words

pytest_plugins = ["browser"]

LEXICON = "async (names) => { window.lexicon = await lexiconOf(names); }"
TRANSCRIBE = """async (sound) => {
  const { clip, ...found } = await all.recognizer.transcribe(waveformOf(sound), lexicon);
  return { ...found, outputs: [[...clip.letters.data], [...clip.phones.data]] };
}"""


@pytest.fixture(scope="module", autouse=True)
def lexicon(engine):
    engine.evaluate(LEXICON, NAMES)


@pytest.fixture(scope="module")
def transcribe(engine):
    return lambda waveform: engine.evaluate(TRANSCRIBE, as_text(waveform))


CLIPS = {
    "a list's name": ("Martin", {}),
    "an accent": ("Siobhan", {"accent": "en-GB-scotland", "variant": "f2"}),
    "a pause": ("Anne, Marie", {"variant": "f1"}),
    "not in the list": ("elephant", {"variant": "m1"}),
    "a noisy room": ("Morton", {"room": 0.02}),
    "digital silence around": ("Mark", {"room": 0}),
    "nothing around": ("Chloe", {"around_s": 0, "variant": "f3"}),
    "a long recording": ("Two three", {"around_s": 4}),
}


def test_of_a_long_recording_with_pauses_the_page_hears_pythons_names(transcribe, engine, runtime, clip_of):
    """As one recording, of whose names the loudest is taken; and as a stream, in which each is recognised: three in
    20 s of a room, the last with a pause inside that is longer than the end-pointer's."""
    sound = np.random.default_rng(5).normal(0, 1e-3, 20 * 16_000).astype(np.float32)
    for start_s, text in ((1.0, "Martin"), (7.5, "Siobhan"), (14.0, "Nguyen Van")):
        clip = clip_of(text, room=0, around_s=0)
        sound[round(start_s * 16_000) :][: len(clip)] += clip
    found, expected = transcribe(sound), runtime.transcribe((sound, 16_000), NAMES)
    assert found["span"] == list(endpointing.find_speech(sound, 16_000))
    assert found["names"][0]["text"] == expected.names[0][0]
    found = listen(engine, sound, 4_096, NAMES, atPause=False)
    endpointer, lexicon = endpointing.Endpointer(16_000), runtime.lexicon(NAMES)
    segments = [*endpointer.feed(sound), *endpointer.finish()]
    assert len(segments) >= 3
    for (name, start_s, stop_s, _, accepted, letters), segment in zip(found, segments, strict=True):
        theirs = runtime.transcript(runtime.log_probs(segment.waveform), 0.0, lexicon)
        assert (letters, name, accepted) == (theirs.letters, theirs.names[0][0], theirs.accepted)
        assert (start_s * 16_000, stop_s * 16_000) == pytest.approx((segment.start, segment.stop))


def check_segments(engine, sound, size, pause_s=None):
    """Python's segments of ``sound``, which the page has too."""
    endpointer = endpointing.Endpointer(16_000, pause_s)
    segments = [*endpointer.feed(sound), *endpointer.finish()]
    found = engine.evaluate(
        """async ([sound, size, pauseS]) => {
          const { Endpointer } = await import("/endpointing.js");
          const [samples, endpointer, found] = [waveformOf(sound), new Endpointer(16000, pauseS), []];
          for (let at = 0; at < samples.length; at += size)
            found.push(...endpointer.feed(samples.subarray(at, at + size)));
          return [...found, ...endpointer.finish()].map(({ start, stop, over, parts }) => [start, stop, over, parts]);
        }""",
        [as_text(sound), int(size), pause_s],
    )
    assert found == [[one.start, one.stop, one.over, [list(part) for part in one.parts]] for one in segments]
    return segments


@pytest.mark.parametrize("seed", range(3))
def test_segments_after_short_pauses_are_pythons(seed, engine):
    rng, sound = np.random.default_rng(seed), []
    for i in rng.integers(0, 3, 6):
        sound += [say(["Jennifer", "Robert", "Alexander"][i]), pause(rng.choice([0.05, 0.15, 0.4, 1.1]))]
    segments = check_segments(engine, np.concatenate(sound), rng.integers(50, 20_000), pause_s=0.1)
    assert any(not one.over for one in segments)


@pytest.mark.parametrize("seed", range(4))
def test_segments_are_pythons_in_any_sound(seed, engine):
    """Bursts, hum, gaps of digital silence and speech without a pause, for longer than the window."""
    rng = np.random.default_rng(seed)
    sound = rng.normal(0, 10 ** rng.uniform(-5, -2), 15 * 16_000)
    for _ in range(rng.integers(3, 12)):
        start, length = rng.integers(0, len(sound)), round(rng.choice([0.05, 0.3, 1.0, 7.0]) * 16_000)
        burst = rng.normal(0, 10 ** rng.uniform(-2.5, -0.5), length)
        burst *= 1 + rng.integers(2) * np.sin(np.arange(length) / 900)  # or a steady noise, which is no speech
        sound[start : start + length] += burst[: len(sound) - start]
    start = rng.integers(0, len(sound))
    sound[start : start + rng.integers(0, 32_000)] = 0
    assert check_segments(engine, sound.astype(np.float32), rng.integers(50, 20_000))


@pytest.mark.parametrize("what", CLIPS)
def test_the_page_gives_pythons_answer(what, transcribe, runtime, clip_of):
    text, changes = CLIPS[what]
    waveform = clip_of(text, **changes)
    found, expected = transcribe(waveform), runtime.transcribe((waveform, 16_000), NAMES)
    assert found["span"] == list(endpointing.find_speech(waveform, 16_000))
    for ours, theirs in zip(found["outputs"], runtime.frames_of((waveform, 16_000)), strict=True):
        np.testing.assert_allclose(ours, theirs.ravel(), atol=1e-3)
    assert [one["text"] for one in found["names"]] == [name for name, _ in expected.names]
    probabilities = [one["probability"] for one in found["names"]] + [found["outOfList"]]
    np.testing.assert_allclose(probabilities, [p for _, p in expected.names] + [expected.out_of_list], atol=1e-4)
    for key in ("letters", "phones", "accepted"):
        assert found[key] == getattr(expected, key)
    spans = [(one["letter"], one["startS"], one["endS"]) for one in found["spans"]]
    assert spans == [(one.letter, pytest.approx(one.start_s), pytest.approx(one.end_s)) for one in expected.spans]


@pytest.mark.parametrize("sound", ["silence", "a click", "one tone"])
def test_where_python_hears_no_speech_the_page_does_not(sound, engine):
    time = np.arange(32_000) / 16_000
    click = np.zeros(32_000)
    click[9_000:9_020] = 0.5
    waveform = {"silence": 0 * time, "a click": click, "one tone": 0.1 * np.sin(2 * np.pi * 500 * time)}[sound]
    with pytest.raises(endpointing.NoSpeechError):
        endpointing.find_speech(waveform.astype(np.float32), 16_000)
    message = engine.evaluate(
        """async (sound) => {
          const { NoSpeechError, loudest } = await import("/endpointing.js");
          try { return `${loudest(waveformOf(sound), 16000).start}`; }
          catch (error) { return error instanceof NoSpeechError ? error.message : "thrown"; }
        }""",
        as_text(waveform),
    )
    assert message.startswith("no speech found")


def test_pronunciations_are_pythons(engine):
    texts = ["either", "O'Neill", "Jean-Luc Picard", "İpek", "Þóra", "Đặng", "zzyzx", "Xi", "O’Connor", "Anne–Marie"]
    texts += ["Voß", "TJ", "Mary AJ", "LI"]
    names = read_names(
        [*NAMES, *texts, {"text": "Saoirse", "say": ["seersha", "/ˈsɛːɹ.ʃə/"]}, {"text": "Gil", "say": ["/dʒ͡ʤɚl̩/"]}]
    )
    found = engine.evaluate(
        "(names) => all.recognizer.pronounce(names, all.loadReaders)",
        [{"text": str(name), "say": list(name.say)} for name in names],
    )
    for name, ours, theirs in zip(names, found, pronounce(names), strict=True):
        assert [tuple(one["phones"]) for one in ours] == [one.phones for one in theirs], name
        np.testing.assert_allclose([one["probability"] for one in ours], [one.probability for one in theirs], atol=1e-5)


def test_a_name_in_another_script_is_spelt_as_its_respelling(transcribe, engine, clip_of, runtime):
    names = [{"text": "Мартин", "say": ["martin"]}, {"text": "马克", "say": ["mark"]}]
    engine.evaluate(LEXICON, names)
    waveform = clip_of("Martin")
    found, expected = transcribe(waveform), runtime.transcribe((waveform, 16_000), names)
    assert [one["text"] for one in found["names"]] == [name for name, _ in expected.names] == ["Мартин", "马克"]
    assert found["accepted"] == expected.accepted
    engine.evaluate(LEXICON, NAMES)


def test_the_first_list_is_said_as_the_page_would_read_it(engine):
    given, read = engine.evaluate(
        """async () => {
          const { recognizer, example, loadReaders } = all;
          return [example.map((one) => one.pronunciations), await recognizer.pronounce(example, loadReaders)];
        }"""
    )
    for ours, theirs in zip(given, read, strict=True):
        assert [one["phones"] for one in ours] == [one["phones"] for one in theirs]
        np.testing.assert_allclose(*([one["probability"] for one in some] for some in (ours, theirs)), atol=1e-5)


def test_every_letter_is_folded_and_parted_as_in_python(engine):
    """Of every letter, mark and sign of the first 0x2200 characters, in a name."""
    texts = [f"a{chr(code)}b" for code in range(0x20, 0x2200) if unicodedata.category(chr(code))[0] not in "C"]
    texts += ["ŉ-ﬁſt", "STRASSE ẞß", "  a\u00a0 b ", "'", "12", ""]
    alphabet = Alphabet()

    def python(text):
        try:
            return alphabet.fold(text)
        except TextError:
            return None

    found = engine.evaluate(
        """async (texts) => {
          const { words } = await import("/spelling.js");
          const fold = (text) => { try { return all.recognizer.alphabet.fold(text); } catch { return null; } };
          return texts.map((text) => [fold(text), words(text)]);
        }""",
        texts,
    )
    differing = [text for text, ours in zip(texts, found, strict=True) if ours != [python(text), words(text)]]
    newer = [text for text in differing if ord(max(text)) not in range(0x250)]
    assert len(newer) == len(differing), differing
    assert not [text for text in newer if python(text) is not None], newer


def test_an_ipa_symbol_that_is_no_sound_is_named(engine):
    read = """(ipa) => { try { return all.recognizer.inventory.read(ipa); } catch (error) { return error.message; } }"""
    for ipa in ("ˈmɑː.tɪn", "t͡ʃɑːɹlz", "bʌ.tn̩", "ɝˈdʒʒ", "(en)haɪ"):
        assert tuple(engine.evaluate(read, ipa)) == phones(ipa)
    with pytest.raises(PhoneError):
        phones("mqn")
    assert "“q”" in engine.evaluate(read, "mqn")


@pytest.mark.parametrize("scale", [1, 60])
def test_scores_and_decoded_strings_are_pythons(scale, engine):
    """At ``scale`` 60 the scores underflow what a float holds."""
    rng = np.random.default_rng(scale)
    logits = rng.normal(0, 3, (30, 6)) * scale
    log_probs = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    texts = [[1], [1, 1, 2], [3, 4, 5, 5, 5], [], [2] * 16, list(rng.integers(1, 6, 12))]
    texts = [[int(symbol) for symbol in text] for text in texts]
    found = engine.evaluate(
        """async ([data, texts]) => {
          const { Frames, score } = await import("/score.js");
          const { nBest } = await import("/prefix_beam.js");
          const { beam } = await import("/decode.js");
          const frames = new Frames(new Float64Array(bytesOf(data).buffer), 30, 6);
          return [score(frames, texts).map(String), nBest(frames, 12), beam(8)(frames)];
        }""",
        [as_text(log_probs, "<f8"), texts],
    )
    scores, strings, beam = found
    expected = score(log_probs, texts)
    np.testing.assert_allclose([float(one.replace("Infinity", "inf")) for one in scores], expected, rtol=1e-9)
    assert beam == Beam(8)(log_probs)
    (best,) = n_best(log_probs[None], np.array([30]), 12)
    assert [tuple(one["symbols"]) for one in strings[:6]] == [symbols for symbols, _ in best[:6]]
    np.testing.assert_allclose([one["p"] for one in strings[:6]], [p for _, p in best[:6]], rtol=1e-9)


def test_faults_of_a_recording_are_pythons(engine, clip_of):
    clip = clip_of("Martin")
    loud = np.clip(clip * 20, -1, 1)
    cases = [clip, loud, clip / 200, clip_of("Martin", room=0.08), clip[17_000:], clip[:22_000]]
    for case in cases:
        faults = engine.evaluate(
            """async (sound) => {
              const { faultsOf } = await import("/quality.js");
              const { loudest } = await import("/endpointing.js");
              const waveform = waveformOf(sound);
              const { start, stop } = loudest(waveform, 16000);
              return faultsOf(waveform, [start, stop], 16000);
            }""",
            as_text(case),
        )
        kinds = [fault.partition(":")[0] for fault in faults]
        assert kinds == [fault.partition(":")[0] for fault in examine(case.astype(np.float32), 16_000).faults]


def test_an_enrolment_of_the_page_is_pythons_and_each_reads_the_other(engine, runtime, clip_of, tmp_path):
    clips = [clip_of("Martin"), clip_of("Martin", variant="f2"), clip_of("Marten", accent="en-GB")]
    written = engine.evaluate(
        """async (sounds) => {
          const { enrol, write } = await import("/enrolment.js");
          const clips = [];
          for (const sound of sounds) clips.push((await all.recognizer.transcribe(waveformOf(sound), new Map())).clip);
          const { alphabet, inventory } = all.recognizer;
          const enrolled = new Map([["Märtin", enrol(clips)], ["boss", enrol(clips.slice(0, 1), false)]]);
          return write(enrolled, alphabet, inventory);
        }""",
        [as_text(clip) for clip in clips],
    )
    ours, theirs, again = (tmp_path / name for name in ("page.json", "python.json", "again.json"))
    ours.write_text(written, encoding="utf-8")
    frames = [runtime.frames_of((clip, 16_000)) for clip in clips]
    enrolled = {"Märtin": enrolment.enrol(frames), "boss": enrolment.enrol(frames[:1], spelled=False)}
    kinds = runtime.alphabet, runtime.inventory
    enrolment.write(theirs, enrolled, *kinds)

    def probabilities(path):
        read = enrolment.read(path, *kinds)
        return {
            (name, tuple(symbols)): np.exp(log_p)
            for name, one in read.items()
            for variants in one.decoded
            for symbols, log_p in zip(*variants, strict=True)
        }

    one, other = probabilities(ours), probabilities(theirs)
    assert max(abs(one.get(key, 0) - other.get(key, 0)) for key in one | other) < 1e-4
    there = {name: (one.n_recordings, one.spelled) for name, one in enrolment.read(ours, *kinds).items()}
    assert there == {"Märtin": (3, True), "boss": (1, False)}

    copied = engine.evaluate(
        """async (text) => {
          const { read, write } = await import("/enrolment.js");
          const { alphabet, inventory } = all.recognizer;
          return write(read(text, "python.json", alphabet, inventory), alphabet, inventory);
        }""",
        theirs.read_text(encoding="utf-8"),
    )
    again.write_text(copied, encoding="utf-8")
    assert enrolment.read(again, *kinds) == enrolment.read(theirs, *kinds)


def test_a_damaged_enrolment_is_refused_by_its_name(engine, runtime, clip_of, tmp_path):
    path = tmp_path / "own.json"
    enrolled = {"Martin": enrolment.enrol([runtime.frames_of((clip_of("Martin"), 16_000))])}
    enrolment.write(path, enrolled, runtime.alphabet, runtime.inventory)
    whole = path.read_text(encoding="utf-8")
    foreign, infinite, empty = json.loads(whole), json.loads(whole), json.loads(whole)
    foreign["names"]["Martin"]["phones"][0][0] = ["ʘ"]
    infinite["names"]["Martin"]["letters"][0][1] = None
    empty["names"]["Martin"]["letters"] = []
    texts = [whole[:-1], "", "[]", '{"format": 2, "names": {}}', *map(json.dumps, (foreign, infinite, empty))]
    for text in texts:
        message = engine.evaluate(
            """async (text) => {
              const { read } = await import("/enrolment.js");
              try { return String(read(text, "own.json", all.recognizer.alphabet, all.recognizer.inventory)); }
              catch (error) { return error.message; }
            }""",
            text,
        )
        assert message.startswith("own.json: not a file of enrolled names"), message


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000])
def test_resampled_sound_is_soxrs_in_any_blocks(rate, engine, runtime, clip_of):
    clip = clip_of("Martin")
    given = soxr.resample(clip, 16_000, rate).astype(np.float32)
    whole, blocks = (
        np.array(some)
        for some in engine.evaluate(
            """async ([sound, rate]) => {
              const { Resampler, resample } = await import("/resample.js");
              const samples = waveformOf(sound);
              const resampler = new Resampler(rate, 16000);
              const found = [];
              for (let at = 0, n = 1; at < samples.length; at += n, n = (n * 7) % 4099)
                found.push(...resampler.push(samples.subarray(at, at + n)));
              return [[...resample(samples, rate, 16000)], [...found, ...resampler.finish()]];
            }""",
            [as_text(given), rate],
        )
    )
    np.testing.assert_array_equal(whole, blocks)
    expected = soxr.resample(given, rate, 16_000)
    n = min(len(expected), len(whole))
    assert abs(len(expected) - len(whole)) <= 1
    assert np.sqrt(np.mean((expected[:n] - whole[:n]) ** 2)) < 0.002 * np.abs(clip).max()


@pytest.mark.parametrize("gains", [[1.0], [1.0, 0.0], [1.0, -1.0], [0.3, 0.3, -0.9], [0.0, 0.0]])
def test_a_streams_channels_are_mixed_as_by_python(gains, engine, clip_of):
    clip = clip_of("Martin")
    channels = [(gain * clip).astype(np.float32) for gain in gains]
    found = engine.evaluate(
        """async (texts) => {
          const { Mono } = await import("/mono.js");
          const mono = new Mono();
          const channels = texts.map(waveformOf);
          const found = [];
          for (let at = 0; at < channels[0].length; at += 2048)
            found.push(...mono.push(channels.map((one) => one.subarray(at, at + 2048))));
          return found;
        }""",
        [as_text(one) for one in channels],
    )
    mono, together = streams.Mono(16_000, 16_000), np.stack(channels, 1)
    expected = np.concatenate([mono(together[at : at + 2048]) for at in range(0, len(together), 2048)])
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_what_is_heard_of_a_stream_depends_on_no_blocks(engine, clip_of):
    sound = np.concatenate([clip_of("Martin"), clip_of("Siobhan", variant="f2"), clip_of("Mark")])
    whole, *others = (listen(engine, sound, size, NAMES, atPause=False) for size in (len(sound), 97, 640, 5_000))
    assert others == [whole] * 3
    assert [name for name, *_ in whole] == ["Martin", "Siobhan", "Mark"]


@pytest.mark.parametrize(("per_hour", "in_bursts"), [(None, False), (5, False), (5, True)])
def test_a_stream_without_names_holds_no_more_memory(per_hour, in_bursts, engine):
    """Of steady noise, in which the finder rests, or as loud as speech for a quarter of a second in each half."""
    sizes, n_heard = engine.evaluate(
        """async ([perHour, inBursts]) => {
          const { Listener } = await import("/listening.js");
          const [held, found] = [[], []];
          const loudness = (i) => (inBursts && i % 8000 < 4000 ? 0.2 : 2e-3);
          const on = { speaking() {}, name: (one) => found.push(one) };
          const listener = new Listener(all.recognizer, () => lexicon, on, perHour);
          for (let second = 0; second < 30; second++) {
            await listener.push(Float32Array.from({ length: 16000 }, (_, i) => (Math.random() - 0.5) * loudness(i)));
            const { nKept, search } = listener.listening.stream ?? { nKept: 0, search: { recent: [] } };
            held.push([listener.samples.length, listener.endpointer.bands.length, nKept, search.recent.length]);
          }
          return [held, found.length];
        }""",
        [per_hour, in_bursts],
    )
    assert n_heard == 0 or in_bursts
    for most, held in zip((8.5 * 16_000, 620, 6.2 * 16_000, 200), zip(*sizes, strict=True), strict=True):
        assert max(held) <= most
    assert (min(sizes[-1][2:]) > 0) == in_bursts


KINDS = {
    "8 bit": ("wav", "PCM_U8", 16_000),
    "16 bit": ("wav", "PCM_16", 16_000),
    "24 bit": ("wav", "PCM_24", 16_000),
    "32 bit": ("wav", "PCM_32", 16_000),
    "float": ("wav", "FLOAT", 16_000),
    "double": ("wav", "DOUBLE", 16_000),
    "16 bit, big-endian": ("wav", "PCM_16", 16_000),
    "24 bit, big-endian": ("wav", "PCM_24", 16_000),
    "extensible": ("wavex", "PCM_16", 16_000),
    "flac": ("flac", "PCM_16", 16_000),
    "ogg": ("ogg", "VORBIS", 44_100),
    "mp3": ("mp3", "MPEG_LAYER_III", 44_100),
    "44.1 kHz": ("wav", "PCM_16", 44_100),
    "48 kHz": ("flac", "PCM_16", 48_000),
    "a dead channel": ("wav", "PCM_16", 16_000),
    "a channel upside down": ("wav", "PCM_16", 16_000),
}
RIGHT = {"a dead channel": 0.0, "a channel upside down": -1.0}  # times the left channel


@pytest.mark.parametrize("kind", KINDS)
def test_a_files_answer_is_pythons_in_every_format(kind, engine, runtime, clip_of, tmp_path):
    container, subtype, rate = KINDS[kind]
    path = tmp_path / f"clip.{container[:3]}"
    left = soxr.resample(clip_of("Martin"), 16_000, rate)
    kinds = {"subtype": subtype, "format": container.upper(), "endian": "BIG" if "big" in kind else None}
    soundfile.write(path, np.stack([left, RIGHT.get(kind, 0.5) * left], axis=1), rate, **kinds)
    expected = runtime.transcribe(path, NAMES)
    found = engine.evaluate(
        """async ([bytes, name]) => {
          const { readClip } = await import("/clip.js");
          const file = new File([bytesOf(bytes)], name);
          const { names, outOfList, accepted } = await all.recognizer.transcribe(await readClip(file, 16000), lexicon);
          return { names, outOfList, accepted };
        }""",
        [base64.b64encode(path.read_bytes()).decode(), path.name],
    )
    ours = {one["text"]: one["probability"] for one in found["names"]} | {"": found["outOfList"]}
    theirs = dict(expected.names) | {"": expected.out_of_list}
    assert max(abs(ours[name] - theirs[name]) for name in theirs) < (1e-3 if rate == 16_000 else 0.02)
    assert found["accepted"] == expected.accepted
