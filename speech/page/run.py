"""Reads the files in a run's folder for the page."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from speech.common import runs, storage
from speech.evaluation.report import Environment, RunReport
from speech.model.recognizer import Recognizer

# The page does not reveal where files are on this machine.
_PLACES = ("run_dir", "cache_dir")  # keys of a config that are left out
_FILES = ("init", "names", "path", "root", "words")  # keys of files and folders: values with a / are paths
_ABSOLUTE = re.compile(r"(/(?![^/]*/$)|~|[A-Za-z]:[\\/])")  # but not IPA, which is written between two slashes


class Curve(NamedTuple):
    """One of TensorBoard's scalars by step."""

    steps: list[int]
    values: list[float]


class Moment(NamedTuple):
    """A line of hypotheses.jsonl: the hypothesis for a clip of each reference, at a step of training."""

    step: int
    hyps: dict[str, str]


class Run(NamedTuple):
    folder: Path
    recognizer: Recognizer
    report: RunReport
    environment: Environment
    config: str  # YAML
    corpus: Path  # its folder, if it is still there
    moments: list[Moment]
    curves: dict[str, Curve]
    pictures: dict[str, bytes]  # the last PNG of each of TensorBoard's images


def read(place: str, runs_dir: str) -> Run:
    """The run in the folder ``place``, or the newest under ``runs_dir``.

    Raises ValueError or OSError, naming the file and the way out, if the run has not ended, or if a file is truncated
    or was written by another version. Lost parts of a TensorBoard log, or all of a missing one, are left out.
    """
    path = runs.find_recognizer(place, runs_dir, "run")
    folder = path.parent
    recognizer = Recognizer.load(path)
    report = RunReport.read(folder / "report.json")
    environment = Environment.read(folder / "environment.json")
    config = folder / "config.yaml"
    if not config.is_file():
        raise FileNotFoundError(f"{config}: no such file: give the folder of a run")
    try:
        nodes = yaml.safe_load(storage.read_yaml_text(config))
        kept = {key: _without_place(node, key) for key, node in nodes.items() if key not in _PLACES}
    except (AttributeError, ValueError, RecursionError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{config}: not a config ({reason}): half written? train again") from error
    shown = yaml.safe_dump(kept, sort_keys=False, allow_unicode=True)
    curves, pictures = _events(folder / "tensorboard")
    moments = _moments(folder / "hypotheses.jsonl")
    corpus = (folder / report.corpus).resolve()
    if not corpus.is_dir():  # made again, in the folder where its run would make it
        corpus = Path(str(nodes.get("cache_dir"))).resolve() / corpus.name
    return Run(folder, recognizer, report, environment, shown, corpus, moments, curves, pictures)


def _without_place(node: Any, key: str = "") -> Any:
    """``node``, the value at ``key`` in a config, with each path reduced to its last part."""
    if isinstance(node, dict):
        return {name: _without_place(child, str(name)) for name, child in node.items()}
    if isinstance(node, list):
        return [_without_place(child) for child in node]
    if isinstance(node, str) and (key in _FILES or _ABSOLUTE.match(node)):
        return re.split(r"[\\/]", node.rstrip("\\/"))[-1]
    return node


def _moments(path: Path) -> list[Moment]:
    found: list[Moment] = []
    for number, text in enumerate(path.read_bytes().splitlines(keepends=True) if path.is_file() else [], start=1):
        try:
            line = json.loads(text.decode("utf-8"))
            found.append(Moment(line["step"], {ref: str(hyp) for ref, hyp in line["hyp"].items()}))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            if isinstance(error, ValueError) and not text.endswith(b"\n"):
                break  # the last line, which a crash left half written
            raise ValueError(f"{path}: line {number} is not what a run writes ({error}): delete it") from error
    return found


def _events(folder: Path) -> tuple[dict[str, Curve], dict[str, bytes]]:
    """The scalars, and the last version of each picture. An event at which a crashed run's file ends is left out."""
    if not any(folder.glob("events.out.tfevents.*")):
        return {}, {}
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 1, "audio": 1, "histograms": 1})
    events.Reload()
    tags = events.Tags()
    curves = {}
    for tag in tags["scalars"]:
        last = {event.step: event.value for event in events.Scalars(tag)}  # a resumed run logs some steps again
        steps = sorted(last)
        curves[tag] = Curve(steps, [last[step] for step in steps])
    return curves, {tag: events.Images(tag)[-1].encoded_image_string for tag in tags["images"]}
