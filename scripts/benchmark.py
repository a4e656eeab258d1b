"""``make bench``: the slow truths, one JSON object a line: name, value, unit, what it is compared with, the ratio.

``python scripts/benchmark.py [RUN_DIR]`` measures a run that is there; without one, the default experiment is trained
first (about four minutes). Speeds are compared only within this one process, on this one machine.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import OmegaConf
from paired import ratio, side_by_side
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchaudio.transforms import MFCC

from speech.audio import endpointing, files
from speech.common.runs import find_recognizer
from speech.evaluation.intervals import wilson
from speech.inference.score import score
from speech.model.recognizer import PARTS, Recognizer
from speech.training.corpora import make_data
from speech.tts.espeak import Espeak
from speech.tts.voice import Voice

N_STEPS = 30  # a timing is the median over so many


def show(name: str, value: float, unit: str, than: str = "", ratio: float | None = None, interval: Any = None) -> None:
    print(json.dumps({"name": name, "value": value, "unit": unit, "than": than, "ratio": ratio, "interval": interval}))
    sys.stdout.flush()


def median_seconds(action: Callable[[], object], n: int = N_STEPS) -> float:
    action()
    times = []
    for _ in range(n):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


class PlainDataset(Dataset[tuple[Tensor, Tensor]]):
    """As a tutorial would write it: one clip an item, its MFCC made there."""

    def __init__(self, data: Any, sample_rate: int) -> None:
        self.dataset = data.datasets["train"]
        mel = {"n_fft": 400, "hop_length": 160, "n_mels": 40, "center": False, "f_min": 120.0, "f_max": 7600.0}
        self.mfcc = MFCC(sample_rate, 20, log_mels=True, melkwargs=mel)
        self.rng = np.random.default_rng(0)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        clip = self.dataset.clips[i]
        waveform = torch.from_numpy(self.dataset.augment(clip.waveform, self.dataset.sample_rate, self.rng))
        features = self.mfcc(waveform).T
        features = (features - features.mean(0)) / features.std(0)
        return features, torch.tensor(self.dataset.targets[i])


def collate(items: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    pad = nn.utils.rnn.pad_sequence
    features, targets = [one for one, _ in items], [one for _, one in items]
    lengths = [torch.tensor([len(x) for x in some]) for some in (features, targets)]
    return pad(features, batch_first=True), lengths[0], pad(targets, batch_first=True), lengths[1]


class PlainModel(nn.Module):
    """The same sizes, with one packed bidirectional ``nn.GRU``."""

    def __init__(self, n_symbols: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.convolution = nn.Conv1d(20, 96, 5, stride, padding=2)
        self.normalisation = nn.LayerNorm(96)
        self.gru = nn.GRU(96, 96, 2, batch_first=True, bidirectional=True)
        self.output = nn.Linear(192, n_symbols)

    def forward(self, features: Tensor, n_frames: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.convolution(features.transpose(1, 2)).transpose(1, 2)
        hidden = torch.relu(self.normalisation(hidden))
        n_frames = (n_frames - 1) // self.stride + 1
        packed = nn.utils.rnn.pack_padded_sequence(hidden, n_frames, batch_first=True, enforce_sorted=False)
        hidden, _ = nn.utils.rnn.pad_packed_sequence(self.gru(packed)[0], batch_first=True)
        return self.output(hidden), n_frames


def training_step(config: Any) -> None:
    """A step of ours and one of the plain model's, in turn, data included."""
    from speech.model.ctc_loss import ctc_loss

    nodes: Any = OmegaConf.to_container(config)
    recognizer = Recognizer({part: nodes[part] for part in PARTS})
    data = make_data(config, recognizer)
    plain = PlainModel(len(recognizer.alphabet), recognizer.encoder.stride)
    loader = DataLoader(PlainDataset(data, recognizer.sample_rate), config.batch_size, shuffle=True, collate_fn=collate)
    ours_data, plain_data = iter(data.train_dataloader()), iter(loader)
    ours_optimizer, plain_optimizer = (torch.optim.AdamW(m.parameters(), 1e-3) for m in (recognizer, plain))

    def update(optimizer: torch.optim.Optimizer, loss: Tensor, model: nn.Module) -> None:
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()

    def step_ours() -> None:
        batch = next(ours_data)
        logits, n_frames = recognizer(batch.waveforms, batch.n_samples)
        update(ours_optimizer, ctc_loss(logits, n_frames, batch.targets, batch.n_letters).mean(), recognizer)

    def step_plain() -> None:
        features, n_frames, targets, n_letters = next(plain_data)
        logits, n_frames = plain(features, n_frames)
        log_probs = logits.log_softmax(2).transpose(0, 1)
        loss = nn.functional.ctc_loss(log_probs, targets, n_frames, n_letters)
        update(plain_optimizer, loss, plain)

    recognizer.train()
    times = side_by_side({"ours": step_ours, "plain": step_plain}, N_STEPS)
    than = "the same model written plainly: item by item, MFCC per clip, packed nn.GRU, no bucketing; at least 1.3x"
    show("training_step", float(np.median(times["ours"])), "s", than, *ratio(times["plain"], times["ours"]))


