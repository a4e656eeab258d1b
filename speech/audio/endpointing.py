"""End-pointing: finds where somebody speaks in a recording or a stream, between silence, hum and clicks. numpy only.

A recording of a name is 1 to 5 s long, the name 0.5 s. Features are normalised over the name alone, so every clip is
end-pointed, in training as in use; the same ``Endpointer`` processes a microphone's stream, block by block.

Method: short-time energy in the band of speech (Rabiner and Sambur 1975), less the constant power of each band
(spectral subtraction, Boll 1979), then a threshold below the loudest frame, over a window of the last WINDOW_S.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from speech.audio.files import Waveform

FRAME_MS = 25.0
HOP_MS = 10.0
BAND_HZ = (200.0, 7_000.0)  # mains hum and rumble are below; an s may have no power below 4 000
N_BANDS = 16  # on the mel scale: wide enough that a noise's power in one frame of a band is near its mean
N_SMOOTHED = 5  # frames
TILT_HZ = 2_200.0  # above it power is raised by 6 dB per octave: fricatives are softer than vowels
FLOOR_PERCENT = 10  # at least this many percent of the frames are background
NAME_S = 1.0  # few names are longer: the rest of a recording is background
OVER_SUBTRACTION = 3.0  # the floor is subtracted this many times: a steady noise leaves nothing in most frames
DEPTH_DB = 35.0  # the threshold is this far below the loudest frame
OVER_FLOOR_DB = 8.0  # or this far above the background, if that is higher
LEAST_DEPTH_DB = 12.0  # but never nearer to the loudest frame
TRIMMED_S, TRIMMED_DEPTH_DB = 0.8, 22.0  # or than this in a clip of less sound, whose background is itself speech
LEAST_RATIO = 1.0  # of the loudest frame's excess to the background's power: a steady noise stays below it
GAP_S = 0.8  # the pause between a first and a last name
CLICK_S = 0.03  # shorter than any isolated phone
MARGIN_S = 0.06  # around the speech, whose onset and release are softer than the threshold
STEADY_S, STEADY_DB = 0.8, 4.0  # a sound that long within that few dB, never rising, is a noise: most span over 3 dB
SILENCE = 1e-4  # peak amplitude (-80 dBFS)
STEP = 20  # frames between examinations of a stream. Fixed, so that the size of its blocks does not matter
LOOK = 10  # frames between them while somebody speaks, if short pauses are asked for; STEP is a multiple of it
WINDOW_S = 6.0  # held of a stream, and the longest segment: speech without a pause is cut there


NOTHING = "nothing but clicks and steady noise"

Run = list[tuple[int, int]]  # the parts of a segment, in frames: first, last + 1


class NoSpeechError(ValueError):
    """No span of the recording is louder than its background."""


def _mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Hz to mel (O'Shaughnessy 1987)."""
    mel: NDArray[np.float64] = 2595 * np.log10(1 + hz / 700)
    return mel


@lru_cache(maxsize=4)  # one per sample rate
def _bands(length: int, sample_rate: int) -> NDArray[np.float64]:
    """The weight of each squared number of a spectrum in each band, ``(2 n_frequencies, N_BANDS)``.

    The real and the imaginary part of a frequency are separate rows, in numpy's order.
    """
    frequency = np.fft.rfftfreq(length, 1 / sample_rate).astype(np.float64)
    inside = (frequency >= BAND_HZ[0]) & (frequency <= BAND_HZ[1])
    low, high = _mel(np.array([BAND_HZ[0], min(BAND_HZ[1], sample_rate / 2)]))
    edges = np.linspace(low, high, N_BANDS, endpoint=False)
    of_band = np.searchsorted(edges, _mel(frequency), side="right")[:, None] == np.arange(1, N_BANDS + 1)
    tilt = 1 + (frequency / TILT_HZ) ** 2
    return np.repeat(of_band * (tilt * inside)[:, None], 2, axis=0)


@lru_cache(maxsize=2 * STEP)  # the last group of a stream may have any number of frames
def _places(n_frames: int, length: int, hop: int) -> NDArray[np.intp]:
    """The index of each sample of each frame, ``(n_frames, length)``."""
    return np.arange(n_frames)[:, None] * hop + np.arange(length)


def _percentile(values: NDArray[np.float64], percent: float) -> NDArray[np.float64]:
    """The percentile over the last axis, linearly interpolated; ``numpy.percentile`` takes three times as long."""
    place = (values.shape[-1] - 1) * percent / 100
    below = int(place)
    above = min(below + 1, values.shape[-1] - 1)
    ordered = np.partition(values, (below, above), axis=-1)
    return np.asarray(ordered[..., below] + (place - below) * (ordered[..., above] - ordered[..., below]))


