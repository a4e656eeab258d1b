"""Imports point one way, room by room: CONTRIBUTING.md draws the rooms. Lazy and type-checking imports count."""

import ast
from functools import cache
from pathlib import Path

import pytest

import speech

PACKAGE = Path(speech.__file__).parent
BELOW = {  # room -> what it may stand on, besides common; what stands lower is seen through it
    "pretrained": "",
    "common": "pretrained",
    "config": "",
    "text": "",
    "audio": "",
    "tts": "text audio",
    "data": "tts",
    "inference": "text audio",
    "starter": "",
    "server": "inference",
    "backprop": "",
    "model": "inference backprop",
    "evaluation": "model data",
    "training": "evaluation config",
    "monitor": "training",
    "page": "monitor",
    "lessons": "monitor",
}
NOT_THROUGH = {"config"}  # entry points and training alone
ONLY = {  # package -> where alone it is imported
    "hydra": {"config"},
    "omegaconf": {"config"},
    "pytorch_lightning": {"training", "monitor", "data/datamodule"},
}
WITHOUT_TORCH = {"pretrained", "common", "config", "text", "audio", "tts", "inference", "server", "starter"}
ENTRY_LINES = 40  # an entry point parses, calls and prints

FILES = sorted(PACKAGE.rglob("*.py"))
ENTRIES = sorted(path for path in [*PACKAGE.glob("*.py"), *PACKAGE.glob("*/__main__.py")] if path.name != "__init__.py")


@cache
def imported(path):
    """Every module that ``path`` imports, wherever in the file, each name of a ``from`` import with it."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def seen_from(room):
    """The rooms that ``room`` may import."""
    found = {room, "common", *BELOW["common"].split()}
    for lower in BELOW[room].split():
        found |= {lower} | (seen_from(lower) - NOT_THROUGH)
    return found


def test_every_room_has_its_line():
    assert {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()} == set(BELOW)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path):
    inside = path.relative_to(PACKAGE)
    room, place = inside.parts[0], str(inside.with_suffix(""))
    for name in imported(path):
        top, *rest = name.split(".")
        if top == "speech" and path.parent != PACKAGE and path not in ENTRIES:
            assert rest[0] in seen_from(room) | {"__version__"}, f"{inside} imports {name}"
        if top in ONLY:
            assert {room, place} & ONLY[top], f"{inside} imports {name}"
        if top in ("torch", "torchaudio"):
            assert room not in WITHOUT_TORCH, f"{inside} imports {name}"


@pytest.mark.parametrize("path", ENTRIES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_an_entry_point_is_thin_and_nobody_imports_it(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= ENTRY_LINES
    assert "__main__" in path.read_text(encoding="utf-8"), "what cannot be run has a room"
    module = ".".join(("speech", *path.relative_to(PACKAGE).with_suffix("").parts))
    users = [user for user in FILES if any(f"{name}.".startswith(f"{module}.") for name in imported(user))]
    assert not users


def test_no_circle_of_imports_between_files():
    names = {str(path.relative_to(PACKAGE.parent).with_suffix("")).replace("/", "."): path for path in FILES}
    uses = {
        name: {m for m in names if m != name and any(f"{i}.".startswith(f"{m}.") for i in imported(path))}
        for name, path in names.items()
        if path.name != "__init__.py"
    }
    done: set[str] = set()
    while ready := {name for name, below in uses.items() if name not in done and not (below & uses.keys()) - done}:
        done |= ready
    assert done == uses.keys()


BACKPROP = sorted((PACKAGE / "backprop").glob("*.py"))


@pytest.mark.parametrize("path", BACKPROP, ids=lambda path: path.name)
def test_backprop_is_made_of_tensors_alone(path):
    """Neither imported nor reached as an attribute: ``import torch`` alone opens torch.nn and torch.autograd too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
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
