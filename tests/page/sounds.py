"""Sound on its way into the browser."""

import base64

NAMES = ["Martin", "Marvin", "Morton", "Mark", "Chloé", "Anne-Marie", "Łukasz", "Nguyễn Văn", "Siobhan", "Two Three"]


def as_text(array, dtype="<f4"):
    """The bytes of ``array`` in base64; ``waveformOf`` of ``browser.engine`` reads float32."""
    return base64.b64encode(array.astype(dtype).tobytes()).decode()
