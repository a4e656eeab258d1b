"""Sound on its way into the browser."""

import base64

import numpy as np
from spoken import RATE

NAMES = ["Martin", "Marvin", "Morton", "Mark", "Chloé", "Anne-Marie", "Łukasz", "Nguyễn Văn", "Siobhan", "Two Three"]


def pause(seconds):
    return (1e-4 * np.random.default_rng(2).standard_normal(round(seconds * RATE))).astype(np.float32)


def as_text(array, dtype="<f4"):
    """The bytes of ``array`` in base64; ``waveformOf`` of ``browser.engine`` reads float32."""
    return base64.b64encode(array.astype(dtype).tobytes()).decode()
