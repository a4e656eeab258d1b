"""The story of the project: *Martin* is said, *Marvin* is heard; the error goes back through every layer and is mended.

A recogniser that was trained is taken, a clip that it mishears is found (or given), and gradient descent on that one
clip is watched: each step's loss, what each neuron contributed to it, the step itself, and what is heard then.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from speech import audio, endpoint
from speech.audio import Waveform
from speech.backprop import updates
from speech.backprop.check import compare_with_differences, require_close
from speech.backprop.recognizer import Chain, hear, spell
from speech.ctc.decode import Greedy
from speech.gradients import geometry_of
from speech.lessons.martin_pictures import draw_contributions, draw_lattices, draw_sound
from speech.lessons.result import Place, Result, Try
from speech.recognizer import Recognizer
from speech.runs import find_recognizer
from speech.transcriber import Frames
from speech.voices.voice import Engine

SAID = "Martin"
MISTAKES = ("marvin", "morton", "mark")
LAYERS = {"features": "MFCC", "encoder.relu": "convolution"}  # and the recurrent layers, and the letters
BARS = " ▁▂▃▄▅▆▇█"
BLANK_SIGN = "–"
N_CHECKED = 4  # values of each tensor of weights that are held against central differences


class Heard(NamedTuple):
    """One pass forward and back: everything that the error is made of."""

    loss: float  # nats a letter
    letters: str
    names: list[tuple[str, float]]
    chain: Chain
    grads: dict[str, Tensor]  # of the parameters
    grad_values: dict[str, Tensor]  # of each step's output, and of the waveform (``input``)

    def contributions(self, step: str) -> Tensor:
        """What each neuron adds to the loss at each frame, to first order: value times gradient, ``(n_frames, n)``.

        Silencing the neuron there would change the loss by minus that (Mozer and Smolensky 1989).
        """
        return (self.chain.values[step] * self.grad_values[step])[0]


class Student:
    """A recogniser's weights, in float64 and by hand, and one clip."""

    def __init__(self, recognizer: Recognizer, waveform: Waveform) -> None:
        self.recognizer = recognizer.double()
        self.geometry = geometry_of(recognizer)
        self.parameters = {name: p.detach().clone() for name, p in self.recognizer.named_parameters()}
        self.lexicon = {recognizer.alphabet.fold(n): s for n, s in recognizer.lexicon(recognizer.names).items()}
        self.waveform = torch.from_numpy(waveform).double()[None]
        self.n_samples = torch.tensor([len(waveform)])

    def forward(self, text: str) -> tuple[Chain, Tensor]:
        """The chain from the waveform to the loss of ``text``."""
        symbols = self.recognizer.alphabet.encode(text)
        chain, n_frames = hear(self.geometry, self.parameters, self.waveform, self.n_samples)
        texts = [(torch.tensor([symbols]), torch.tensor([len(symbols)]))]
        return chain, spell(chain, n_frames, texts, self.recognizer.n_symbols)

    def listen(self, text: str) -> Heard:
        """What is heard, and the error of that if ``text`` was said, carried back to the waveform."""
        chain, loss = self.forward(text)
        grads, grad_values = chain.backward(torch.ones_like(loss))
        frames = self.recognizer.frames(chain.values["logits"][0])
        names = self.recognizer.rank(frames, self.lexicon | self.recognizer.lexicon([text]))
        letters = self.spelt(frames)
        return Heard(float(loss), letters, names, chain, grads, grad_values)

    def check(self, heard: Heard, text: str) -> float:
        """The largest relative error of the gradients against central differences. Raises Miss where one is wrong."""
        compared = compare_with_differences(lambda: self.forward(text)[1], self.parameters, heard.grads, N_CHECKED)
        require_close(compared)
        return max(one.error for one in compared)

    def knows(self, waveform: Waveform, text: str, _speaker: str) -> bool:
        """Whether these weights spell ``text`` for another clip."""
        samples = torch.from_numpy(waveform).double()[None]
        chain, _ = hear(self.geometry, self.parameters, samples, torch.tensor([len(waveform)]))
        return self.spelt(self.recognizer.frames(chain.values["logits"][0])) == text

    def spelt(self, frames: Frames) -> str:
        """The letters of the best path, whatever decoder the recogniser has."""
        return self.recognizer.alphabet.decode(Greedy()(frames.letters))

    def frame_s(self, step: str) -> float:
        """Seconds from one frame of a step's output to the next; of the waveform (``input``) from sample to sample."""
        if step == "input":
            return 1 / self.recognizer.sample_rate
        hop = self.recognizer.frontend.hop_length / self.recognizer.sample_rate
        return hop if step.startswith(("frontend", "features")) else self.recognizer.frame_s

    def blame(self, heard: Heard) -> list[str]:
        """A line a layer: how much of the error passes there, frame by frame, and which neuron counts most, and when.

        Bars are of the layer's neurons together; the number is what that one neuron adds to the loss, or takes from it.
        """
        lines = []
        for step, name in self.layers().items():
            share = heard.contributions(step)
            frame, unit = divmod(int(share.abs().argmax()), share.shape[1])
            ms, symbols = 1000 * frame * self.frame_s(step), BLANK_SIGN + self.recognizer.alphabet.letters
            which = f"{symbols[unit]!r}" if step == "logits" else f"unit {unit}"
            wide = round(self.frame_s(step) / self.frame_s("features"))  # so that all rows show the same moments
            lines.append(
                f"{name:<12} {bars(share.abs().sum(dim=1), wide)}  {which} at {ms:.0f} ms {share[frame, unit]:+.2f}"
            )
        return lines

    def gradient_norms(self, heard: Heard) -> dict[str, float]:
        """The Euclidean norm of each layer's gradient."""
        squares: defaultdict[str, float] = defaultdict(float)
        for name, grad in heard.grads.items():
            squares[name.rpartition(".")[0]] += float(grad.square().sum())
        return {layer: square**0.5 for layer, square in squares.items()}

    def layers(self) -> dict[str, str]:
        """The steps whose neurons are shown, and how they are called."""
        recurrent = {f"encoder.layer.{i}": f"{self.geometry.cell} {i + 1}" for i in range(self.geometry.n_layers)}
        return LAYERS | recurrent | {"logits": "letters"}


