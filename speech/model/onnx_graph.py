"""A recogniser as an ONNX graph, float32 and int8: waveforms in, log-probabilities out, for ``inference.runtime``.

The graph of a streaming recogniser is its ``step``: it takes chunks of streams, and has a state as input and output.

torch's exporter traces the recogniser itself, front end included. Two of its parts are replaced first:

- A recurrent layer becomes ONNX's own operator: the exporter of torch 2.14 fails on nn.GRU with a dynamic length.
- The power spectrum becomes one convolution with the sines of the Fourier transform. onnxruntime's STFT takes ten times
  as long if the window length is not a power of two, and changes the log-probabilities by 7e-5 instead of 1e-6.
"""

from __future__ import annotations

import copy
import json
import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import onnxscript
import torch
from torch import Tensor, nn
from torchaudio.transforms import Spectrogram

from speech.common import seal
from speech.inference import runtime
from speech.model.encoder import Encoder
from speech.model.recognizer import Recognizer

OPSET = 20
DYNAMIC = torch.export.Dim.DYNAMIC  # an axis of any length
GATES = {"RNN": (0,), "GRU": (1, 0, 2), "LSTM": (0, 3, 1, 2)}  # torch's index of each of ONNX's z, r, h; i, o, f, c
# By operator and input, the axes of a weight that an output sums over: each output has its own scale.
SUMMED = {("Conv", 1): (1, 2), ("MatMul", 1): (0,)} | {(operator, i): (2,) for operator in GATES for i in (1, 2)}
LEAST_TO_QUANTISE = 1024  # elements: quantising a smaller tensor saves nothing
LARGEST_INT8 = 127
TRACED = 64  # frames of the chunk that the exporter traces: several blocks of the running sums
LARGEST_FOLDED = 16_384  # elements of a constant that the optimiser may fold; its default would store all the sines


class _Recurrent(nn.Module):
    """A recurrent layer as ONNX's operator, which reads both directions within each clip's own length.

    ``directions`` are one or two torch layers. Input ``(batch, n_frames, n_in)``, output ``(.., n_units *
    n_directions)``.
    """

    def __init__(self, directions: Sequence[nn.Module]) -> None:
        super().__init__()
        cells = cast(Sequence[nn.RNNBase], directions)
        self.operator, self.n_units, self.n_directions = cells[0].mode.split("_")[0], cells[0].hidden_size, len(cells)
        each = [[self._in_order(parameter) for parameter in cell.all_weights[0]] for cell in cells]
        weights, recurrent, bias, recurrent_bias = (torch.stack(some) for some in zip(*each, strict=True))
        self.weights, self.recurrent = nn.Parameter(weights), nn.Parameter(recurrent)
        self.bias = nn.Parameter(torch.cat([bias, recurrent_bias], dim=1))

    def _in_order(self, parameter: Tensor) -> Tensor:
        gates = parameter.detach().chunk(len(GATES[self.operator]))
        return torch.cat([gates[i] for i in GATES[self.operator]])

    def forward(self, frames: Tensor, n_frames: Tensor, start: Tensor | None = None) -> Tensor:
        by_time = frames.transpose(0, 1)
        attributes: dict[str, Any] = {"hidden_size": self.n_units}
        attributes["direction"] = "bidirectional" if self.n_directions == 2 else "forward"
        if self.operator == "GRU":
            attributes["linear_before_reset"] = 1  # as in torch: the reset gate comes after the hidden bias
        inputs = [by_time, self.weights, self.recurrent, self.bias, n_frames.int()]
        if start is not None:
            inputs.append(start[None])
        shape = (by_time.shape[0], self.n_directions, by_time.shape[1], self.n_units)
        states = torch.onnx.ops.symbolic(
            self.operator, inputs, attributes, dtype=torch.float32, shape=shape, version=OPSET
        )
        return states.permute(2, 0, 1, 3).flatten(2)


