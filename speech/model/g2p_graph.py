"""A grapheme-to-phoneme model as an ONNX graph with two outputs, for ``inference.g2p``."""

from __future__ import annotations

import copy
import json
from typing import Any

import onnx
import torch
from torch import Tensor, nn

from speech.inference import g2p as runtime
from speech.model.g2p import G2P
from speech.model.onnx_graph import DYNAMIC, OnnxEncoder, exported, first_read, name_first_read


class _Graph(nn.Module):
    """The module that the exporter traces. Only the outputs requested at run time are computed."""

    def __init__(self, model: G2P) -> None:
        super().__init__()
        self.model = copy.deepcopy(model).cpu().eval()
        self.model.encoder = OnnxEncoder(self.model.encoder)

    def forward(self, letters: Tensor, marks: Tensor, n_letters: Tensor, variety: Tensor) -> tuple[Tensor, Tensor]:
        n_letters = first_read(n_letters)
        embedded = self.model.embed(letters, marks)
        varieties = self.model.classify(embedded, n_letters).log_softmax(dim=1)
        logits, _ = self.model(embedded, n_letters, variety)
        return varieties, logits.log_softmax(dim=2)


def to_onnx(model: G2P, card: str) -> Any:
    """``model`` as an ``onnx.ModelProto`` in float32 that contains its metadata and its card."""
    inputs = {"letters": torch.ones(2, 5).long(), "marks": torch.zeros(2, 5, 2).long()}
    inputs |= {"n_letters": torch.tensor([5, 4]), "variety": torch.tensor([0, 0])}
    dynamic = {name: dict.fromkeys(range(min(x.dim(), 2)), DYNAMIC) for name, x in inputs.items()}
    proto = exported(_Graph(model), inputs, ["varieties", "log_probs"], dynamic)
    name_first_read(proto, "n_letters", "letters hold no word: at least one is needed")
    metadata = {
        "format": str(runtime.FORMAT),
        "kind": runtime.KIND,
        "letters": model.letters,
        "marks": model.marks,
        "phones": json.dumps(model.inventory.phones, ensure_ascii=False),
        "varieties": json.dumps(dict(zip(model.varieties, model.prior, strict=True))),
        "frames_per_letter": str(model.shape.frames_per_letter),
        "card": card,
    }
    onnx.helper.set_model_props(proto, metadata)
    return proto
