"""``make bench-training``: training speed in clips per second, compared with other loops, one JSON object per line.

``python scripts/benchmark_training.py [N_ROUNDS]`` trains the default recogniser on the same clips, from memory, in
batches of the same size, without augmentation, monitors and validation. The loops alternate, each on one thread, with
one further process that makes batches:

- *ours*: Lightning's Trainer, ``gradients=hybrid``, batches of similar length;
- *plain*: PyTorch's DataLoader, the same front end and encoder with torch's GRU, autograd, AdamW;
- *packed*: the same with both directions and layers in one ``nn.GRU``, over packed sequences;
- *speechbrain*, if it is installed (the extra ``bench``): ``Brain.fit``, its own MFCC, normalisation and CTC loss,
  and the encoder of *plain*; *speechbrain, own GRU*: its own convolution, GRU and linear layer of the same sizes.

Clips per second are measured from the end of the first epoch to the end of the last; CPU time is that of both processes
and all epochs. Then the parts of our step are timed, by adding one after the other. About ten minutes.
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from benchlib.figures import show
from benchlib.timing import in_turns, ratio, side_by_side
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader

from speech.config import compose
from speech.config.objects import instantiate
from speech.config.tree import Config
from speech.data.datamodule import SpeechData
from speech.data.dataset import Batch
from speech.model.encoder import Encoder
from speech.model.recognizer import PARTS, Recognizer
from speech.training.corpora import make_data
from speech.training.loss import loss_of
from speech.training.task import SpellingTask

N_ROUNDS = 5
N_EPOCHS = 3
CORPUS = ["init=null", "augment=none", "corpus.n_train=48", "corpus.n_val=1", "corpus.n_test=1"]  # per name, of 40
AIMS = {"plain": "at least 2.5x", "packed": "", "speechbrain": "at least 3x", "speechbrain, own GRU": ""}

Tick = Callable[[], None]  # called at the end of each epoch
Loop = Callable[[Config, Recognizer, SpeechData, Tick], None]


def ours(config: Config, recognizer: Recognizer, data: SpeechData, tick: Tick) -> None:
    class Ends(pl.Callback):
        def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
            tick()

    optimizer, scheduler, gradients = map(instantiate, (config.optimizer, config.scheduler, config.gradients))
    task = SpellingTask(recognizer, optimizer, scheduler, gradients, config.seed)
    quiet = {"enable_progress_bar": False, "enable_checkpointing": False, "limit_val_batches": 0, "logger": False}
    trainer = instantiate(config.trainer, max_epochs=N_EPOCHS, callbacks=[Ends()], **quiet)
    trainer.fit(task, train_dataloaders=data.train_dataloader())


class Packed(Encoder):
    """The same layers and sizes, with all recurrent layers in one torch module."""

    def __init__(self, n_features: int, n_symbols: int, n_units: int, n_layers: int, **others: Any) -> None:
        super().__init__(n_features, n_symbols, n_units=n_units, n_layers=n_layers, **others)
        self.recurrent = nn.GRU(n_units, n_units, n_layers, batch_first=True, bidirectional=True)
        del self.forwards, self.backwards

    def forward(self, features: Tensor, n_frames: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.convolution(features.transpose(1, 2)).transpose(1, 2)
        hidden, n_frames = torch.relu(self.normalisation(hidden)), self.n_frames(n_frames)
        packed = pack_padded_sequence(hidden, n_frames, batch_first=True, enforce_sorted=False)
        hidden, _ = pad_packed_sequence(self.recurrent(packed)[0], batch_first=True)
        return self.output(hidden), n_frames


def plain(config: Config, recognizer: Recognizer, data: SpeechData, tick: Tick) -> None:
    def collate(some: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        waveforms, targets = map(list, zip(*some, strict=True))
        lengths, n_letters = (torch.tensor([len(one) for one in column]) for column in (waveforms, targets))
        return pad_sequence(waveforms, True), lengths, pad_sequence(targets, True), n_letters

    clips: Any = [_tensors(i, data) for i in range(len(data.split("train")))]
    loader: Any = DataLoader(clips, config.batch_size, shuffle=True, num_workers=1, collate_fn=collate)
    optimizer = torch.optim.AdamW(recognizer.parameters(), lr=config.optimizer.lr)
    for _ in range(N_EPOCHS):
        for waveforms, lengths, targets, n_letters in loader:
            logits, n_frames = recognizer(waveforms, lengths)
            log_probs = logits.log_softmax(dim=2).transpose(0, 1)
            loss = nn.functional.ctc_loss(log_probs, targets, n_frames, n_letters, zero_infinity=True)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(recognizer.parameters(), config.trainer.gradient_clip_val)
            optimizer.step()
        tick()


def _tensors(i: int, data: SpeechData) -> tuple[Tensor, Tensor]:
    dataset = data.split("train")
    return torch.from_numpy(dataset.clips[i].waveform), torch.tensor(dataset.targets[i])


def packed(config: Config, recognizer: Recognizer, data: SpeechData, tick: Tick) -> None:
    sizes = {key: value for key, value in compose.plain(config.encoder).items() if key != "_target_"}
    n_symbols = recognizer.encoder.output.out_features
    recognizer.encoder = Packed(recognizer.frontend.n_features, n_symbols, **sizes)
    plain(config, recognizer, data, tick)


def speechbrain(config: Config, recognizer: Recognizer, data: SpeechData, tick: Tick) -> None:
    class Same(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = recognizer.encoder

        def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
            logits, _ = self.encoder(features, (lengths * features.shape[1]).round().long())
            return logits

    _brain(Same(), config, recognizer, data, tick)


def speechbrain_own(config: Config, recognizer: Recognizer, data: SpeechData, tick: Tick) -> None:
    from speechbrain.nnet.CNN import Conv1d
    from speechbrain.nnet.linear import Linear
    from speechbrain.nnet.normalization import LayerNorm
    from speechbrain.nnet.RNN import GRU

    sizes, n_symbols = config.encoder, recognizer.encoder.output.out_features

    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            n_features = recognizer.frontend.n_features
            self.convolution = Conv1d(sizes.n_units, sizes.kernel, in_channels=n_features, stride=sizes.stride)
            self.normalisation = LayerNorm(input_size=sizes.n_units)
            self.recurrent = GRU(sizes.n_units, input_size=sizes.n_units, num_layers=sizes.n_layers, bidirectional=True)
            self.output = Linear(n_symbols, input_size=2 * sizes.n_units)

        def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
            hidden = torch.relu(self.normalisation(self.convolution(features)))
            logits: Tensor = self.output(self.recurrent(hidden)[0])  # its recipes do not pack sequences
            return logits

    _brain(Own(), config, recognizer, data, tick)


def _brain(encoder: nn.Module, config: Config, recognizer: Recognizer, data: SpeechData, tick: Tick) -> None:
    """SpeechBrain's training loop on its own features, for an ``encoder`` of features and relative lengths."""
    import speechbrain as sb
    from speechbrain.lobes.features import MFCC
    from speechbrain.nnet.losses import ctc_loss
    from speechbrain.processing.features import InputNormalization

    class Recipe(sb.Brain):
        def compute_forward(self, batch: Any, stage: Any) -> Any:
            waveforms, lengths = batch.to(self.device).waveform
            features = self.modules.normalize(self.modules.features(waveforms), lengths)
            return self.modules.encoder(features, lengths).log_softmax(dim=2), lengths

        def compute_objectives(self, predictions: Any, batch: Any, stage: Any) -> Tensor:
            log_probs, lengths = predictions
            targets, target_lengths = batch.target
            loss: Tensor = ctc_loss(log_probs, targets, lengths, target_lengths, blank_index=0)
            return loss

        def on_stage_end(self, stage: Any, stage_loss: float, epoch: int | None = None) -> None:
            tick()

    @sb.utils.data_pipeline.takes("number")
    @sb.utils.data_pipeline.provides("waveform", "target")
    def tensors(number: int) -> Any:
        yield from _tensors(number, data)

    entries = {str(i): {"number": i} for i in range(len(data.split("train")))}
    dataset = sb.dataio.dataset.DynamicItemDataset(entries, [tensors], ["id", "waveform", "target"])
    front = config.frontend
    features = MFCC(
        deltas=False, context=False, n_mels=front.n_mels, n_mfcc=front.n_mfcc, f_min=front.f_min, f_max=front.f_max
    )
    brain = Recipe(
        {"features": features, "normalize": InputNormalization(norm_type="sentence"), "encoder": encoder},
        opt_class=lambda parameters: torch.optim.AdamW(parameters, lr=config.optimizer.lr),
        run_opts={"device": "cpu", "max_grad_norm": config.trainer.gradient_clip_val},
    )
    loading = {"batch_size": config.batch_size, "shuffle": True, "num_workers": 1}
    brain.fit(range(N_EPOCHS), dataset, progressbar=False, train_loader_kwargs=loading)


