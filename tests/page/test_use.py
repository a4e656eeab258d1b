"""The page as people meet it: microphone, files, lists, enrolment; and what it says where something is missing."""

import functools
import http.server
import io
import re
import threading

import numpy as np
import pytest
import soundfile
from browser import serving, violations, wait_for, wait_for_n
from sounds import as_text
from spoken import RATE, say

from speech.audio import files
from speech.inference import enrolment
from speech.page import site

pytest_plugins = ["browser"]

FAKE = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")


def speaking(path):
    return (*FAKE, f"--use-file-for-fake-audio-capture={path}%noloop")


def own_rate(rate):
    return f"""{{ const Own = AudioContext;
      window.AudioContext = class extends Own {{ constructor() {{ super({{ sampleRate: {rate} }}); }} }}; }}"""


STUBS = {
    "as it is": "",
    "44 100 Hz": own_rate(44_100),
    "48 000 Hz": own_rate(48_000),
    "96 000 Hz": own_rate(96_000),
    "a browser that refuses every rate but the microphone's": """
      const make = AudioContext.prototype.createMediaStreamSource;
      AudioContext.prototype.createMediaStreamSource = function (stream) {
        if (this.sampleRate !== 48000) throw new DOMException("of another rate", "NotSupportedError");
        return make.call(this, stream);
      };
      const Own = AudioContext;
      window.AudioContext = class extends Own { constructor(options) { super(options ?? { sampleRate: 44100 }); } };""",
    "a microphone whose right channel is wired inverted": """
      const make = AudioContext.prototype.createMediaStreamSource;
      AudioContext.prototype.createMediaStreamSource = function (stream) {
        const source = make.call(this, stream);
        const turned = new GainNode(this, { gain: -1 });
        const both = new ChannelMergerNode(this, { numberOfInputs: 2 });
        source.connect(both, 0, 0);
        source.connect(turned).connect(both, 0, 1);
        return both;
      };""",
    "a hidden tab": """
      for (const name of ["setTimeout", "setInterval"]) {
        const own = window[name];
        window[name] = (action, ms, ...rest) => own(action, Math.max(1000, ms ?? 0), ...rest);
      }
      window.requestAnimationFrame = () => 0;""",
}


@pytest.fixture(scope="module")
def sounds(shared, clip_of):
    """Files of what a fake microphone records: *Martin* after 1.5 s, *Mark* after it, and two names in one breath."""

    def make(folder):
        once = clip_of("Martin", around_s=1.5)
        twice = np.concatenate([once, clip_of("Mark", around_s=1.5)])
        sentence = np.pad(say("have you seen Jennifer or Robert at the house"), (RATE, 2 * RATE))
        for name, waveform in {"once": once, "twice": twice, "sentence": sentence}.items():
            files.write(folder / f"{name}.wav", waveform, RATE)

    return shared("page_sounds", make)


def probabilities(page):
    """The probability of each name, in percent as shown."""
    rows = map(str.splitlines, page.locator("#ranking li").all_inner_texts())
    return {name: float(percent.split()[0]) for name, percent in rows}


def texts(page, selector):
    return page.locator(selector).all_text_contents()


def write_list(page, names, n):
    """Write the list, until ``n`` names of it are read."""
    page.fill("#names", names)
    wait_for_n(page, "#list > li", n)


def recognise(page, path, verdict):
    """Let the page recognise a file, or several, until the last has its ``verdict``."""
    page.set_input_files("#file", path)
    wait_for(page, "verdict", verdict)


@pytest.fixture(scope="module")
def shifted(sounds, runtime):
    """The probability of *Martin*: a microphone begins in any sample, and the frames, of 10 ms, with it."""
    lexicon = runtime.lexicon(["Martin", "Marvin", "Morton", "Mark", "Siobhan"])
    clips = [(files.read(sounds / "once.wav", 16_000)[n:], 16_000) for n in range(0, 160, 10)]
    return [dict(runtime.transcribe_recording(clip, lexicon).names)["Martin"] for clip in clips]


@pytest.mark.parametrize("stub", STUBS)
def test_a_name_said_to_the_microphone_is_the_files(stub, ready, sounds, shifted):
    page = ready(*speaking(sounds / "once.wav"), init=STUBS[stub])
    page.click("#listen")
    wait_for(page, "verdict", "Martin,")
    assert min(shifted) - 0.02 <= probabilities(page)["Martin"] / 100 <= max(shifted) + 0.02
    assert page.inner_text("#listen") == "Stop"
    page.click("#listen")
    wait_for(page, "listen", "Listen")