class Martin:
    """Gradient descent on one misheard clip, until it is spelt.

    ``recognizer`` is a run's folder, a file, or ``latest`` under ``runs_dir``. ``clip`` is a recording of ``said``;
    without one, ``engine`` says it in up to ``n_voices`` voices until one is misheard. A step against the gradient is
    ``rate`` long at most; ``n_steps`` are the most that are taken. ``n_others`` clips of other voices show what a
    lesson in one clip costs elsewhere.
    """

    def __init__(
        self,
        recognizer: str,
        runs_dir: str,
        engine: Engine,
        clip: str | None,
        said: str,
        rate: float,
        n_steps: int,
        n_voices: int,
        n_others: int,
    ) -> None:
        self.recognizer, self.runs_dir, self.engine, self.clip, self.said = recognizer, runs_dir, engine, clip, said
        self.rate, self.n_steps, self.n_voices, self.n_others = rate, n_steps, n_voices, n_others

    @torch.no_grad()
    def run(self, place: Place) -> Result:
        path = find_recognizer(self.recognizer, self.runs_dir)
        tries = [self.learn(Recognizer.load(path), seed, place) for seed in place.seeds]
        return Result("the misheard clip: nats a letter", "", tries, {"recognizer": str(path)})

    def learn(self, recognizer: Recognizer, seed: int, place: Place) -> Try:
        """Find a clip, check the gradients, and step until the clip is spelt. Pictures are of the first seed."""
        start = time.perf_counter()
        rng = np.random.default_rng(seed)
        waveform, speaker = self.misheard(recognizer, rng)
        others = [self.draw(recognizer, rng, name) for name in (SAID, *MISTAKES) for _ in range(self.n_others // 4)]
        student, text = Student(recognizer, waveform), recognizer.alphabet.fold(self.said)
        first = student.listen(text)
        error = student.check(first, text)
        print(f"\n{self.said} is said by {speaker}; {first.letters or 'nothing'!r} is heard.")
        print(f"The gradients by hand are within {error:.0e} of central differences.\n")
        wrong = first.letters if first.letters not in ("", text) else next(n for n, _ in first.names if n != text)
        known = [student.knows(*other) for other in others]
        # Drawn before the weights that misheard are mended.
        sound = draw_sound(student, text, wrong) if seed == place.seeds[0] else None
        with place.log(seed) as log:
            heard = self.mend(student, first, text, log)
            if sound is not None:
                place.save(draw_contributions(first, student, text))
                for name, figure in (("lattice", draw_lattices(student, first, heard, text)), ("sound", sound)):
                    figure.savefig(place.run_dir / f"{name}.png", dpi=110)
                    log.add_figure(name, figure)
        kept = [student.knows(*other) for other in others]
        if heard.letters != text:
            print(f"after {self.n_steps} steps it is {heard.letters!r}: raise lesson.rate or lesson.n_steps")
        if others:
            print(f"\nThe four names in {len(others)} other voices: {sum(known)} right before, {sum(kept)} after.")
        return Try(seed, {"before": first.loss, "after": heard.loss}, error, time.perf_counter() - start)

    def draw(self, recognizer: Recognizer, rng: np.random.Generator, name: str) -> tuple[Waveform, str, str]:
        """``name`` in a drawn voice, end-pointed: the waveform, the name in the alphabet, and the voice."""
        voices, rate = self.engine.voices(), recognizer.sample_rate
        voice = replace(voices[rng.integers(len(voices))], relative=int(rng.integers(1, 1 << 31)))
        waveform, _ = endpoint.cut(audio.to_waveform(*self.engine.speak(name, voice, rng), rate), rate)
        return waveform, recognizer.alphabet.fold(name), voice.speaker

    def misheard(self, recognizer: Recognizer, rng: np.random.Generator) -> tuple[Waveform, str]:
        """The clip that was given, or the first drawn one that is taken for one of MISTAKES, else for anything else.

        Raises ValueError where every voice is heard rightly: such a recogniser needs a harder clip.
        """
        rate = recognizer.sample_rate
        if self.clip is not None:
            return endpoint.cut(audio.read(self.clip, rate), rate)[0], self.clip
        other = None
        for _ in tqdm(range(self.n_voices), desc=f"looking for a {self.said} that is misheard", leave=False):
            waveform, text, speaker = self.draw(recognizer, rng, self.said)
            letters = recognizer.alphabet.decode(Greedy()(recognizer.hear(waveform).letters))
            if letters in MISTAKES:
                return waveform, speaker
            if other is None and letters != text:
                other = waveform, speaker
        if other is None:
            raise ValueError(
                f"{self.said} is heard rightly in all of {self.n_voices} voices: give a clip that is misheard "
                "(lesson.clip=FILE), or a recogniser that knows less (one of experiment=quick)"
            )
        return other

    def mend(self, student: Student, heard: Heard, text: str, log: SummaryWriter) -> Heard:
        """Step against the gradient until ``text`` is spelt; each step is printed and logged."""
        before = None
        for step in range(self.n_steps + 1):
            norms, blame = student.gradient_norms(heard), student.blame(heard)
            p, whole = dict(heard.names)[text], math.hypot(*norms.values())
            state = f"{heard.letters or '(nothing)'} is heard, {heard.loss:.3f} nats a letter, p({text}) {p:.3f}"
            print(f"step {step}: {state}")
            if heard.letters != before:
                print("\n".join(f"    {line}" for line in blame))
                log.add_figure("contributions", draw_contributions(heard, student, text), step)
            share = ", ".join(f"{layer} {(norm / whole) ** 2:.0%}" for layer, norm in norms.items() if norm > whole / 4)
            before = heard.letters
            log.add_scalar("loss", heard.loss, step)
            log.add_scalar(f"p({text})", p, step)
            for layer, norm in norms.items():
                log.add_scalar(f"gradient/{layer}", norm, step)
            log.add_text("steps", "\n\n".join([state, *blame, f"the gradient: {share}"]), step)
            if heard.letters == text or step == self.n_steps:
                return heard
            updates.clip_norm(heard.grads, 1.0)
            updates.sgd(student.parameters, heard.grads, self.rate)
            print(f"    down a gradient of norm {whole:.1f}, most of it in {share}")
            heard = student.listen(text)
        raise AssertionError("the last step returns")


def bars(values: Tensor, wide: int) -> str:
    """``wide`` characters a value, the largest the highest."""
    heights = ((len(BARS) - 1) * values / values.max().clamp(min=1e-12)).int().tolist()
    return "".join(BARS[height] * wide for height in heights)
