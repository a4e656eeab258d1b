"""Imports point one way: CONTRIBUTING.md shows the rooms."""

import ast
from pathlib import Path

import pytest

import speech

PACKAGE = Path(speech.__file__).parent
ENTRY = {"train", "evaluate", "calibrate", "transcribe", "synthesize", "export", "lesson", "report", "confusable"}
ENTRY |= {"start"}  # of train
BELOW = {  # room, or file where it may import more -> the rooms of ours that it may import
    "alphabet": set(),
    "audio": set(),
    "endpoint": {"audio"},
    "build": set(),
    "extras": set(),
    "runs": {"recognizer", "runtime", "transcriber", "build"},
    "schedule": set(),
    "config": set(),
    "backprop": {"backprop"},
    "lessons": {"lessons", "backprop"},
    "lessons/martin": {
        "lessons",
        "backprop",
        "ctc",
        "gradients",
        "recognizer",
        "transcriber",
        "runs",
        "voices",
        "audio",
    }
    | {"endpoint"},
    "lessons/martin_pictures": {"lessons", "backprop", "ctc", "lettering"},
    "phonetics": set(),
    "pronunciation": {"phonetics", "voices", "alphabet"},
    "pairs": {"phonetics", "voices", "alphabet"},
    "intervals": set(),
    "snr": {"audio"},
    "metrics": {"intervals"},
    "openset": {"metrics", "intervals"},
    "compare": {"metrics", "intervals"},
    "provenance": {"metrics"},
    "lettering": set(),
    "chart": {"lettering"},
    "augment": {"augment", "audio"},
    "voices": {"voices", "audio", "alphabet", "extras"},
    "frontend": {"backprop"},
    "encoder": {"frontend", "backprop"},
    "ctc": {"ctc", "alphabet"},
    "prior": {"ctc"},
    "rejection": {"ctc"},
    "transcriber": {"prior", "rejection", "ctc", "alphabet", "audio", "endpoint", "phonetics", "pronunciation"},
    "runtime": {"transcriber", "prior", "rejection", "ctc", "alphabet", "audio", "build", "extras", "phonetics"},
    "recognizer": {"transcriber", "prior", "rejection", "frontend", "encoder", "ctc", "alphabet", "audio", "build"}
    | {"phonetics", "pronunciation"},
    "gradients": {"recognizer", "corpus", "augment", "ctc", "frontend", "backprop"},
    "graph": {"recognizer", "encoder", "runtime", "extras"},
    "card": {"__version__", "metrics"},
    "corpus": {"corpus", "voices", "augment", "audio", "alphabet", "endpoint", "phonetics", "pairs", "pronunciation"}
    | {"usable"},
    "task": {"recognizer", "corpus", "ctc", "frontend", "metrics", "alphabet", "backprop", "gradients"},
    "calibration": {"recognizer", "prior", "rejection", "corpus", "augment", "ctc", "metrics", "alphabet", "audio"}
    | {"transcriber"},
    "judge": {"recognizer", "corpus", "metrics", "openset", "provenance", "snr"},
    "usable": {"audio", "endpoint"},
    "page": {"page", "judge", "chart", "lettering", "monitor", "recognizer", "runs", "corpus", "metrics", "audio"},
    "monitor": {"monitor", "task", "recognizer", "transcriber", "corpus", "metrics", "ctc", "audio", "lettering"},
    "monitor/lattice": {"monitor", "corpus", "backprop", "lettering"},
    "monitor/share": {"monitor", "corpus", "lessons"},
    "monitor/evaluation": {"judge", "chart"},
}
ONLY = {"hydra": ENTRY | {"config"}, "omegaconf": ENTRY | {"config"}}
ONLY["pytorch_lightning"] = {"task", "monitor", "corpus", "train"}
TORCHLESS = {
    "alphabet",
    "audio",
    "endpoint",
    "phonetics",
    "pronunciation",
    "voices/espeak",
    "voices/voice",
    "ctc/score",
    "ctc/decode",
    "ctc/align",
    "ctc/__init__",
}
TORCHLESS |= {"prior", "rejection", "transcriber", "runtime", "runs", "build", "extras", "card", "transcribe", "config"}
TORCHLESS |= {"lettering"}
TORCHLESS |= {"usable", "pairs", "intervals", "snr", "metrics", "openset", "compare", "provenance", "chart"}

FILES = sorted(PACKAGE.rglob("*.py"))


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path):
    inside = path.relative_to(PACKAGE)
    room = inside.parts[0].removesuffix(".py")
    for name in imported(path):
        top, _, rest = name.partition(".")
        if top == "speech" and room not in ENTRY | {"__init__"}:
            below = BELOW.get(str(inside.with_suffix("")), BELOW[room])
            assert rest.split(".")[0] in below, f"{inside} imports {name}"
        if top in ONLY:
            assert room in ONLY[top], f"{inside} imports {name}"
        if top in ("torch", "torchaudio"):
            assert str(inside.with_suffix("")) not in TORCHLESS, f"{inside} imports {name}"


def test_only_datamodule_imports_lightning_in_the_corpus():
    users = [path.name for path in (PACKAGE / "corpus").glob("*.py") if any("lightning" in n for n in imported(path))]
    assert users == ["datamodule.py"]


BACKPROP = sorted((PACKAGE / "backprop").glob("*.py"))


@pytest.mark.parametrize("path", BACKPROP, ids=lambda path: path.name)
def test_backprop_is_made_of_tensors_alone(path):
    """Neither imported nor reached as an attribute: ``import torch`` alone opens torch.nn and torch.autograd too."""
    tree = ast.parse(path.read_text())
    tops = {name.partition(".")[0] for name in imported(path)}
    assert tops <= {"__future__", "collections", "dataclasses", "inspect", "math", "typing", "torch", "speech"}
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    parts = {part for name in imported(path) if name.startswith("torch") for part in name.split(".")}
    shut = {"nn", "optim", "func", "_C", "ops"}
    if path.name != "autograd.py":
        shut |= {"autograd", "grad", "grad_fn", "requires_grad", "requires_grad_", "enable_grad", "retain_grad"}
        assert not any(name.startswith("speech.backprop.autograd") for name in imported(path))
    assert not shut & (attributes | parts)
    assert not {"getattr", "__import__", "importlib"} & names, "a way round this test"


@pytest.mark.parametrize("path", (PACKAGE / "lessons").glob("*.py"), ids=lambda path: path.name)
def test_lessons_know_of_no_autograd(path):
    for name in imported(path):
        assert not name.startswith(("torch.autograd", "torch.nn", "torch.optim", "speech.backprop.autograd")), name