LOOPS: dict[str, Loop] = {
    "ours": ours,
    "plain": plain,
    "packed": packed,
    "speechbrain": speechbrain,
    "speechbrain, own GRU": speechbrain_own,
}


def start(arguments: Sequence[str]) -> tuple[Config, Recognizer]:
    pl.seed_everything(0, verbose=False)
    config = compose.compose("train", list(arguments))
    return config, Recognizer({part: compose.plain(config[part]) for part in PARTS}).train()


def measure(name: str, arguments: Sequence[str], data: SpeechData) -> dict[str, float]:
    """The figures of one training with the loop ``name``."""
    config, recognizer = start(arguments)
    ticks: list[float] = []
    cpu = sum(os.times()[:4])
    LOOPS[name](config, recognizer, data, lambda: ticks.append(time.perf_counter()))
    gc.collect()  # a loader's process ends, and its time is counted
    cpu = sum(os.times()[:4]) - cpu
    assert len(ticks) == N_EPOCHS
    n_clips = len(data.split("train"))
    per_s = n_clips * (N_EPOCHS - 1) / (ticks[-1] - ticks[0])
    return {"clips_per_s": per_s, "cpu_ms": 1000 * cpu / (n_clips * N_EPOCHS)}


def parts_of_a_step(arguments: Sequence[str], data: SpeechData) -> None:
    """Each part's share of a step, as the mean over an epoch: how much longer a step takes with one more part."""
    config, recognizer = start(arguments)
    batches = list(data.train_dataloader())
    gradients, optimizer = instantiate(config.gradients), instantiate(config.optimizer)(recognizer.parameters())
    gradients.forward(recognizer, batches[0])  # which sets how the recurrent layers are differentiated
    front, encoder = recognizer.frontend, recognizer.encoder

    def recurrent(batch: Batch, backward: bool) -> None:
        n_frames = encoder.n_frames(front.n_frames(batch.n_samples))
        hidden = torch.randn(len(batch.texts), int(n_frames.max()), 2 * config.encoder.n_units)
        first = hidden[..., : config.encoder.n_units].clone()
        for directions, x in zip(encoder.layers(), (first, hidden), strict=True):
            y = encoder._recurrent(directions, x.requires_grad_(), n_frames)
            if backward:
                y.backward(torch.ones_like(y))

    def step(batch: Batch, clip: bool) -> None:
        optimizer.zero_grad()
        gradients.backward(gradients.forward(recognizer, batch).loss)
        if clip:
            gradients.clip(recognizer.parameters(), config.trainer.gradient_clip_val)
            optimizer.step()

    parts: dict[str, Callable[[Batch], object]] = {
        "front end": lambda batch: front(batch.waveforms, batch.n_samples),
        "logits": lambda batch: recognizer(batch.waveforms, batch.n_samples),
        "loss": lambda batch: loss_of(recognizer, batch),
        "backward": partial(step, clip=False),
        "whole": partial(step, clip=True),
        "recurrent, forward": partial(recurrent, backward=False),
        "recurrent": partial(recurrent, backward=True),
    }

    def epoch(part: Callable[[Batch], object]) -> None:
        for batch in batches:
            part(batch)

    times = side_by_side({name: partial(epoch, part) for name, part in parts.items()}, 5, 1, time.process_time)
    at = {name: float(np.median(some)) / len(batches) for name, some in times.items()}
    back = at["recurrent"] - at["recurrent, forward"]
    found = {
        "front end": at["front end"],
        "encoder, forward": at["logits"] - at["front end"],
        "CTC loss": at["loss"] - at["logits"],
        "recurrent layers, backward": back,
        "the rest, backward": at["backward"] - at["loss"] - back,
        "clipping and AdamW": at["whole"] - at["backward"],
    }
    for part, seconds in found.items():
        than = f"{100 * seconds / at['whole']:.0f} % of a step of {1000 * at['whole']:.1f} ms of CPU, one thread"
        show(f"part_of_step ({part})", 1000 * seconds, "ms", than)


