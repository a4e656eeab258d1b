"""The story of the project: *Martin* is said, *Marvin* is heard; the error goes back through every layer and is mended.

A recogniser that was trained is taken, a clip that it mishears is found (or given), and gradient descent on that one
clip is watched: each step's loss, what each neuron contributed to it, the step itself, and what is heard then.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np
import torch
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from speech.audio import endpointing, files
from speech.audio.files import Waveform
from speech.backprop import optimizers
from speech.common.runs import find_recognizer
from speech.inference.decode import Greedy
from speech.lessons.martin_pictures import draw_lattices, draw_sound
from speech.lessons.result import Place, Result, Try
from speech.model.recognizer import Recognizer
from speech.monitor.attribution import draw_contributions
from speech.training.attribution import BackwardPass, ClipBackprop
from speech.tts.voice import Engine

SAID = "Martin"
MISTAKES = ("marvin", "morton", "mark")


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
        student, text = ClipBackprop(recognizer, waveform), recognizer.alphabet.fold(self.said)
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
        voice = replace(voices[rng.integers(len(voices))], shift_seed=int(rng.integers(1, 1 << 31)))
        waveform, _ = endpointing.trim_silence(files.to_waveform(*self.engine.speak(name, voice, rng), rate), rate)
        return waveform, recognizer.alphabet.fold(name), voice.speaker

    def misheard(self, recognizer: Recognizer, rng: np.random.Generator) -> tuple[Waveform, str]:
        """The clip that was given, or the first drawn one that is taken for one of MISTAKES, else for anything else.

        Raises ValueError where every voice is heard rightly: such a recogniser needs a harder clip.
        """
        rate = recognizer.sample_rate
        if self.clip is not None:
            return endpointing.trim_silence(files.read(self.clip, rate), rate)[0], self.clip
        other = None
        for _ in tqdm(range(self.n_voices), desc=f"looking for a {self.said} that is misheard", leave=False):
            waveform, text, speaker = self.draw(recognizer, rng, self.said)
            letters = recognizer.alphabet.decode(Greedy()(recognizer.log_probs(waveform).letters))
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

    def mend(self, student: ClipBackprop, heard: BackwardPass, text: str, log: SummaryWriter) -> BackwardPass:
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
            optimizers.clip_norm(heard.grads, 1.0)
            optimizers.sgd(student.parameters, heard.grads, self.rate)
            print(f"    down a gradient of norm {whole:.1f}, most of it in {share}")
            heard = student.listen(text)
        raise AssertionError("the last step returns")
