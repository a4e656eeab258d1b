"""Gradient descent on one misrecognised clip, step by step: the reference is *Martin*, the hypothesis *Marvin*.

The lesson finds (or is given) a clip that a trained recogniser gets wrong. The loss is backpropagated through every
layer, and the weights step against their gradients until the hypothesis is right. Each step prints its loss and
attribution.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from speech import pretrained
from speech.audio import endpointing, files
from speech.audio.files import Waveform
from speech.backprop import optimizers
from speech.common import storage
from speech.common.counting import counted
from speech.common.runs import find_recognizer
from speech.inference.decode import Greedy
from speech.lessons.martin_pictures import draw_lattices, draw_sound
from speech.lessons.result import Place, Result, SeedResult
from speech.lessons.settings import require
from speech.model.recognizer import Recognizer
from speech.monitor.attribution import draw_contributions
from speech.training.attribution import BackwardPass, ClipBackprop
from speech.tts.voice import Engine

NAMES = ("Martin", "Marvin", "Morton", "Mark")  # the names in the clips of other voices


@dataclass(frozen=True)
class Martin:
    """Gradient descent on one misrecognised clip, until its hypothesis is right.

    ``recognizer`` is a run's folder, a file, ``shipped``, or ``newest`` under ``runs_dir``. ``clip`` is a recording of
    ``name``; without one, ``engine`` speaks the name in up to ``n_voices`` voices until one is misrecognised. At most
    ``n_steps`` steps are taken, each against the gradient and at most ``rate`` long. ``n_others`` clips of other voices
    show what training on a single clip costs elsewhere.
    """

    recognizer: str
    runs_dir: str
    engine: Engine
    clip: str | None
    name: str
    rate: float
    n_steps: int
    n_voices: int
    n_others: int

    def __post_init__(self) -> None:
        require(self, "count", "n_voices")
        require(self, "positive", "rate")

    @torch.no_grad()
    def run(self, place: Place) -> Result:
        path = find_recognizer(self.recognizer, self.runs_dir, "lesson.recognizer", pretrained.RECOGNIZER)
        found = [self.train(Recognizer.load(path), seed, place) for seed in place.seeds]
        return Result("loss of the misrecognised clip", "nats a letter", found, {"recognizer": str(path)})

    def train(self, recognizer: Recognizer, seed: int, place: Place) -> SeedResult:
        """Find a clip, check the gradients, and step until the hypothesis is right. Draws the first seed only."""
        start = time.perf_counter()
        rng = np.random.default_rng(seed)
        waveform, speaker = self.misrecognised(recognizer, rng)
        spoken_by_others = [NAMES[i * len(NAMES) // self.n_others] for i in range(self.n_others)]
        others = [self.draw(recognizer, rng, name) for name in spoken_by_others]
        backprop, text = ClipBackprop(recognizer, waveform), recognizer.alphabet.fold(self.name)
        first = backprop.backward(text)
        if first.chain.values["losses"].isinf().any():  # an infinite loss has no gradient to descend
            raise ValueError(
                f"{speaker}: too short for {self.name}: give a clip that says it (lesson.clip=FILE lesson.name=NAME)"
            )
        error = backprop.check(first, text)
        print(f"\n{self.name}, said by {speaker}; hypothesis: {first.letters or '(nothing)'}")
        print(f"The gradients by hand are within {error:.0e} of central differences.\n")
        likeliest = first.letters, *(name for name, _ in first.names), *map(recognizer.alphabet.fold, NAMES)
        wrong = next(one for one in likeliest if one not in ("", text))
        n_before = sum(backprop.spells(waveform, spoken) for waveform, spoken, _ in others)
        sound = draw_sound(backprop, text, wrong) if seed == place.seeds[0] else None  # before the weights change
        with place.log(seed) as log:
            last = self.descend(backprop, first, text, log)
            if sound is not None:
                place.save(draw_contributions(first, backprop, text))
                for name, figure in (("lattice", draw_lattices(backprop, first, last, text)), ("sound", sound)):
                    with storage.whole(place.run_dir / f"{name}.png") as part:
                        figure.savefig(part, dpi=110)
                    log.add_figure(name, figure)
        if last.letters != text:
            print(f"after {counted(self.n_steps, 'step')} it is {last.letters!r}: raise lesson.rate or lesson.n_steps")
        if others:
            n_after = sum(backprop.spells(waveform, spoken) for waveform, spoken, _ in others)
            clips = counted(len(others), "clip")
            print(f"\nExact matches in {clips} of other voices: {n_before} before, {n_after} after.")
        return SeedResult(seed, {"before": first.loss, "after": last.loss}, error, time.perf_counter() - start)

    def draw(self, recognizer: Recognizer, rng: np.random.Generator, name: str) -> tuple[Waveform, str, str]:
        """``name`` in a random voice, end-pointed: the waveform, the name in the alphabet, and the voice."""
        voices, rate = self.engine.voices(), recognizer.sample_rate
        voice = replace(voices[rng.integers(len(voices))], shift_seed=int(rng.integers(1, 1 << 31)))
        waveform, _ = endpointing.trim_silence(files.to_waveform(*self.engine.speak(name, voice, rng), rate), rate)
        return waveform, recognizer.alphabet.fold(name), voice.speaker

    def misrecognised(self, recognizer: Recognizer, rng: np.random.Generator) -> tuple[Waveform, str]:
        """The given clip, or the first random one with another of NAMES as hypothesis, else the first with a wrong one.

        Raises ValueError if every voice is recognised: such a recogniser needs a harder clip.
        """
        rate = recognizer.sample_rate
        if self.clip is not None:
            try:
                return endpointing.trim_silence(files.read(self.clip, rate), rate)[0], self.clip
            except endpointing.NoSpeechError as error:
                raise ValueError(f"{self.clip}: {error}: give another clip (lesson.clip=FILE)") from error
        other, mistakes = None, {recognizer.alphabet.fold(name) for name in NAMES}
        for _ in tqdm(range(self.n_voices), desc=f"looking for a misrecognised {self.name}", leave=False):
            waveform, text, speaker = self.draw(recognizer, rng, self.name)
            letters = recognizer.alphabet.decode(Greedy()(recognizer.log_probs(waveform).letters))
            if letters in mistakes - {text}:
                return waveform, speaker
            if other is None and letters != text:
                other = waveform, speaker
        if other is None:
            raise ValueError(
                f"{self.name} is recognised in all of {counted(self.n_voices, 'voice')}: give a clip that is "
                "misrecognised (lesson.clip=FILE), or a weaker recogniser (one of experiment=quick)"
            )
        return other

    def descend(self, backprop: ClipBackprop, last: BackwardPass, text: str, log: SummaryWriter) -> BackwardPass:
        """Step against the gradient until the hypothesis is ``text``; each step is printed and logged."""
        before = None
        for step in range(self.n_steps + 1):
            norms, attribution = backprop.gradient_norms(last), backprop.attribution_lines(last)
            p, norm = dict(last.names)[text], math.hypot(*norms.values())
            state = f"hypothesis {last.letters or '(nothing)'}, {last.loss:.3f} nats a letter, p({text}) {p:.3f}"
            print(f"step {step}: {state}")
            if last.letters != before:
                print("\n".join(f"    {line}" for line in attribution))
                log.add_figure("contributions", draw_contributions(last, backprop, text), step)
            some = sorted(((one / norm) ** 2, layer) for layer, one in norms.items() if one > norm / 4)
            largest = ", ".join(f"{layer} {proportion:.0%}" for proportion, layer in reversed(some))
            before = last.letters
            log.add_scalar("loss", last.loss, step)
            log.add_scalar(f"p({text})", p, step)
            for layer, one in norms.items():
                log.add_scalar(f"gradient/{layer}", one, step)
            log.add_text("steps", "\n\n".join([state, *attribution, f"gradient: {largest}"]), step)
            if last.letters == text or step == self.n_steps:
                return last
            optimizers.clip_norm(last.grads, 1.0)
            optimizers.sgd(backprop.parameters, last.grads, self.rate)
            print(f"    gradient norm {norm:.1f}, largest in {largest}")
            last = backprop.backward(text)
        raise AssertionError("the last step returns")