def main() -> None:
    n_rounds = int(sys.argv[1]) if len(sys.argv) > 1 else N_ROUNDS
    torch.set_num_threads(1)  # the loader uses the other core
    names = [name for name in LOOPS if not name.startswith("speechbrain") or find_spec("speechbrain")]
    if len(names) < len(LOOPS):
        print("SpeechBrain is left out: it is not installed: pip install '.[bench]'", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        arguments = [*CORPUS, f"cache_dir={Path(folder) / 'cache'}"]
        data = make_data(*start(arguments))
        found: dict[str, list[dict[str, float]]] = {name: [] for name in names}
        for name in in_turns(names, n_rounds):
            found[name].append(measure(name, arguments, data))
            print(name, found[name][-1], file=sys.stderr, flush=True)
        for metric, unit in (("clips_per_s", "clips a second"), ("cpu_ms", "ms of CPU a clip")):
            of = {name: np.array([one[metric] for one in rounds]) for name, rounds in found.items()}
            for name, values in of.items():
                compared: Any = ()
                than = f"median of {n_rounds}, {min(values):.4g} to {max(values):.4g}"
                if name != "ours":
                    pair = (of["ours"], values) if metric == "clips_per_s" else (values, of["ours"])
                    than, compared = f"{than}; ratio: ours against it, {AIMS[name]}".removesuffix(", "), ratio(*pair)
                show(f"{metric} ({name})", float(np.median(values)), unit, than, *compared)
        parts_of_a_step(arguments, data)


if __name__ == "__main__":
    main()
