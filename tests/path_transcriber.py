"""A Transcriber without a network: what ranking, rejection and calibration ask of a recogniser."""

import numpy as np

from speech.data.dataset import Clip
from speech.inference.decode import Greedy
from speech.inference.scoring import LogProbs
from speech.inference.transcriber import Transcriber
from speech.text.alphabet import Alphabet
from speech.text.phones import Inventory
from speech.text.pronunciation import phonemize

ALPHABET, INVENTORY = Alphabet(), Inventory()
N_FRAMES = 24


class PathTranscriber(Transcriber):
    """The samples of a clip are the likeliest symbols of its frames: first the letters', then as many of the phones'.

    Without an inventory, all are the letters'. -1 is a frame in which all symbols are alike.
    """

    alphabet = ALPHABET
    sample_rate = 16_000
    frame_s = 0.02

    def __init__(self, inventory=INVENTORY, phones_weight=0.5, label_prior=None, pronunciations=None):
        self.names, self.pronunciations, self.decoder = [], pronunciations or {}, Greedy()
        self.inventory, self.phones_weight, self.label_prior = inventory, phones_weight, label_prior

    def log_probs(self, waveform):
        samples = np.round(np.asarray(waveform) * 32768).astype(int)
        paths = np.split(samples, 2) if self.inventory else [samples]
        return LogProbs(*(peaked(path, n) for path, n in zip(paths, self.n_symbols, strict=True)))


def peaked(path, n_symbols, height=6.0):
    """Log-probabilities of frames in each of which the symbol of ``path`` is the likeliest; at -1 all are alike."""
    path = np.asarray(path)
    logits = np.random.default_rng(path.clip(min=0)).normal(scale=0.3, size=(len(path), n_symbols))
    logits[np.arange(len(path)), path.clip(min=0)] += height * (path >= 0)
    logits[path < 0] = 0
    return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)


def path_of(symbols):
    """Each symbol and a blank after it, and blanks to the end."""
    path = np.zeros(N_FRAMES, int)
    path[1 : 1 + 2 * len(symbols) : 2] = symbols
    return path


def log_probs_of(letters, phones):
    return LogProbs(
        peaked(path_of(ALPHABET.encode(letters)), len(ALPHABET)),
        peaked(path_of(INVENTORY.encode(phones)), len(INVENTORY)),
    )


def clips(names, n_each=4, letters=True, phones=True):
    """``n_each`` clips of each of ``names``, an output that is switched off being flat; None leaves the phones out."""
    flat = np.full(N_FRAMES, -1)
    found = []
    for name in names:
        paths = [path_of(ALPHABET.encode(name)) if letters else flat]
        if phones is not None:
            paths.append(path_of(INVENTORY.encode(phonemize(name))) if phones else flat)
        samples = np.concatenate(paths).astype(np.int16)
        found += [Clip(f"{name}{i}", name, f"s{i}", "en-US", samples) for i in range(n_each)]
    return found


def noise(n_samples):
    """Noise that swells and fades: end-pointing finds no speech in a steady one."""
    return (np.random.default_rng(0).normal(scale=0.1, size=n_samples) * np.hanning(n_samples)).astype(np.float32)
