"""``python scripts/benchmark_static_int8.py DATA_DIR``: static int8, compared with the export's int8 of weights alone.

onnxruntime's ``quantize_static`` is applied to the shipped recogniser: to the whole graph, and to all but the front
end, whose powers exceed the range of 8 bits. It quantises no recurrent layer; their weights are then stored in int8 as
in the export. Activations are calibrated on clips of the speakers in calibration_speakers.txt, and everything is
measured on other clips of theirs. Prints one JSON object per line. None of this ships.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from benchlib.figures import show, show_change, show_proportion
from benchlib.people import RATE, People, calibration_speakers, first_name, log_probs, read_lists, sample
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

from speech.audio import endpointing
from speech.audio.files import Waveform
from speech.inference.runtime import Runtime
from speech.model import onnx_graph
from speech.model.recognizer import Recognizer


class Clips(CalibrationDataReader):
    """Each of ``waveforms`` as the graph's inputs."""

    def __init__(self, waveforms: Sequence[Waveform]) -> None:
        self._inputs = iter([{"waveforms": one[None], "n_samples": np.array([len(one)])} for one in waveforms])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._inputs, None)


def front_end(model: onnx.ModelProto) -> list[str]:
    """The nodes before the encoder's convolution, which is the graph's second."""
    second = [i for i, node in enumerate(model.graph.node) if node.op_type == "Conv"][1]
    return [node.name for node in model.graph.node[:second]]


def static(model: onnx.ModelProto, path: Path, waveforms: Sequence[Waveform], exclude: Sequence[str]) -> None:
    """Write ``model`` to ``path``, quantised except for the nodes ``exclude``."""
    onnx.save(model, path)
    quantize_static(
        path, path, Clips(waveforms), per_channel=True, activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8, nodes_to_exclude=list(exclude),
    )  # fmt: skip
    onnx_graph.save(onnx_graph.quantise(onnx.load(path)), path)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--n-clips", type=int, default=300, help="clips to measure, at most")
    parser.add_argument("--n-calibrated", type=int, default=60, help="clips for the calibration of activations")
    given = parser.parse_args()
    speakers, lists = calibration_speakers(), read_lists()
    people = People(given.data_dir).recordings("speech_commands", list(lists.words))
    drawn = sample([one for one in people if one.speaker in speakers], given.n_clips + given.n_calibrated, 0)
    order = np.random.default_rng(0).permutation(len(drawn)).tolist()
    calibrated, measured = ([drawn[i] for i in some] for some in np.split(order, [given.n_calibrated]))
    trimmed = [endpointing.trim_silence(one.load(), RATE)[0] for one in calibrated]
    model = onnx_graph.to_onnx(Recognizer.load(), card="")
    for i, node in enumerate(model.graph.node):
        node.name = node.name or f"node_{i}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = {
            kind: folder / f"{i}.onnx"
            for i, kind in enumerate(("float32", "int8 weights", "static int8", "static int8 but the front end"))
        }
        whole, weights, every, encoder = files.values()
        onnx_graph.save(model, whole)
        onnx_graph.save(onnx_graph.quantise(model), weights)
        static(model, every, trimmed, [])
        static(model, encoder, trimmed, front_end(model))
        waveforms, base = [one.load() for one in measured], np.zeros(0, bool)
        for kind, path in files.items():
            runtime = Runtime(path)
            lexicon = runtime.lexicon(list(lists.words))
            start = time.process_time()
            frames = [log_probs(runtime, one) for one in waveforms]
            seconds = time.process_time() - start
            hits = np.array([first_name(runtime, f, lexicon) == r.text for f, r in zip(frames, measured, strict=True)])
            of = [one.speaker for one in measured]
            show(f"static_int8_size ({kind})", path.stat().st_size / 1e6, "MB")
            show(
                f"static_int8_rtf ({kind})", seconds / (sum(map(len, waveforms)) / RATE), "s/s", "CPU time, one thread"
            )
            show_proportion(f"static_int8_accuracy ({kind})", hits, of, "20 words")
            if kind != "float32":
                show_change(f"static_int8_change ({kind})", hits, base, of, "float32")
            else:
                base = hits


if __name__ == "__main__":
    main()