def recording(path: Path) -> float:
    """Write a recording of one name, in noise 0.75 s longer on both sides; returns its length in seconds."""
    samples, rate = Espeak().speak("Martin", Voice("espeak", "en-GB", "m3"), np.random.default_rng(0))
    spoken = files.to_waveform(samples, rate, 16_000)
    clip = np.concatenate([np.zeros(12_000, np.float32), spoken, np.zeros(12_000, np.float32)])
    clip += np.random.default_rng(0).normal(scale=1e-3, size=len(clip)).astype(np.float32)
    files.write(path, clip, 16_000)
    return len(clip) / 16_000


def transcribing(recognizer: Recognizer, recognizer_path: Path, folder: Path) -> None:
    """One thread, reading the file included."""
    path = folder / "martin.wav"
    length = recording(path)
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    seconds = median_seconds(lambda: recognizer.transcribe(path))
    show("real_time_factor", seconds / length, "s/s", f"at most 0.005, for a recording of {length:.2f} s, one thread")
    log_probs = recognizer.log_probs(endpointing.trim_silence(files.read(path, 16_000), 16_000)[0]).letters
    rng = np.random.default_rng(0)
    names = [rng.integers(1, len(recognizer.alphabet), rng.integers(3, 12)).tolist() for _ in range(1000)]
    show("lexicon_1000_names", median_seconds(lambda: score(log_probs, names)), "s", "at most 0.05, one clip")
    torch.set_num_threads(n_threads)
    command = [sys.executable, "-m", "speech.transcribe", f"clips={path}", f"recognizer={recognizer_path}"]
    cold = median_seconds(lambda: subprocess.run(command, check=True, capture_output=True), n=3)
    show("transcribe_cold_start", cold, "s", "under 5, the whole command for one clip")


def robustness(recognizer: Recognizer, config: Any) -> None:
    """Is the same name heard when a clip stands in 3 s of silence, and when mains hum lies over all of it?"""
    data = make_data(config, recognizer)
    clips = data.test_clips
    chosen = [clips[i] for i in np.random.default_rng(0).permutation(len(clips))[:300]]
    rate = recognizer.sample_rate
    n_same = {"silence": 0, "hum": 0}
    for clip in chosen:
        waveform = clip.waveform
        long = np.concatenate([np.zeros(rate, np.float32), waveform, np.zeros(2 * rate, np.float32)])
        hum = np.sin(2 * np.pi * 50 * np.arange(len(long)) / rate) * np.sqrt(np.mean(waveform**2)) * 0.1
        before = recognizer.transcribe((waveform, rate)).names[0][0]
        for kind, changed in (("silence", long), ("hum", long + hum)):
            n_same[kind] += recognizer.transcribe((changed, rate)).names[0][0] == before
    for kind, n in n_same.items():
        than = "the clip alone" if kind == "silence" else "the clip alone; hum of 50 Hz, 20 dB under the speech"
        show(f"same_name_with_{kind}", n / len(chosen), "", than, interval=wilson(n, len(chosen)))


def accuracy(run_dir: Path) -> None:
    report = json.loads((run_dir / "report.json").read_text())
    bars = {"closed_set_accuracy": 0.99, "exact_match": 0.95}
    for split, figures in report["splits"].items():
        for figure, bar in bars.items():
            than = f"at least {bar}, on {figures['n_clips']} clips of voices that were never heard"
            show(f"{figure} ({split})", figures[figure], "", than, interval=figures[f"{figure}_interval"])
        show(f"cer ({split})", figures["cer"], "")
    show("train_seconds", report["train_seconds"], "s", "at most 180")
    show("n_parameters", report["n_parameters"], "", "under 400000")


def run_folder(place: str) -> Path:
    """The folder of the run ``place``, or of the newest for ``latest``; ends the program where none has finished."""
    try:
        run_dir = find_recognizer(place, "runs").parent if place == "latest" else Path(place)
    except FileNotFoundError as error:
        sys.exit(f"error: {error}")
    missing = [name for name in ("recognizer.pt", "config.yaml", "report.json") if not (run_dir / name).is_file()]
    if missing:
        sys.exit(f"error: {run_dir}: no {', '.join(missing)} there: give the folder of a run that has ended")
    return run_dir


def train_default(folder: Path) -> Path:
    """The run of the default experiment, in ``folder``: as after installation, when no corpus has been built."""
    run_dir = folder / "run"
    given = ["experiment=names", f"cache_dir={folder / 'cache'}", f"run_dir={run_dir}"]
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "speech.train", *given], check=True, stdout=subprocess.DEVNULL)
    show("make_train", time.perf_counter() - start, "s", "at most 300, after installation")
    return run_dir


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run_dir = run_folder(sys.argv[1]) if len(sys.argv) > 1 else train_default(folder)
        accuracy(run_dir)
        transcribing(Recognizer.load(run_dir / "recognizer.pt"), run_dir / "recognizer.pt", folder)
        config = OmegaConf.load(run_dir / "config.yaml")
        robustness(Recognizer.load(run_dir / "recognizer.pt"), config)
        training_step(config)


if __name__ == "__main__":
    main()