TRACKS = """
  window.tracks = [];
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    window.wanted = wanted;
    const stream = await ask(wanted);
    window.tracks.push(...stream.getTracks());
    return stream;
  };"""


def test_the_device_and_its_rate_are_said_and_stop_ends_every_track(ready, sounds):
    page = ready(*speaking(sounds / "once.wav"), init=TRACKS)
    page.click("#listen")
    wait_for(page, "microphone", "Hz")
    assert page.evaluate("wanted.audio") == dict.fromkeys(
        ("echoCancellation", "noiseSuppression", "autoGainControl"), False
    )
    page.click("#listen")
    page.wait_for_function("() => tracks.every((track) => track.readyState === 'ended')")


def test_stop_hears_what_was_being_said(ready, sounds):
    page = ready(*speaking(sounds / "once.wav"))
    page.click("#listen")
    page.wait_for_function("() => document.getElementById('verdict').textContent.endsWith('…')")
    page.wait_for_timeout(300)
    page.click("#listen")
    page.wait_for_function("() => !document.getElementById('verdict').textContent.endsWith('…')")
    assert page.inner_text("#verdict")


def test_two_names_are_heard_and_the_first_is_kept(ready, sounds):
    page = ready(*speaking(sounds / "twice.wav"))
    page.click("#listen")
    wait_for(page, "verdict", "Mark,")
    _, first = texts(page, "#before li")
    assert "Martin" in first


def refusing(error):
    return f"navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', '{error}'));"


REFUSED = {
    "NotAllowedError": "denied: allow it",
    "NotFoundError": "No microphone was found: plug",
    "NotReadableError": "Another program holds",
    "AbortError": "plug it in again",
    "OddError": "OddError",
}


def test_why_the_browser_gives_no_microphone_is_told(ready):
    page = ready()
    for error, reason in REFUSED.items():
        page.evaluate(f"() => {{ {refusing(error)} }}")
        page.click("#listen")
        wait_for(page, "problem", reason)
        assert page.inner_text("#listen") == "Listen"


WITHOUT = {
    "no https": (
        "Object.defineProperty(navigator, 'mediaDevices', { value: undefined });"
        "Object.defineProperty(window, 'isSecureContext', { value: false });",
        "open http://localhost:",
    ),
    "never": (
        "Object.defineProperty(navigator, 'mediaDevices', { value: undefined });",
        "does not give pages the microphone",
    ),
    "no server any more": (
        "AudioWorklet.prototype.addModule = async () => { throw new DOMException('', 'AbortError'); };",
        "capture.js was not loaded",
    ),
    "no worklet": ("delete window.AudioWorkletNode;", "update it"),
}


@pytest.mark.parametrize("case", WITHOUT)
def test_without_a_microphone_the_page_says_why_and_hears_files(case, ready, sounds):
    init, reason = WITHOUT[case]
    page = ready(*(FAKE if "addModule" in init else ()), init=init)
    page.click("#listen")
    page.wait_for_selector("#problem:not([hidden])")
    assert reason in page.inner_text("#problem")
    assert page.inner_text("#listen") == "Listen"
    recognise(page, sounds / "once.wav", "Martin,")
    assert page.is_hidden("#problem")


ENDS = [
    ("context.track.dispatchEvent(new Event('ended'))", "disconnected"),  # unplugged
    (  # a call on a phone
        "Object.defineProperty(context.context, 'state', { value: 'interrupted' });"
        "context.context.dispatchEvent(new Event('statechange'))",
        "interrupted",
    ),
    ("context.node.port.close()", "no longer gives any sound"),  # a clock that stands still
]


def test_a_microphone_that_ends_is_told_and_one_press_opens_it_again(ready, sounds):
    init = """
      window.context = {};
      const make = AudioContext.prototype.createMediaStreamSource;
      AudioContext.prototype.createMediaStreamSource = function (stream) {
        Object.assign(context, { context: this, track: stream.getAudioTracks()[0] });
        return make.call(this, stream);
      };
      const Node = AudioWorkletNode;
      window.AudioWorkletNode = class extends Node { constructor(...a) { super(...a); context.node = this; } };"""
    page = ready(*speaking(sounds / "once.wav"), init=init)
    page.fill("#names", "Martin\nMark")
    page.click("#listen")
    wait_for(page, "listen", "Stop")
    for action, reason in ENDS:
        page.evaluate(action)
        page.wait_for_selector("#problem:not([hidden])")
        assert reason in page.inner_text("#problem")
        assert "Listen" in page.inner_text("#problem")
        assert page.evaluate("context.track.readyState") == "ended"
        page.click("#listen")
        wait_for(page, "listen", "Stop")
        assert page.is_hidden("#problem")
    assert page.input_value("#names") == "Martin\nMark"


