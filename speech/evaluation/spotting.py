"""Spotting names in a long recording, as ``speech.spot`` does: misses, false alarms per hour, and latency.

The recording has test clips of the listed names, and as many others, in the noise of a quiet room with pauses between
them. A clip is found if its name is reported at the time of the clip, and accepted. Everything else that is accepted is
a false alarm, including a second report of a clip. The curve (Martin et al. 1997, with false alarms per hour in place
of a rate, as for keywords) is over thresholds of the out-of-list probability; candidates that the likelihood ratio
confirmed are accepted at every threshold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from speech.audio.files import Waveform
from speech.data.dataset import Clip, ClipDataset
from speech.evaluation.detection import spread
from speech.evaluation.metrics import Metric, rate, ratio
from speech.evaluation.provenance import identity
from speech.inference.listening import Recognised, listen
from speech.inference.transcriber import Transcriber

N_NAMES = 20  # listed names, at most; half of the clips' names if that is fewer
N_CLIPS = 100  # of listed names, at most, and as many of others
PAUSE_S = (0.5, 2.0)
ROOM = 1e-4  # RMS of the noise, where 1 is full scale
FALSE_ALARMS_PER_HOUR = 5.0  # allowed for each name in running speech: the default of listen and spot
BLOCK_S = 0.1
NONE_SEEN = 3.69  # upper limit of the expected count if no event was seen: the exact Poisson 97.5 % (Garwood 1936)
NEVER = 2.0  # the score of a clip that is found at no threshold


@dataclass(frozen=True)
class SpottingCurve:
    """Rates at rising thresholds."""

    threshold: list[float]
    false_alarms_per_hour: list[float]
    miss_rate: list[float]


@dataclass(frozen=True)
class SpottingReport:
    n_names: int
    n_listed: int  # clips of these names, and their speakers
    n_listed_speakers: int
    n_others: int
    hours: float
    recall: Metric
    false_alarms_per_hour: Metric  # of all names together
    latency_ms: float  # median time from the end of the name to the report, including this machine's computing time
    latency_95_ms: float  # the time within which 95 % are reported
    curve: SpottingCurve


class Placed(NamedTuple):
    """A clip of the recording: the name to be found in it (None for other clips), its speaker, and its times in s."""

    name: str | None
    speaker: str
    start_s: float
    end_s: float


def measure(transcriber: Transcriber, datasets: Sequence[ClipDataset], seed: int) -> SpottingReport | None:
    """Measure spotting on a recording made of some clips; None without a rejection, or if all clips have one name."""
    named = {text: name for dataset in datasets for text, name in dataset.named().items()}
    if transcriber.rejection is None or len(named) < 2:
        return None
    rng, texts = np.random.default_rng(seed), sorted(named)
    listed = {texts[i]: named[texts[i]] for i in rng.permutation(len(texts))[: min(N_NAMES, len(texts) // 2)]}
    places = [(dataset, i) for dataset in datasets for i in np.flatnonzero(dataset.index.weights)]
    order = [places[i] for i in rng.permutation(len(places)).tolist()]
    spoken = [(dataset, i) for dataset, i in order if dataset.texts[i] in listed][:N_CLIPS]
    others = [(dataset, i) for dataset, i in order if dataset.texts[i] not in listed][:N_CLIPS]
    chosen = [*spoken, *others]
    clips = [chosen[i][0].clips[chosen[i][1]] for i in rng.permutation(len(chosen)).tolist()]
    recording, placed = _strung(transcriber, clips, listed, rng)
    block = round(BLOCK_S * transcriber.sample_rate)
    blocks = (recording[i : i + block] for i in range(0, len(recording), block))
    events = listen(transcriber, blocks, transcriber.lexicon([*listed.values()]), False, FALSE_ALARMS_PER_HOUR)
    recognised = [one for one in events if isinstance(one, Recognised)]
    return _report(transcriber, recognised, placed, len(listed), len(recording) / transcriber.sample_rate / 3600)


def _strung(
    transcriber: Transcriber, clips: Sequence[Clip], listed: dict[str, str], rng: np.random.Generator
) -> tuple[Waveform, list[Placed]]:
    """``clips`` one after the other, ``(n_samples,)``, and the place of each."""
    rate, parts, placed, now = transcriber.sample_rate, [], [], 0
    for clip in clips:
        pause, waveform = round(rng.uniform(*PAUSE_S) * rate), clip.waveform
        parts += [np.zeros(pause, np.float32), waveform]
        start, now = now + pause, now + pause + len(waveform)
        folded = transcriber.alphabet.fold(clip.name)
        placed.append(Placed(folded if folded in listed else None, identity(clip.speaker), start / rate, now / rate))
    recording = np.concatenate([*parts, np.zeros(round(PAUSE_S[1] * rate), np.float32)])
    return recording + ROOM * rng.standard_normal(len(recording), np.float32), placed


def _report(
    transcriber: Transcriber, recognised: Sequence[Recognised], placed: Sequence[Placed], n_names: int, hours: float
) -> SpottingReport:
    rejection, fold = transcriber.rejection, transcriber.alphabet.fold
    assert rejection
    best, false, late = np.full(len(placed), NEVER), [], []
    for event in recognised:
        found = event.transcript
        confirmed = found.accepted and not rejection.accepts(found.out_of_list or 0.0)
        score = 0.0 if confirmed else float(found.out_of_list or 0.0)
        i = _place(event, placed)
        if placed[i].name == fold(found.names[0][0]) and best[i] == NEVER and _overlap(event, placed[i]) > 0:
            best[i] = score
            late += [event.latency_s] if found.accepted else []
        else:
            false.append((i, score, bool(found.accepted)))
    listed = [i for i, one in enumerate(placed) if one.name is not None]
    speakers = [placed[i].speaker for i in listed]
    n_alarms = np.bincount([i for i, _, accepted in false if accepted], minlength=len(placed)).astype(float)
    alarms = ratio(n_alarms.tolist(), [hours / len(placed)] * len(placed), [one.speaker for one in placed])
    if not n_alarms.any():
        alarms = Metric(0.0, 0.0, NONE_SEEN / hours)
    median, most = np.percentile(late, [50, 95]) * 1000 if late else (0.0, 0.0)
    return SpottingReport(
        n_names=n_names,
        n_listed=len(listed),
        n_listed_speakers=len(set(speakers)),
        n_others=len(placed) - len(listed),
        hours=hours,
        recall=rate((best[listed] < rejection.threshold).tolist(), speakers),
        false_alarms_per_hour=alarms,
        latency_ms=float(median),
        latency_95_ms=float(most),
        curve=_curve(best[listed], np.array([score for _, score, _ in false]), hours),
    )


def _overlap(event: Recognised, place: Placed) -> float:
    """The overlap in seconds; if there is none, minus the seconds between them."""
    return min(event.end_s, place.end_s) - max(event.start_s, place.start_s)


def _place(event: Recognised, placed: Sequence[Placed]) -> int:
    """The clip that ``event`` overlaps most, or is nearest to."""
    return max(range(len(placed)), key=lambda i: _overlap(event, placed[i]))


def _curve(listed: NDArray[np.float64], false: NDArray[np.float64], hours: float) -> SpottingCurve:
    values = np.unique(np.concatenate([listed[listed < NEVER], false, [0.0]]))
    thresholds = np.append(values, np.nextafter(values[-1], np.inf))
    alarms = np.searchsorted(np.sort(false), thresholds)
    misses = 1 - np.searchsorted(np.sort(listed), thresholds) / len(listed)
    kept = spread(alarms / max(1, len(false)), misses, 1 / (2 * max(len(listed), len(false), 1)))
    return SpottingCurve(*(some[kept].tolist() for some in (thresholds, alarms / hours, misses)))