class Segment(NamedTuple):
    """Speech from sample ``start`` to ``stop`` of the stream. ``waveform`` is that span with MARGIN_S around it.

    Beyond an end of the stream it is 0. ``power`` shows which of several segments is the loudest. ``parts`` are the
    spans between the short pauses inside, ``(start, stop)`` each. ``over`` is False if the segment may continue.
    """

    start: int
    stop: int
    waveform: Waveform
    power: float
    parts: list[tuple[int, int]]
    over: bool = True


class Endpointer:
    """Finds segments of speech in a stream at ``sample_rate`` Hz, of which it holds WINDOW_S at most.

    Blocks of any size give bitwise the same segments as the whole: frames are computed in groups of a fixed size. A
    segment is returned GAP_S after its end; with ``pause_s``, also after each pause of that length within it.
    ``speaking_since`` is the first sample of a segment that has not ended; ``reason`` says why the last examination
    found none. ``sounding`` is known sooner and is less certain: the span, not yet ended, where somebody may speak.
    """

    def __init__(self, sample_rate: int, pause_s: float | None = None) -> None:
        self._rate = sample_rate
        self._length, self._hop = round(sample_rate * FRAME_MS / 1000), round(sample_rate * HOP_MS / 1000)
        self._taper = np.hanning(self._length)
        self._margin = round(sample_rate * MARGIN_S)
        self._window, self._gap = round(WINDOW_S * 1000 / HOP_MS), round(GAP_S * 1000 / HOP_MS)
        self._pause = None if pause_s is None else round(pause_s * 1000 / HOP_MS)
        self._paused_at = 0  # frame of the stream at which the last short pause began
        self._first = 0  # frame of the stream at which ``_band`` begins
        self._band = np.zeros((0, N_BANDS))
        self._sounds = np.zeros(0, bool)
        self._known: tuple[list[Run], NDArray[np.float64]] | None = None  # ``_runs`` of these frames
        self._audio = np.zeros(self._margin, np.float32)  # zeros before the stream's beginning
        self._audio_start = -self._margin
        self._pending: list[Waveform] = []
        self._n_pending = 0
        self.speaking_since: int | None = None
        self.sounding: tuple[int, int] | None = None
        self.reason = NOTHING

    @property
    def n_samples(self) -> int:
        """The number of samples of the stream that were fed."""
        return self._audio_start + len(self._audio) + self._n_pending

    @property
    def held_since(self) -> int:
        """The first sample that is still held."""
        return self._audio_start

    def feed(self, samples: Waveform) -> list[Segment]:
        """The segments that have ended, as these further ``samples``, ``(n,)``, show."""
        self._pending.append(samples)
        self._n_pending += len(samples)
        group = STEP if self._pause is None else LOOK
        needed = group * self._hop + self._length - self._hop
        if self._next_frame() + needed > self.n_samples:
            return []
        self._take_pending()
        found: list[Segment] = []
        while self._next_frame() + needed <= self.n_samples:
            self._add_frames(group)
            if (self._first + len(self._band)) % STEP == 0:
                if len(self._band) > self._gap:  # earlier, no segment can have ended
                    found += self._ended()
                self._forget()
            if self._pause is not None and (self.speaking_since is not None or len(self._band) <= self._gap):
                found += self._paused(self._pause)
        return found

    def finish(self) -> list[Segment]:
        """The segments that end with the stream."""
        self._take_pending()
        n_held, n_missing = len(self._audio), max(0, self._length - self.n_samples)
        self._audio = np.pad(self._audio, (0, n_missing))  # to the length of a frame
        n_frames = (self.n_samples - self._length - self._next_frame()) // self._hop + 1
        if n_frames > 0:
            self._add_frames(n_frames)
        self._audio = self._audio[:n_held]
        return self._ended(final=True) if len(self._band) else []

    def audio(self, start: int, stop: int) -> Waveform:
        """Samples ``start`` to ``stop`` of the stream, as far as they are still held; 0 beyond its ends."""
        self._take_pending()
        first = start - self._audio_start
        held = self._audio[max(first, 0) : max(stop - self._audio_start, 0)]
        before = max(0, min(-first, stop - start))
        return np.pad(held, (before, stop - start - before - len(held)))

    def _next_frame(self) -> int:
        """The first sample of the next frame to compute."""
        return (self._first + len(self._band)) * self._hop

    def _take_pending(self) -> None:
        if self._pending:
            self._audio = np.concatenate([self._audio, *self._pending])
            self._pending, self._n_pending = [], 0

    def _add_frames(self, n_frames: int) -> None:
        """Compute the power of the next frames in each band. Frames of digital silence (padding) are marked, since they
        do not show the background."""
        start = self._next_frame() - self._audio_start
        part = self._audio[start : start + (n_frames - 1) * self._hop + self._length]
        frames = part[_places(n_frames, self._length, self._hop)]
        sounds = np.maximum(frames.max(axis=1), -frames.min(axis=1)) >= SILENCE
        spectrum = np.fft.rfft(frames.astype(np.float64) * self._taper, axis=1)
        band = np.square(spectrum.view(np.float64)) @ _bands(self._length, self._rate) * sounds[:, None]
        self._band, self._sounds = np.concatenate([self._band, band]), np.concatenate([self._sounds, sounds])
        self._known = None

    def _ended(self, final: bool = False) -> list[Segment]:
        """The segments of the window that have ended; they are dropped from it."""
        runs, power = self._known = self._runs()
        n_frames, offset = len(self._band), self._first
        self.speaking_since = self.sounding = None
        found = []
        for parts in runs:
            first, last = parts[0][0], parts[-1][1]
            cut = not final and last + self._gap > n_frames - N_SMOOTHED // 2
            if cut:
                if n_frames < self._window or first > self._window // 2:
                    self.speaking_since = (offset + first) * self._hop
                    self.sounding = self._samples(offset, first, last)
                    break
                # Speech without a pause is cut where it is softest, in the last third of the window.
                least = max(first + 1, 2 * self._window // 3)
                end, last = last, least + int(power[least : n_frames - N_SMOOTHED].argmin())
                if last < end:
                    self.sounding = self._samples(offset, last, end)
                parts = [(begin, min(end, last)) for begin, end in parts if begin < last]
            found.append(self._segment(offset, parts, last, power))
            # The pause is dropped too, since a later threshold might find the name's soft end in it.
            self._drop(min(offset + last + (0 if cut else self._gap), offset + n_frames) - self._first)
            if cut:
                break
        return found

    def _paused(self, pause: int) -> list[Segment]:
        """The segment that has not ended, if a pause of ``pause`` frames that was not yet reported follows it."""
        runs, power = self._known or self._runs()
        if not runs:
            self.sounding = None
            return []
        last, edge = runs[-1][-1][1], N_SMOOTHED // 2
        self.sounding = self._samples(self._first, runs[-1][0][0], last)
        # A changed threshold may move the same end by a few frames.
        if last + pause > len(self._band) - edge or self._first + last <= self._paused_at + N_SMOOTHED:
            return []
        self._paused_at = self._first + last
        return [self._segment(self._first, runs[-1], last, power)._replace(over=False)]

    def _segment(self, offset: int, parts: Run, last: int, power: NDArray[np.float64]) -> Segment:
        """The segment of the window's frames from the first of ``parts`` to ``last`` (exclusive)."""
        ends = [self._samples(offset, begin, end) for begin, end in parts]
        start, stop = self._samples(offset, parts[0][0], last)
        waveform = self.audio(start - self._margin, stop + self._margin)
        return Segment(start, stop, waveform, float(power[parts[0][0] : last].sum()), ends)

    def _samples(self, offset: int, first: int, last: int) -> tuple[int, int]:
        """The first sample and the one after the last of frames ``first`` to ``last`` (exclusive)."""
        return (offset + first) * self._hop, min(self.n_samples, (offset + last - 1) * self._hop + self._length)

    def _forget(self) -> None:
        if (n_over := len(self._band) - self._window) > 0:
            self._drop(n_over)
        n_over = self._first * self._hop - self._margin - self._audio_start
        if n_over > 0:
            self._audio, self._audio_start = self._audio[n_over:], self._audio_start + n_over

    def _drop(self, n_frames: int) -> None:
        self._band, self._sounds = self._band[n_frames:], self._sounds[n_frames:]
        self._first += n_frames
        self._known = None

    def _runs(self) -> tuple[list[Run], NDArray[np.float64]]:
        """The runs of loud frames in the window, and each frame's power less the background's, ``(n_frames,)``. The
        parts of a run are at most GAP_S apart."""
        band, sounds = self._band, self._sounds
        if not sounds.any():
            self.reason = "digital silence"
            return [], np.zeros(len(band))
        # The mean over those of N_SMOOTHED frames that exist and are not digital silence.
        edge = N_SMOOTHED // 2
        padded = np.zeros((len(band) + 2 * edge, N_BANDS))
        padded[edge : edge + len(band)] = band
        n_sounding = np.convolve(sounds, np.ones(N_SMOOTHED))[edge : edge + len(sounds)]
        smooth = sum(padded[i : i + len(band)] for i in range(N_SMOOTHED)) / np.maximum(n_sounding, 1)[:, None]
        sounding = smooth if sounds.all() else smooth[sounds]
        floor = _percentile(np.ascontiguousarray(sounding.T), FLOOR_PERCENT)
        power = np.maximum(smooth - OVER_SUBTRACTION * floor, 0) @ np.ones(N_BANDS) * sounds
        if power.max() <= LEAST_RATIO * floor.sum():
            self.reason = "the sound never changes"
            return [], power
        level = 10 * np.log10(power / power.max() + 1e-10)
        sounds_s = sounds.sum() * HOP_MS / 1000
        rest = 1 - NAME_S / sounds_s  # proportion of the window without the name
        background = float(_percentile(level[sounds], max(FLOOR_PERCENT, 70 * rest)))
        least_depth = TRIMMED_DEPTH_DB if sounds_s < TRIMMED_S else LEAST_DEPTH_DB
        threshold = max(-DEPTH_DB, min(background + OVER_FLOOR_DB, -least_depth))

        def lasts_s(first: int, last: int) -> float:
            widened = edge * ((first > 0) + (last < len(level)))  # by the smoothing, except beyond an end
            return (last - first - widened) * HOP_MS / 1000

        edges = np.flatnonzero(np.diff(level > threshold, prepend=False, append=False))
        runs: list[Run] = []
        for first, last in edges.reshape(-1, 2).tolist():
            if lasts_s(first, last) < CLICK_S or _is_steady(smooth[first:last]):
                continue
            pause = first - runs[-1][-1][1] if runs else self._gap + 1
            if pause > self._gap:
                runs.append([(first, last)])
            elif self._pause is None or pause < self._pause:
                runs[-1][-1] = (runs[-1][-1][0], last)
            else:
                runs[-1].append((first, last))
        self.reason = NOTHING
        # The overlap of frames lengthens a click by a frame less a hop.
        least_s = CLICK_S + (FRAME_MS - HOP_MS) / 1000
        return [run for run in runs if lasts_s(run[0][0], run[-1][1]) >= least_s], power


def _is_steady(bands: NDArray[np.float64]) -> bool:
    """Whether frames with this power in each band are a noise that has ended, at once or slowly, like a fan's: until
    then the noise itself was the background."""
    first = round(STEADY_S * 1000 / HOP_MS)
    if len(bands) < first:
        return False
    power = bands.sum(axis=1)
    return bool(power.max() < 10 ** (STEADY_DB / 10) * _percentile(power[:first], FLOOR_PERCENT))


def loudest(waveform: Waveform, sample_rate: int) -> Segment:
    """The segment of a recording that is taken as the name. Raises NoSpeechError for silence."""
    peak = float(np.abs(waveform).max(initial=0.0))
    if peak < SILENCE:
        raise NoSpeechError(f"no speech found: peak amplitude {peak:.1g} is silence")
    endpointer = Endpointer(sample_rate)
    segments = endpointer.feed(waveform) + endpointer.finish()
    if not segments:
        raise NoSpeechError(f"no speech found: {endpointer.reason}")
    return max(segments, key=lambda segment: segment.power)


def find_speech(waveform: Waveform, sample_rate: int) -> tuple[int, int]:
    """The samples of the name, ``start, stop`` with 0 <= start < stop <= n_samples, without a margin.

    Raises NoSpeechError for silence.
    """
    segment = loudest(waveform, sample_rate)
    return segment.start, segment.stop


def trim_silence(waveform: Waveform, sample_rate: int) -> tuple[Waveform, float]:
    """The name with MARGIN_S before and after it, and the time in seconds at which that span begins in the recording.

    A recording that ends within the margin is padded with zeros, so that clips give the same result however tightly
    they are trimmed; the time may be negative. Raises NoSpeechError for silence.
    """
    segment = loudest(waveform, sample_rate)
    return segment.waveform, (segment.start - round(sample_rate * MARGIN_S)) / sample_rate