def test_digital_silence_is_told(ready, tmp_path):
    files.write(tmp_path / "zeros.wav", np.zeros(80_000, np.float32), 16_000)
    page = ready(*speaking(tmp_path / "zeros.wav"))
    page.click("#listen")
    wait_for(page, "microphone", "digital silence")


def test_a_worklet_whose_input_is_empty_goes_on(launch, address):
    page = launch().new_page()
    page.goto(address)
    found = page.evaluate(
        """async () => {
          let Capture;
          const posted = [];
          globalThis.AudioWorkletProcessor = class { port = { postMessage: (block) => posted.push(block) }; };
          globalThis.registerProcessor = (_, made) => (Capture = made);
          await import("/capture.js");
          const capture = new Capture();
          const alive = [capture.process([[]]), capture.process([]), capture.process([[new Float32Array(4)]])];
          capture.port.onmessage();
          return [alive, posted.map((block) => block && block.map((channel) => channel.length))];
        }"""
    )
    assert found == [[True, True, True], [[4], None]]


def test_files_that_cannot_be_heard_are_named_and_the_next_is_heard(ready, sounds, tmp_path):
    def encoded(samples, kind, rate=8_000, subtype=None):
        file = io.BytesIO()
        soundfile.write(file, samples, rate, subtype, format=kind)
        return file.getvalue()

    whole = (sounds / "once.wav").read_bytes()
    bad = {
        "empty.wav": (b"", "empty"),
        "text.wav": (b"no sound at all " * 40, "not readable as audio"),
        "names.csv": (b"Anna,Bob", "not readable as audio (Unable to decode audio data): if it is a list, copy its"),
        "cut.wav": (whole[: len(whole) // 2], "truncated"),
        "header.wav": (whole[:44], "truncated"),  # it declares the samples that it had
        "nothing.wav": (whole[:40] + bytes(4), "no samples"),
        "channels.wav": (whole[:22] + bytes(2) + whole[24:], "without channels"),
        "head.flac": (b"fLaC", "not readable"),
        "photo.m4a": (b"\xff\xd8\xff\xe0" * 400, "not readable as audio"),
        "of a mac.aiff": (encoded(np.zeros(8_000), "AIFF"), "FLAC: ffmpeg -i 'of a mac.aiff' 'of a mac.wav'"),
        "long.wav": (encoded(np.zeros(8_000 * 61), "WAV"), "over the 60 s"),
        "long.ogg": (encoded(np.zeros(8_000 * 61), "OGG"), "over the 60 s"),
        "silent.wav": (encoded(np.zeros(16_000), "WAV"), "no speech"),
        "nan.wav": (encoded(np.full(16_000, np.nan), "WAV", subtype="FLOAT"), "NaN"),
    }
    for name, (content, _) in bad.items():
        (tmp_path / name).write_bytes(content)
    files.write(tmp_path / "late.wav", np.r_[np.zeros(60 * RATE), soundfile.read(sounds / "once.wav")[0]], RATE)
    page = ready()
    page.uncheck("#within")
    recognise(page, [*(tmp_path / name for name in bad), sounds / "once.wav"], "Martin,")
    page.wait_for_selector("#problem:not([hidden])")
    problems = page.inner_text("#problem").split(" — ")
    for (name, (_, reason)), problem in zip(bad.items(), problems, strict=True):
        assert problem.startswith(f"{name}: ")
        assert reason in problem
    page.check("#within")
    page.set_input_files("#file", tmp_path / "late.wav")
    page.wait_for_function("() => /^late.wav, 6\\d\\.. s: Martin,/.test(document.getElementById('before').textContent)")
    assert page.is_hidden("#problem")
    assert page.is_hidden("#status")


def test_a_wav_that_does_not_know_its_length_is_heard(ready, sounds, tmp_path):
    content = bytearray((sounds / "once.wav").read_bytes())
    for size in (0, 0x7FFF_F000, 0x8000_0000, 0xFFFF_FFFF):
        content[40:44] = size.to_bytes(4, "little")
        (tmp_path / f"{size}.wav").write_bytes(content)
    page = ready()
    page.set_input_files("#file", [*tmp_path.iterdir()])
    wait_for_n(page, "#before li", 4)
    assert all(" Martin," in one for one in texts(page, "#before li"))
    assert page.is_hidden("#problem")


DROP = """([name, content, fails]) => {
  const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
  const dropped = new DataTransfer();
  if (name) dropped.items.add(new File([bytes], name));
  else dropped.setData("text/plain", "Anna");
  if (fails) File.prototype.arrayBuffer = () => Promise.reject(new DOMException("not to be found", "NotFoundError"));
  const options = { dataTransfer: dropped, bubbles: true, cancelable: true };
  return document.getElementById("names").dispatchEvent(new DragEvent("drop", options));
}"""


def test_a_dropped_file_is_recognised_and_a_folder_is_refused(ready, sounds):
    page = ready()
    page.evaluate(DROP, ["dropped.wav", as_text(np.fromfile(sounds / "once.wav", np.uint8), "u1"), False])
    wait_for(page, "verdict", "Martin,")
    assert "the rest is cut off" in page.inner_text("#details")
    assert "accepted below" in page.inner_text("#details")
    assert not page.evaluate(DROP, ["folder", "AAAA", True])  # a browser lists a folder as a file, and cannot read it
    page.wait_for_selector("#problem:not([hidden])")
    assert page.inner_text("#problem").startswith("folder: not readable")
    assert page.evaluate(DROP, ["", "", False]), "a text may be dropped into the list"


@pytest.mark.parametrize("waits_ms", [[250], [250, 50], [1_500, 10], [1_500, 5, 150]])
def test_the_button_always_says_whether_the_microphone_is_open(waits_ms, ready, sounds):
    """While what finds names in sentences is on its way, too."""
    init = f"""{TRACKS}
      const own = window.fetch;
      window.fetch = async (place) => {{
        if (String(place).endsWith("streaming.onnx")) await new Promise((resolve) => setTimeout(resolve, 1000));
        return own(place);
      }};"""
    page = ready(*speaking(sounds / "once.wav"), init=init)
    for wait in [0, *waits_ms]:
        page.wait_for_timeout(wait)
        page.evaluate("document.getElementById('listen').click()")
    page.wait_for_timeout(3_000)
    n_open = page.evaluate("tracks.filter((track) => track.readyState === 'live').length")
    assert (page.inner_text("#listen"), n_open) in (("Stop", 1), ("Listen", 0))


def test_each_name_in_a_sentence_is_shown_with_its_time(ready, sounds):
    page = ready()
    write_list(page, "Jennifer\nRobert\nAlexander\nMartin\nMark", 5)
    page.set_input_files("#file", sounds / "sentence.wav")
    wait_for_n(page, "#before li", 2)
    rows = texts(page, "#before li")[::-1]
    told = [re.fullmatch(r"sentence\.wav, (\d\.\d) s: (\w+), .* %", one).groups() for one in rows]
    assert [name for _, name in told] == ["Jennifer", "Robert"]
    assert 1 < float(told[0][0]) < float(told[1][0]) < 4
    page.uncheck("#within")
    page.set_input_files("#file", [sounds / "sentence.wav", sounds / "twice.wav"])
    wait_for_n(page, "#before li", 4)
    last, first, *_ = texts(page, "#before li")
    assert first.startswith("sentence.wav: ")
    assert re.fullmatch(r"twice\.wav: Mar(k|tin), .* %", last)


def test_names_in_a_sentence_said_to_the_microphone_are_told(ready, sounds):
    page = ready(*speaking(sounds / "sentence.wav"))
    write_list(page, "Jennifer\nRobert\nAlexander", 3)
    page.click("#listen")
    wait_for_n(page, "#before li", 2)
    assert [re.search(r": (\w+),", one)[1] for one in texts(page, "#before li")] == ["Robert", "Jennifer"]
    assert "or in a sentence" in page.inner_text("#microphone")


def test_where_names_are_found_is_changed_while_one_speaks(ready, sounds):
    page = ready(*speaking(sounds / "twice.wav"))
    page.click("#listen")
    wait_for(page, "microphone", "or in a sentence")
    page.uncheck("#within")
    wait_for(page, "microphone", "name of the list.")
    wait_for(page, "verdict", "Mark,")


def test_another_word_is_refused_with_the_reason(ready, clip_of, tmp_path):
    files.write(tmp_path / "chocolate.wav", clip_of("chocolate"), 16_000)
    page = ready()
    recognise(page, tmp_path / "chocolate.wav", "Not in the list")
    assert "another word" in page.inner_text("#verdict")


def rows(page):
    return texts(page, "#list > li .name")


def correct(page, name, way):
    """Write how ``name`` is said, until the list has it."""
    page.fill(f"[aria-label='pronunciation of {name}']", way)
    page.press(f"[aria-label='pronunciation of {name}']", "Enter")
    page.wait_for_function("(line) => document.getElementById('names').value.includes(line)", arg=f"{name} = {way}")


CELLS = "Anna\tBob\r\n\tMartin\r\nMarvin = marvin; Mark\tCarla\r\n"
COMMENTS = "# the team, of May\nAnna # head\n\tBob\t#2\n- Carla\n1. Dora\n‘Fay’\n  # Eva = eva\nC# Minor"
PASTED = """Anne-Marie, St. John; R2-D2\nАнна\n-\nsonoff_buero_tim, Anna\nANNA
Saoirse = seersha\nМарк = mark\nGil = /ʘ/\nBo =\nMar\u200btin\n\u202eEva"""
TEXT = "the and a to of for with " * 7
LISTS = [  # a text, its names, and what is told of each line that is none
    (CELLS, ["Anna", "Bob", "Martin", "Marvin", "Mark", "Carla"], []),
    (f"{TEXT}\n{'lorem ipsum ' * 400}\nAnna", [TEXT.strip(), "Anna"], ["has 4799 letters, and a name has at most 200"]),
    (
        COMMENTS,
        ["Anna", "Bob"],
        ["“- Carla” begins with “-”: give the name alone", "“1.”: give", "“‘Fay’” is in quotes", "C# Minor"],
    ),
    (
        PASTED,
        ["Anne-Marie", "sonoff_buero_tim", "Anna", "Saoirse", "Марк"],
        ["St. John", "R2-D2", "Анна", "“-”", "ANNA", "Bo", "invisible U+200B", "invisible U+202E", "/ʘ/"],
    ),
]


def test_a_pasted_list_is_read_and_what_cannot_be_is_named(ready):
    page = ready()
    for text, names, refused in LISTS:
        write_list(page, text, len(names))
        wait_for_n(page, "#refused li", len(refused))
        assert rows(page) == names
        for told, part in zip(texts(page, "#refused li"), refused, strict=True):
            assert part in told


def test_a_correction_leaves_what_stands_beside_it(ready):
    page = ready()
    write_list(page, COMMENTS, 2)
    correct(page, "Anna", "ahna")
    assert page.input_value("#names").startswith("# the team, of May\nAnna = ahna # head\n")
    assert rows(page) == ["Anna", "Bob"]
    write_list(page, CELLS, 6)
    correct(page, "Bob", "bobb")
    assert " ".join(page.input_value("#names").split()) == "Anna Bob = bobb Martin Marvin = marvin Mark Carla"


def test_the_page_notes_names_that_sound_alike_and_long_lists(ready):
    page = ready()
    page.fill("#names", "Sean\nShaun\nMartin")
    wait_for(page, "pronouncing", "Sean and Shaun sound alike")
    names = [f"{first}{last}" for first in ("Sean", "Shaun", "Shawn") for last in ("", "a", "e", "i", "o", "u")]
    page.fill("#names", "\n".join([*names, *(f"Mar{a}{b}" for a in "bdfklmnprt" for b in "aeiourstl")]))
    wait_for(page, "pronouncing", "108 names, the first")


def test_a_pronunciation_is_switched_off_and_corrected(ready, sounds):
    page = ready()
    write_list(page, "Martin\nMarvin", 2)
    recognise(page, sounds / "once.wav", "Martin,")
    full = probabilities(page)
    boxes = page.locator("#list > li:first-child input[type=checkbox]")
    for i in range(boxes.count() - 1):
        boxes.nth(i).evaluate("box => box.click()")
    last = boxes.nth(boxes.count() - 1)
    last.evaluate("box => box.click()")
    assert last.is_checked()
    assert "needs a pronunciation" in page.inner_text("#pronouncing")
    page.set_input_files("#file", sounds / "once.wav")
    wait_for_n(page, "#before li", 2)
    assert probabilities(page) != full

    correct(page, "Marvin", "marteen, /mɑɹtɪn/")
    page.wait_for_selector("#list > li:last-child .pronunciations :text('/mɑɹtɪn/')")
    page.fill("[aria-label='pronunciation of Marvin']", "")
    page.press("[aria-label='pronunciation of Marvin']", "Enter")
    page.wait_for_function("() => document.getElementById('names').value.split('\\n')[1] === 'Marvin'")


def test_a_list_that_is_edited_while_it_is_pronounced_takes_over(ready):
    page = ready()
    page.fill("#names", "\n".join(f"Mar{a}{b}" for a in "abcdefgh" for b in "aeiourst"))
    write_list(page, "Martin", 1)
    page.wait_for_timeout(1000)
    assert rows(page) == ["Martin"]


def test_a_recorded_name_is_enrolled_and_its_file_is_pythons(ready, clip_of, tmp_path, runtime):
    said = np.concatenate([clip_of("Saoirse", variant=variant, around_s=1.2) for variant in ("m3", "f2")] * 8)
    files.write(tmp_path / "said.wav", said, 16_000)
    page = ready(*speaking(tmp_path / "said.wav"), viewport={"width": 390, "height": 400})
    write_list(page, "Saoirse\nMartin\nMark", 3)
    page.focus("[aria-label^='Record Saoirse']")
    for n in (1, 2):
        page.keyboard.press("Enter")  # the button of the row that is drawn anew has the focus, too
        page.wait_for_selector("#enrolment:not([hidden])")
        assert 0 <= page.locator("#enrolment").bounding_box()["y"] < 400  # what to say is seen beside any row
        wait_for(page, "enrolment", f"{n} of 5")
    assert "with the other recordings" in page.inner_text("#enrolment")
    with page.expect_download() as download:
        page.click("#save")
    download.value.save_as(tmp_path / "enrolled.json")
    read = enrolment.read(tmp_path / "enrolled.json", runtime.alphabet, runtime.inventory)
    assert {name: one.n_recordings for name, one in read.items()} == {"Saoirse": 2}
    page.reload()
    page.wait_for_selector("[aria-label='Record Saoirse, 2 recorded']")
    assert page.input_value("#names") == "Saoirse\nMartin\nMark"


def test_a_recording_that_is_no_good_is_told_and_not_kept(ready, clip_of, tmp_path):
    files.write(tmp_path / "loud.wav", np.clip(clip_of("Martin", around_s=1.5) * 20, -1, 1), 16_000)
    page = ready(*speaking(tmp_path / "loud.wav"))
    page.click("[aria-label^='Record Martin']")
    wait_for(page, "enrolment", "not kept")
    assert "too loud" in page.inner_text("#enrolment")
    assert page.is_disabled("#save")


def test_a_file_of_enrolled_names_is_opened_and_another_is_refused(ready, clip_of, runtime, tmp_path):
    enrolled = {"Gran": enrolment.enrol([runtime.frames_of((clip_of("Wilhelmina"), 16_000))], spelled=False)}
    enrolment.write(tmp_path / "family.json", enrolled, runtime.alphabet, runtime.inventory)
    files.write(tmp_path / "said.wav", clip_of("Wilhelmina"), 16_000)
    (tmp_path / "other.json").write_text("{}")
    page = ready()
    page.set_input_files("#enrolled", tmp_path / "other.json")
    wait_for(page, "enrolment", "other.json: not a file of enrolled names")
    page.set_input_files("#enrolled", tmp_path / "family.json")
    page.wait_for_function("() => document.getElementById('names').value.endsWith('Gran')")
    wait_for_n(page, "#list > li", 6)
    recognise(page, tmp_path / "said.wav", "Gran,")


def test_a_label_in_another_script_whose_file_is_dropped_is_heard(ready, clip_of, runtime, tmp_path):
    enrolled = {"父さん": enrolment.enrol([runtime.frames_of((clip_of("Wilhelmina"), 16_000))], spelled=False)}
    enrolment.write(tmp_path / "own.JSON", enrolled, runtime.alphabet, runtime.inventory)
    files.write(tmp_path / "said.wav", clip_of("Wilhelmina"), 16_000)
    page = ready()
    page.fill("#names", "Martin\n父さん")  # without recordings it is refused
    page.wait_for_selector("#refused li")
    page.set_input_files("#file", tmp_path / "own.JSON")  # as one that is dropped
    wait_for(page, "enrolment", "own.JSON: 父さん")
    assert rows(page) == ["Martin", "父さん"]
    assert page.is_hidden("#refused li")
    assert page.is_hidden("#problem")
    recognise(page, tmp_path / "said.wav", "父さん,")


def test_while_the_browser_asks_for_the_microphone_the_page_says_so(ready, sounds):
    page = ready(init="navigator.mediaDevices.getUserMedia = () => new Promise(() => {});")
    page.click("#listen")
    assert "Allow the microphone" in page.inner_text("#microphone")
    recognise(page, sounds / "once.wav", "Martin,")


def test_a_page_opened_as_a_file_says_what_to_run(tab, page_files, tmp_path):
    for name in ("index.html", "boot.js", "app.js", "page.css"):
        (tmp_path / name).write_bytes(page_files[name])
    page = tab()
    page.goto((tmp_path / "index.html").as_uri())
    page.wait_for_selector("#status.problem")
    assert "python -m speech.page" in page.inner_text("#status")


@pytest.fixture
def other_server(page_files, tmp_path):
    """``other_server(types, headers)``: the page in a folder of another server, with its own types and headers."""
    site.write(page_files, tmp_path / "names")
    started = []

    def make(types=None, headers=None):
        class Handler(http.server.SimpleHTTPRequestHandler):
            extensions_map = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"} | (types or {})

            def end_headers(self):
                for header, value in (headers or {}).items():
                    self.send_header(header, value)
                super().end_headers()

            def log_message(self, *args):
                pass

        handler = functools.partial(Handler, directory=str(tmp_path))
        started.append(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler))
        threading.Thread(target=started[-1].serve_forever, daemon=True).start()
        return f"http://localhost:{started[-1].server_port}/names/"

    yield make
    for one in started:
        one.shutdown()
        one.server_close()


NOSNIFF = {"X-Content-Type-Options": "nosniff"}
STRICT = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; style-src 'self'"
OTHERS = {  # types, headers, and what the page says: None where it works
    "wasm of no type": ({".wasm": "application/octet-stream"}, NOSNIFF, None),
    "scripts as text": ({".js": "text/plain"}, NOSNIFF, "text/plain|not allowed to"),
    "scripts as bytes": ({".js": "application/octet-stream"}, {}, "application/octet-stream"),
    "a policy without programs": ({}, {"Content-Security-Policy": "default-src 'self'"}, "wasm-unsafe-eval"),
    "a policy without scripts": ({}, {"Content-Security-Policy": "script-src 'none'"}, "not allowed to"),
    "a strict policy": ({}, {"Content-Security-Policy": STRICT}, None),
}


@pytest.mark.parametrize("case", OTHERS)
def test_from_any_server_it_works_or_says_what_to_do(case, tab, other_server):
    types, headers, expected = OTHERS[case]
    page = tab()
    page.goto(other_server(types, headers))
    if expected is None:
        page.wait_for_selector("#listen:not([disabled])")
        return
    matches = "(said) => new RegExp(said).test(document.getElementById('status').textContent)"
    page.wait_for_function(matches, arg=expected)
    assert "python -m speech.page" in page.inner_text("#status")


FRAMES = {  # attributes of the frame, an error to give, and what the page says
    "without the microphone": ("", "", 'not given the microphone.*<iframe allow="microphone">.*open http:.* by itself'),
    "as other browsers say it": (
        'allow="microphone"',
        "SecurityError",
        'not given the microphone.*<iframe allow="microph',
    ),
    "which the person denied": (
        'allow="microphone"',
        "NotAllowedError",
        "The microphone was denied: allow it at the icon",
    ),
    "with a sandbox": ('sandbox="allow-scripts"', "", "add allow-same-origin to it, or open http:.* by itself"),
}


@pytest.mark.parametrize("case", FRAMES)
def test_in_a_frame_it_says_what_the_frame_lacks(case, tab, other_server, tmp_path):
    attributes, error, expected = FRAMES[case]
    address = other_server().replace("localhost", "127.0.0.1")  # of another origin than the page around it
    (tmp_path / "around.html").write_text(f"<iframe src='{address}' {attributes}></iframe>")
    page = tab(*FAKE, init=refusing(error) if error else "")
    page.goto(address.replace("127.0.0.1", "localhost").replace("names/", "around.html"))
    frame = page.frame_locator("iframe")
    if "sandbox" not in attributes:
        frame.locator("#listen:not([disabled])").click()
    told = frame.locator("#status.problem" if "sandbox" in attributes else "#problem:not(:empty)")
    assert re.search(expected, told.inner_text())


def test_a_policy_of_the_server_against_the_microphone_is_told(tab, other_server):
    page = tab(*FAKE)
    page.goto(other_server(headers={"Permissions-Policy": "microphone=()"}))
    page.click("#listen:not([disabled])")
    page.wait_for_selector("#problem:not(:empty)")
    assert "let it send Permissions-Policy: microphone=(self)" in page.inner_text("#problem")


def test_a_missing_file_is_named(tab, page_files):
    with serving({name: content for name, content in page_files.items() if name != "g2p.onnx"}) as address:
        page = tab()
        page.goto(address)
        page.wait_for_selector("#status.problem")
        assert "g2p.onnx could not be loaded (404)" in page.inner_text("#status")
        assert "make page" in page.inner_text("#status")


OLD = {
    "no WebAssembly": "delete window.WebAssembly;",
    "no SIMD": "WebAssembly.validate = () => false;",
    "an old language": "delete Array.prototype.at;",
}


@pytest.mark.parametrize("case", OLD)
def test_an_old_browser_is_told_what_it_needs(case, launch, address):
    page = launch().new_page()
    page.add_init_script(OLD[case])
    page.goto(address)
    page.wait_for_selector("#status.problem")
    assert "too old" in page.inner_text("#status")


def test_nothing_is_asked_of_another_address(tab, address, sounds):
    page = tab()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    page.wait_for_selector("#listen:not([disabled])")
    recognise(page, sounds / "once.wav", "Martin,")
    last = "() => performance.getEntriesByType('resource').some((one) => one.name.endsWith('lexicon.txt'))"
    page.wait_for_function(last)  # of what is loaded once the page can listen
    n_at_start = len(asked)
    recognise(page, sounds / "twice.wav", "Mark,")
    assert page.evaluate("typeof SharedArrayBuffer") == "undefined", "it needs none"
    assert all(url.startswith((address, "data:", "blob:")) for url in asked)
    assert not [url for url in asked[n_at_start:] if url.startswith("http")]


@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_no_serious_fault_and_nothing_is_cut_off(width, ready, sounds):
    page = ready(viewport={"width": width, "height": 844}, bypass_csp=True)
    page.set_input_files("#file", [sounds / "once.wav", sounds / "twice.wav"])
    wait_for_n(page, "#before li", 3)
    page.fill("#names", f"Martin\n{'Wolfeschlegelsteinhausen' * 5}\n{'美' * 150} = /misaki/\nМартин")
    page.wait_for_selector("#refused li")
    wait_for_n(page, "#list > li", 2)
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert not [one for one in violations(page) if one[0] in ("serious", "critical")]
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_axe_finds_a_planted_fault(ready):
    page = ready(bypass_csp=True)
    page.evaluate("document.querySelector('label[for=names]').remove()")
    assert "critical" in [impact for impact, *_ in violations(page)]


def test_everything_is_reached_and_done_by_the_keyboard(ready):
    page = ready(*FAKE)
    page.evaluate("document.activeElement.blur()")
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.getAttribute('aria-label')"))
        if reached[-1] == "listen":
            page.keyboard.press("Enter")
            wait_for(page, "listen", "Stop")
            page.keyboard.press("Space")
            wait_for(page, "listen", "Listen")
        if reached[-1] == "within":
            page.keyboard.press("Space")
            assert not page.is_checked("#within")
    assert reached[:4] == ["listen", "choose", "within", "names"]
    assert "pronunciation of Martin" in reached
    assert "Record Martin" in reached


def test_the_pages_own_policy_lets_nothing_out(ready):
    page = ready()
    blocked = page.evaluate(
        """async () => {
          const blocked = [];
          document.addEventListener("securitypolicyviolation", ({ blockedURI }) => blocked.push(blockedURI));
          await fetch("http://127.0.0.1:9/away").catch(() => {});
          await new Promise((resolve) => setTimeout(resolve, 200));
          return blocked;
        }"""
    )
    assert blocked == ["http://127.0.0.1:9/away"]


def test_a_fault_of_the_page_itself_is_told(launch, address):
    page = launch().new_page()
    page.goto(address)
    page.wait_for_selector("#listen:not([disabled])", timeout=120_000)
    page.evaluate("void setTimeout(() => { throw new Error('a fault'); })")
    page.wait_for_selector("#problem:not([hidden])")
    assert "a fault" in page.inner_text("#problem")