class OnnxEncoder(Encoder):
    """``encoder`` with ONNX's recurrent operators."""

    def __init__(self, encoder: Encoder) -> None:
        nn.Module.__init__(self)  # not Encoder's: the parts exist already
        self.stride, self.kernel = encoder.stride, encoder.kernel
        self.convolution, self.normalisation = encoder.convolution, encoder.normalisation
        self.dropout, self.output = encoder.dropout, encoder.output
        self.recurrent = nn.ModuleList(map(_Recurrent, encoder.layers()))

    def layers(self) -> Any:
        return self.recurrent

    def _recurrent(self, directions: Any, hidden: Tensor, n_frames: Tensor, start: Tensor | None = None) -> Tensor:
        layer: _Recurrent = directions
        return cast(Tensor, layer(hidden, n_frames, start))


class _PowerSpectrum(nn.Module):
    """torchaudio's Spectrogram as a convolution: ``(batch, n_samples)`` to ``(batch, n_bins, n_frames)``.

    The graph computes its kernels from one period of cosine and sine: stored, they would take half of the file.
    """

    def __init__(self, spectrogram: Spectrogram) -> None:
        super().__init__()
        self.hop_length = spectrogram.hop_length
        angle = 2 * math.pi * torch.arange(spectrogram.n_fft, dtype=torch.float64) / spectrogram.n_fft
        self.period = nn.Buffer(torch.stack([angle.cos(), angle.sin()]).float())
        self.window = nn.Buffer(spectrogram.window)

    def forward(self, waveforms: Tensor) -> Tensor:
        n = len(self.window)
        turn = torch.arange(n // 2 + 1)[:, None] * torch.arange(n) % n
        kernels = self.period[:, turn].flatten(0, 1) * self.window
        spectrum = nn.functional.conv1d(waveforms[:, None], kernels[:, None], stride=self.hop_length)
        real, imaginary = spectrum.chunk(2, dim=1)
        return real.square() + imaginary.square()


class _Graph(nn.Module):
    """The module that the exporter traces: ``recognizer`` with those parts replaced, log-probabilities as output."""

    def __init__(self, recognizer: Recognizer) -> None:
        super().__init__()
        self.recognizer = copy.deepcopy(recognizer).cpu().eval()
        if isinstance(self.recognizer.encoder, Encoder):
            self.recognizer.encoder = OnnxEncoder(self.recognizer.encoder)
        for parent in list(self.recognizer.frontend.modules()):
            for name, child in list(parent.named_children()):
                if isinstance(child, Spectrogram):
                    parent.register_module(name, _PowerSpectrum(child))

    def forward(self, waveforms: Tensor, n_samples: Tensor, state: Tensor | None = None) -> tuple[Tensor, ...]:
        n_samples = first_read(n_samples)
        after: list[Tensor] = []
        if state is None:
            logits, n_frames = self.recognizer(waveforms, n_samples)
        else:
            logits, n_frames, *after = self.recognizer.step(waveforms, n_samples, state)
        outputs = self.recognizer.split(logits)
        return torch.cat([output.log_softmax(dim=2) for output in outputs], dim=2), n_frames, *after


def to_onnx(recognizer: Recognizer, card: str) -> Any:
    """``recognizer`` as an ``onnx.ModelProto`` in float32 that contains its metadata and the model card ``card``."""
    rate, windows = recognizer.sample_rate, recognizer.windows
    inputs = {"waveforms": torch.zeros(2, rate), "n_samples": torch.tensor([rate, rate // 2])}
    dynamic = {"waveforms": {0: DYNAMIC, 1: DYNAMIC}, "n_samples": {0: DYNAMIC}}
    outputs = ["log_probs", "n_frames"]
    if recognizer.streams:
        inputs["waveforms"] = torch.zeros(2, 1 + windows.overlap + TRACED * windows.samples_per_frame)
        inputs["state"], dynamic["state"] = torch.zeros(2, recognizer.n_state), {0: DYNAMIC}
        outputs.append("next_state")
    model = exported(_Graph(recognizer), inputs, outputs, dynamic)
    name_first_read(model, "n_samples", "waveforms hold no clip: at least one is needed")
    metadata = {
        "format": str(runtime.FORMAT),
        "alphabet": recognizer.alphabet.letters,
        "sample_rate": str(recognizer.sample_rate),
        "samples_per_frame": str(windows.samples_per_frame),
        "names": json.dumps(recognizer.names, ensure_ascii=False),
        "decoder": json.dumps(recognizer.parts["decoder"]),
        "card": card,
    }
    if recognizer.streams:
        metadata |= {"window_length": str(windows.window_length), "overlap": str(windows.overlap)}
    if recognizer.inventory:
        metadata["phones"] = json.dumps(recognizer.inventory.phones, ensure_ascii=False)
        metadata["pronunciations"] = json.dumps(recognizer.pronunciations, ensure_ascii=False)
        metadata["phones_weight"] = str(recognizer.phones_weight)
    onnx.helper.set_model_props(model, metadata | {name: json.dumps(one) for name, one in recognizer.fitted().items()})
    return model


def first_read(lengths: Tensor) -> Tensor:
    """``lengths`` ``(batch,)``, unchanged: of an empty batch the first one cannot be read, which is an error of the
    node that reads it. Without it onnxruntime would crash in a recurrent layer."""
    return torch.maximum(lengths, lengths[0].clamp(max=1))  # an optimiser would remove what has no effect on any input


def name_first_read(model: Any, lengths: str, error: str) -> None:
    """Let ``error`` be the name, which onnxruntime's error shows, of the node that ``first_read`` made of the input
    ``lengths``."""
    (first,) = (node for node in model.graph.node if node.op_type == "Gather" and node.input[0] == lengths)
    first.name = error


def exported(
    graph: nn.Module, inputs: Mapping[str, Tensor], outputs: Sequence[str], dynamic: Mapping[str, dict[int, Any]]
) -> Any:
    """``graph`` as an ``onnx.ModelProto``, traced on ``inputs``, whose ``dynamic`` axes may have any length."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it advertises torchvision
    program = torch.onnx.export(
        graph.eval(),
        tuple(inputs.values()),
        input_names=list(inputs),
        output_names=list(outputs),
        dynamic_shapes=tuple(dynamic.values()),
        opset_version=OPSET,
        dynamo=True,
        optimize=False,
        verbose=False,
    )
    assert program is not None
    onnxscript.optimizer.optimize(program.model, output_size_limit=LARGEST_FOLDED)
    model = program.model_proto
    model.producer_name = "speech-names"
    # The exporter's notes are stack traces with this machine's paths, five times the size of the graph itself.
    del model.metadata_props[:], model.graph.metadata_props[:], model.graph.value_info[:]
    for one in [*model.graph.node, *model.graph.input, *model.graph.output, *model.graph.initializer]:
        one.doc_string = ""
        del one.metadata_props[:]
    return model


def save(model: Any, path: Path) -> None:
    """Write ``model`` with a checksum, in the form that ``inference.session`` reads."""
    path.write_bytes(seal.sealed(model.SerializeToString()))


def quantise(model: Any) -> Any:
    """A copy of ``model`` whose weights are stored in int8, with a float32 scale for each output.

    The weights become float32 again when the file is loaded, so that only their rounding changes a result.
    onnxruntime's own tools quantise neither GRU nor RNN.
    """
    small = copy.deepcopy(model)
    inputs = [(name, (node.op_type, i)) for node in model.graph.node for i, name in enumerate(node.input)]
    summed = {name: SUMMED[place] for name, place in inputs if place in SUMMED}
    for tensor in model.graph.initializer:
        weight = onnx.numpy_helper.to_array(tensor)
        if tensor.name not in summed or weight.size < LEAST_TO_QUANTISE:
            continue
        scale = np.abs(weight).max(axis=summed[tensor.name], keepdims=True) / LARGEST_INT8
        rounded = np.round(weight / np.where(scale > 0, scale, 1)).astype(np.int8)
        small.graph.initializer.remove(tensor)
        int8, float32, by = (f"{tensor.name}.{what}" for what in ("int8", "float32", "scale"))
        small.graph.initializer.append(onnx.numpy_helper.from_array(rounded, int8))
        small.graph.initializer.append(onnx.numpy_helper.from_array(scale, by))
        # Not DequantizeLinear: with it, onnxruntime would quantise the activations to 8 bits as well.
        small.graph.node.insert(0, onnx.helper.make_node("Mul", [float32, by], [tensor.name]))
        small.graph.node.insert(0, onnx.helper.make_node("Cast", [int8], [float32], to=onnx.TensorProto.FLOAT))
    return small
