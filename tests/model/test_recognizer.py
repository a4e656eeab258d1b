import numpy as np
import pytest
import torch
from spoken import speak

from speech.audio import files
from speech.audio.endpointing import NoSpeechError
from speech.model import torch_file
from speech.model.recognizer import Recognizer, RecognizerError
from speech.text.alphabet import TextError

RATE = 16_000


@pytest.fixture(scope="module")
def martin():
    samples, rate = speak("Martin")
    return files.to_waveform(samples, rate, RATE)


def batch(lengths, longest=None):
    longest = longest or max(lengths)
    waveforms = torch.zeros(len(lengths), longest)
    for row, length in enumerate(lengths):
        waveforms[row, :length] = torch.randn(length, generator=torch.Generator().manual_seed(length)) * 0.1
    return waveforms, torch.tensor(lengths)


@pytest.mark.parametrize("frontend", ["mfcc", "mfcc_delta", "logmel"])
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_a_clip_alone_and_in_any_batch_gives_the_same_logits(make_recognizer, frontend, cell, bidirectional):
    recognizer = make_recognizer(frontend, cell=cell, bidirectional=bidirectional)
    lengths = [7_000, 16_000, 300, 9_999, 401]
    together, n_frames = recognizer(*batch(lengths, longest=20_000))
    for row, length in enumerate(lengths):
        alone, n_alone = recognizer(*batch([length]))
        assert n_alone.item() == n_frames[row] == recognizer.n_frames(length) == alone.shape[1]
        assert torch.allclose(alone[0], together[row, : n_alone.item()], atol=1e-5)
        assert not together[row, n_alone.item() :].any()


def test_loudness_does_not_change_the_features(make_recognizer, martin):
    frontend = make_recognizer().frontend
    quiet, loud = (frontend(torch.tensor(martin)[None] * gain, torch.tensor([len(martin)]))[0] for gain in (0.01, 1))
    assert torch.allclose(quiet, loud, atol=1e-3)


def test_the_default_has_fewer_than_400_000_parameters(make_recognizer):
    assert make_recognizer().n_parameters < 400_000


@pytest.mark.parametrize("decoder", ["greedy", "beam"])
def test_a_saved_recogniser_gives_the_same_transcript(tmp_path, make_recognizer, martin, decoder):
    recognizer = make_recognizer(decoder=decoder)
    recognizer.save(tmp_path / "recognizer.pt")
    loaded = Recognizer.load(tmp_path / "recognizer.pt")
    files.write(tmp_path / "clip.wav", martin, RATE)
    transcript = loaded.transcribe(tmp_path / "clip.wav")
    assert transcript == recognizer.transcribe(str(tmp_path / "clip.wav"))
    assert [letter for letter, _, _ in transcript.spans] == list(transcript.letters)
    assert sum(p for _, p in transcript.names) == pytest.approx(1)
    assert {name for name, _ in transcript.names} == {"Martin", "Mark"}
    assert transcript.names[0][1] >= transcript.names[1][1]


