"""Brings the rooms that transcribe beside this file. An sdist, told by its PKG-INFO, has them already."""

import shutil
from pathlib import Path

from setuptools import setup

# None of them imports torch or Hydra: tests/test_imports.py
ROOMS = ("pretrained", "common", "text", "audio", "inference", "server")
HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]

if not (HERE / "PKG-INFO").is_file():
    shutil.rmtree(HERE / "speech", ignore_errors=True)
    for room in ROOMS:
        place = Path("speech", room)
        # The recogniser that ships is torch's, too: not here.
        shutil.copytree(CHECKOUT / place, HERE / place, ignore=shutil.ignore_patterns("__pycache__", "*.pt"))
    for name in ("speech/__init__.py", "LICENSE", "NOTICE"):
        shutil.copy2(CHECKOUT / name, HERE / name)

setup()
