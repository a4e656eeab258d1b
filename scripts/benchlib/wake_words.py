"""Engines that detect *alexa*, to compare spotting with; those that are not installed are left out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from speech.audio.files import Waveform

BLOCK = 1_280  # samples at 16 kHz
HELD_OFF_S = 1.0  # without detections after each detection, for engines that give probabilities

Engine = Callable[[Waveform], int]  # how often *alexa* is detected in a stream ``(n_samples,)`` at 16 kHz


def installed() -> dict[str, Engine]:
    """The installed engines by package. Missing ones are reported on standard error."""
    engines: dict[str, tuple[str, Engine]] = {
        "pymicro-wakeword": ("pymicro_wakeword", _micro),
        "pvporcupine": ("pvporcupine", _porcupine),
        "pyopen-wakeword": ("pyopen_wakeword", _open),
    }
    for package, (module, _) in engines.items():
        if find_spec(module) is None:
            print(f"{package} is not installed: left out", file=sys.stderr)
    return {package: engine for package, (module, engine) in engines.items() if find_spec(module)}


def _pcm(stream: Waveform) -> Iterator[np.ndarray[Any, Any]]:
    """The stream as blocks of int16 samples."""
    samples = (np.clip(stream, -1, 1) * 32_767).astype(np.int16)
    for i in range(0, len(samples) - BLOCK + 1, BLOCK):
        yield samples[i : i + BLOCK]


def _micro(stream: Waveform) -> int:
    package = import_module("pymicro_wakeword")
    engine, features = package.MicroWakeWord.from_builtin(package.Model.ALEXA), package.MicroWakeWordFeatures()
    found = (
        engine.process_streaming(one) for block in _pcm(stream) for one in features.process_streaming(block.tobytes())
    )
    return _held_off([bool(one) for one in found], HELD_OFF_S / 0.03)


def _porcupine(stream: Waveform) -> int:
    engine = import_module("pvporcupine").create(keywords=["alexa"], sensitivities=[0.7])
    samples, n = np.concatenate([*_pcm(stream)]), engine.frame_length
    return sum(engine.process(samples[i : i + n]) >= 0 for i in range(0, len(samples) - n + 1, n))


def _open(stream: Waveform) -> int:
    package = import_module("pyopen_wakeword")
    engine, features = (
        package.OpenWakeWord.from_builtin(package.Model.ALEXA),
        package.OpenWakeWordFeatures.from_builtin(),
    )
    found = [
        probability > 0.5
        for block in _pcm(stream)
        for one in features.process_streaming(block.tobytes())
        for probability in engine.process_streaming(one)
    ]
    return _held_off(found, HELD_OFF_S / 0.08)


def _held_off(found: list[bool], n_frames: float) -> int:
    """The number of detections that are more than ``n_frames`` apart."""
    n, last = 0, -np.inf
    for i, one in enumerate(found):
        if one and i - last > n_frames:
            n, last = n + 1, i
    return n
