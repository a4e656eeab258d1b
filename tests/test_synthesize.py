import pytest
from commands import run_command


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """``python -m speech.synthesize`` in a folder of its own: its exit status, output and errors."""

    def run(*arguments):
        monkeypatch.chdir(tmp_path)
        status = 0
        try:
            run_command("synthesize", *arguments)
        except SystemExit as stopped:
            status = stopped.code
        return status, *capsys.readouterr()

    return run


def test_a_folder_of_clips_is_written_and_homophones_are_warned_of(run, tmp_path):
    status, out, err = run("names=[Lori,Laurie,Bob]", "n_voices=2", "accent=en-US", "output=clips")
    assert status == 0
    assert f"6 clips in {tmp_path / 'clips'}" in out
    assert len(list((tmp_path / "clips").glob("*/espeak-en-US*.wav"))) == 6
    (warning,) = [line for line in err.splitlines() if "homophones" in line]
    assert warning.startswith("warning: Lori and Laurie are homophones (en-GB: lˈɔːɹi): ")


def test_a_name_is_said_in_the_pronunciations_that_it_is_recognised_by(run, tmp_path):
    clips = {}
    for n, said in ((0, "names=[Mateusz]"), (1, "names=[Mateusz]"), (1, "names=[{text: Mateusz, say: martin}]")):
        status, _, _ = run(said, "n_voices=1", "accent=en-US", f"n_pronunciations={n}", f"output=clips{len(clips)}")
        assert status == 0
        ((path),) = (tmp_path / f"clips{len(clips)}").glob("*/*.wav")
        clips[n, said] = path.read_bytes()
    assert len(set(clips.values())) == 3, "as espeak reads it, as the model does, and as the list says"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["accent=en-XX"], "accent=en-XX: no voice has it"),
        (["voices=kokoro"], "install_kokoro.py"),
        (["n_pronunciations=-1"], "n_pronunciations=-1 must be a whole number, 0 or more"),
        (["n_pronunciations=17"], "n_pronunciations=17 must be an integer from 1 to 16"),
        (["n_voices=0"], "n_voices=0 must be an integer from 1 to"),
        (["sample_rate=100"], "sample rate 100 Hz is outside the range"),
        (["names=[Anna,anna]"], "'anna' is already 'Anna' of names[0]"),
    ],
)
def test_an_error_of_the_user_is_one_line(run, arguments, message):
    status, _, err = run(*arguments)
    assert status == 2
    assert err.startswith("error: ")
    assert message in err
    assert "Traceback" not in err
