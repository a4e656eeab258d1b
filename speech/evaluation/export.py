"""A recogniser as ONNX files. Each is compared with it before it gets its name: a file that exists has passed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from tqdm import tqdm

from speech.audio.files import Waveform
from speech.common import storage
from speech.evaluation import text
from speech.evaluation.parity import Agreement, agreement, predict_each
from speech.inference.runtime import FLOAT32, INT8, Runtime
from speech.model import onnx_graph
from speech.model.recognizer import Recognizer


class ExportError(ValueError):
    """An exported file does not agree with its original recogniser."""


def export(
    recognizer: Recognizer,
    clips: Sequence[tuple[str, Waveform]],
    lists: Sequence[Sequence[str]],
    card: str,
    folder: Path,
) -> dict[str, Agreement]:
    """Write FLOAT32 and INT8 into ``folder``; returns how each agrees with ``recognizer`` on ``clips``.

    Each clip has a text and a waveform, and is ranked in the one of ``lists`` that has its text. ``card`` is stored in
    both files. Raises ExportError, and leaves neither file, if one does not agree: float32 has to be ``exact``, int8, a
    quarter of its size, ``close``. For a recogniser without a list, int8 has to be ``close_in_names`` or, if it is a
    streaming recogniser, ``close_in_candidates``.
    """
    model = onnx_graph.to_onnx(recognizer, card)
    contents = {FLOAT32: model, INT8: onnx_graph.quantise(model)}
    ours = predict_each(recognizer, _shown(clips, "torch"), lists)
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    with ExitStack() as stack:  # at its end both files get their names, or neither
        parts = {name: stack.enter_context(storage.whole(folder / name)) for name in contents}
        for name, content in contents.items():
            onnx_graph.save(content, parts[name])
            found[name] = agreement(ours, predict_each(Runtime(parts[name]), _shown(clips, name), lists))
            if not (found[name].exact if name == FLOAT32 else _close(found[name], recognizer)):
                for each in contents:
                    (folder / each).unlink(missing_ok=True)  # an earlier export would pass for this recogniser's
                raise ExportError(
                    f"{name} does not agree with its recogniser: {text.agreement(found[name])}; no file was kept"
                )
    return found


def _close(found: Agreement, recognizer: Recognizer) -> bool:
    if recognizer.names:
        return found.close
    return found.close_in_candidates if recognizer.streams else found.close_in_names


def _shown(clips: Sequence[tuple[str, Waveform]], what: str) -> Iterable[tuple[str, Waveform]]:
    return tqdm(clips, desc=what, unit=" clips", disable=None, leave=False)