def test_silence_around_a_name_moves_the_spans_and_nothing_else(make_recognizer, martin):
    recognizer = make_recognizer()
    silence = np.zeros(RATE // 5)
    little = recognizer.transcribe((np.concatenate([silence, martin, silence]), RATE))
    much = recognizer.transcribe((np.concatenate([np.tile(silence, 6), martin, np.tile(silence, 12)]), RATE))
    assert much.letters == little.letters
    assert dict(much.names) == pytest.approx(dict(little.names), rel=1e-3)
    for before, after in zip(little.spans, much.spans, strict=True):
        assert after.start_s == pytest.approx(before.start_s + 1, abs=0.01)


def test_another_list_of_names_is_ranked(make_recognizer, martin):
    transcript = make_recognizer().transcribe((martin, RATE), names=["Chloé", "Zoë", "Bob"])
    assert {name for name, _ in transcript.names} == {"Chloé", "Zoë", "Bob"}
    with pytest.raises(TextError, match="R2D2"):
        make_recognizer().transcribe((martin, RATE), names=["R2D2"])
    with pytest.raises(ValueError, match="'Zoe' and 'Zoë' are both 'zoe'"):
        make_recognizer().transcribe((martin, RATE), names=["Zoe", "Zoë"])


def test_silence_is_refused(make_recognizer):
    with pytest.raises(NoSpeechError):
        make_recognizer().transcribe((np.zeros(RATE), RATE))


def test_weights_that_give_no_probabilities_are_refused(make_recognizer, martin):
    recognizer = make_recognizer()
    recognizer.encoder.output.weight.data.fill_(3e38)
    with pytest.raises(RecognizerError, match=r"weights give no log-probabilities \(NaN\)"):
        recognizer.transcribe((martin, 16_000), names=["Martin", "Mark"])


def test_files_that_are_no_recogniser_are_refused_by_name(tmp_path, make_recognizer):
    with pytest.raises(RecognizerError, match="no such recogniser file"):
        Recognizer.load(tmp_path / "missing.pt")
    (tmp_path / "noise.pt").write_bytes(b"not a recogniser")
    with pytest.raises(RecognizerError, match=r"noise\.pt: not a recogniser file"):
        Recognizer.load(tmp_path / "noise.pt")
    torch.save({"weights": {}}, tmp_path / "other.pt")
    with pytest.raises(RecognizerError, match=r"other\.pt: not a recogniser file"):
        Recognizer.load(tmp_path / "other.pt")


def test_a_file_that_lacks_something_is_refused_by_name(tmp_path, make_recognizer):
    make_recognizer(n_units=8, n_layers=1).save(tmp_path / "whole.pt")
    content = torch.load(tmp_path / "whole.pt", weights_only=True)
    weights = content.pop("weights")
    for wrong in (content, content | {"weights": 3}):
        (tmp_path / "without.pt").write_bytes(torch_file.to_bytes(wrong))
        with pytest.raises(RecognizerError, match=r"without\.pt: made by another version .*: train it again"):
            Recognizer.load(tmp_path / "without.pt")
    del weights["encoder.output.bias"]
    (tmp_path / "lacking.pt").write_bytes(torch_file.to_bytes(content | {"weights": weights}))
    with pytest.raises(RecognizerError, match=r"lacking\.pt: no encoder\.output\.bias in it: .*train it again"):
        Recognizer.load(tmp_path / "lacking.pt")


def test_weights_of_another_alphabet_are_refused(make_recognizer):
    small = make_recognizer(letters="abc")
    with pytest.raises(RecognizerError, match=r"run\.ckpt: encoder\.output.*another alphabet"):
        make_recognizer().load_weights(small.state_dict(), where="run.ckpt")


def test_a_file_can_build_only_classes_of_a_parts_own_module(make_recognizer):
    for part, target in (
        ("frontend", "os.system"),
        ("decoder", "speech.audio.files.write"),
        ("decoder", "speech.inference.decode.collapse"),
        ("decoder", "speech.inference.decode.defaultdict"),
        ("encoder", "speech.model.frontend.FrontEnd"),
        ("encoder", "speech.model.encoder.Nothing"),
        ("encoder", "Encoder"),
    ):
        message = f"_target_ '{target}' is not a part of a recogniser: .* a class of speech"
        with pytest.raises(ValueError, match=message):
            Recognizer({**make_recognizer().parts, part: {"_target_": target}})


def test_a_file_that_would_write_another_is_refused_and_writes_none(make_recognizer, tmp_path):
    recognizer = make_recognizer(n_units=8, n_layers=1)
    arguments = {"path": str(tmp_path / "written.wav"), "waveform": [0.0] * 100, "sample_rate": RATE}
    recognizer.parts["decoder"] = {"_target_": "speech.audio.files.write", **arguments}
    recognizer.save(tmp_path / "foreign.pt")
    with pytest.raises(
        RecognizerError, match=r"foreign\.pt: .*'speech\.audio\.files\.write' is not a part of a recogniser"
    ):
        Recognizer.load(tmp_path / "foreign.pt")
    assert not (tmp_path / "written.wav").exists()


class OwnEncoder(torch.nn.Module):
    """What CONTRIBUTING asks of an encoder, and nothing more."""

    stride = 1

    def __init__(self, n_features, n_symbols):
        super().__init__()
        self.affine = torch.nn.Linear(n_features, n_symbols)

    def n_frames(self, n_frames):
        return n_frames

    def forward(self, features, n_frames):
        return self.affine(features), n_frames


def test_an_encoder_of_ones_own_transcribes_and_says_what_it_lacks(make_recognizer, martin):
    recognizer = make_recognizer()
    recognizer.encoder = OwnEncoder(recognizer.frontend.n_features, sum(recognizer.n_symbols))
    assert recognizer.log_probs(martin).letters.shape[1] == recognizer.n_symbols[0]
    with pytest.raises(ValueError, match=r"gradients=manual: OwnEncoder has no hand-written .*: use gradients=torch"):
        recognizer.geometry()
