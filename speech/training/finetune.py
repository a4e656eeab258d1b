"""Fine-tuning (``init=``): the parts and weights of another recogniser, and the corpora that it was trained on.

The new recogniser has the parts of the initial one; a streaming recogniser starts from its forward half. The initial
recogniser's training data can be replayed: its run's folder holds the config and the place of the corpus.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from speech import pretrained
from speech.common import processes, runs
from speech.config import compose
from speech.config.objects import instantiate
from speech.config.tree import Config, ConfigError
from speech.data.build import Corpus, build
from speech.data.datamodule import check_clips
from speech.data.shards import Shar
from speech.evaluation.report import RunReport
from speech.model.recognizer import Recognizer

PARTS = ("alphabet", "phones", "frontend", "encoder")
MEMORY = "n_memory_frames"  # a value of the front end, set if its features are for streams
_FITTING = ("dropout", MEMORY)  # values of a part that may differ: the weights still fit


def inherit_parts(config: Config) -> Recognizer:
    """The recogniser that ``config.init`` names; parts that ``config`` leaves open (null) are taken from it.

    Raises ConfigError if the config asks for a different part, FileNotFoundError if there is no such file, and
    RecognizerError if the file is not a recogniser's.
    """
    path = runs.find_recognizer(config.init, config.runs_dir, "init", pretrained.RECOGNIZER).resolve()
    recognizer = Recognizer.load(path)
    values: dict[str, Any] = {"init": str(path)}  # not "newest", which may be another run when this run is resumed
    for part in PARTS:
        theirs, ours = recognizer.parts.get(part), compose.plain(config.get(part))
        if part == "phones" and isinstance(ours, bool):  # a config says whether there are phones, a file says which
            values[part] = theirs if ours and theirs else ours
            theirs = bool(theirs)
        elif ours is None:
            values[part] = theirs
            continue
        if difference := _difference(theirs, ours):
            left_out = f"{part}=null" if part in ("alphabet", "phones") else f"~{part}"
            raise ConfigError(
                f"init={path}: its {part} differs from this config's ({difference}): leave it to that recogniser "
                f"({left_out}), or train from scratch (init=null)"
            )
    compose.put(config, values)
    return recognizer


def _difference(theirs: Any, ours: Any) -> str | None:
    """The first difference between two parts because of which the weights do not fit; None if there is none."""
    if not isinstance(theirs, dict) or not isinstance(ours, dict):
        return None if theirs == ours else f"there {theirs!r}, here {ours!r}"
    for key in sorted((theirs.keys() | ours.keys()) - set(_FITTING)):
        half = key == "bidirectional" and theirs.get(key) and not ours.get(key)
        if theirs.get(key) != ours.get(key) and not half:
            return f"{key}: there {theirs.get(key)!r}, here {ours.get(key)!r}"
    return None


def forward_half(initial: Recognizer, parts: Mapping[str, Any]) -> Recognizer:
    """``initial`` without its backward layers and the weights that read them: a unidirectional recogniser of ``parts``.

    If its encoder already has as many directions as ``parts`` ask for, ``initial`` itself is returned.
    """
    if initial.parts["encoder"].get("bidirectional") == parts["encoder"].get("bidirectional"):
        return initial
    half, theirs = Recognizer(parts, initial.names), initial.state_dict()
    # The inputs of a layer are first the units of the forward layer below it, then those of the backward layer.
    own = {name: theirs[name][tuple(map(slice, tensor.shape))] for name, tensor in half.state_dict().items()}
    half.load_state_dict(own)
    half.pronunciations, half.trained_on = initial.pronunciations, initial.trained_on
    half.label_prior, half.phones_weight = initial.label_prior, initial.phones_weight
    return half


def checked_alpha(config: Config) -> float:
    """``config.wise_ft_alpha``. Raises ConfigError outside 0 to 1, and if there are no weights to interpolate with."""
    alpha = float(config.wise_ft_alpha)
    if not 0 <= alpha <= 1:
        raise ConfigError(f"wise_ft_alpha={alpha:g} is the share of the fine-tuned weights: 0 (none) to 1 (all)")
    if alpha < 1 and not config.init:
        raise ConfigError(f"wise_ft_alpha={alpha:g} needs the weights of another recogniser: give init=RUN_DIR")
    return alpha


def interpolate_weights(initial: Mapping[str, Tensor], tuned: Mapping[str, Tensor], alpha: float) -> dict[str, Tensor]:
    """(1 - alpha) initial + alpha tuned, for each weight; both have the same names and shapes (WiSE-FT).

    A recogniser and its fine-tuned version lie in the same valley of the loss. Between them, the new task is solved
    nearly as well as by the fine-tuned one, and the old task nearly as well as by the initial one (Wortsman et al.
    2022, "Robust fine-tuning of zero-shot models"). Tensors that are not floating-point are the fine-tuned one's.
    """
    return {
        name: (1 - alpha) * initial[name] + alpha * tensor if tensor.is_floating_point() else tensor
        for name, tensor in tuned.items()
    }


def earlier_runs(init: str) -> list[tuple[Path, Config]]:
    """The folder and config of the run with the file ``init``, and of the runs that it was fine-tuned from.

    Raises FileNotFoundError if a file is not in its run's folder.
    """
    found = []
    place: str | None = init
    while place is not None:
        folder = Path(place).parent
        if not (folder / "config.yaml").is_file():
            raise FileNotFoundError(
                f"init={place}: no config.yaml beside it, so its training data cannot be replayed: give the "
                "run's folder, or replay=null to fine-tune without replay (it will forget)"
            )
        config = compose.saved(folder, "train")
        found.append((folder, config))
        place = config.get("init")
    return found


def earlier_configs(init: str | None) -> list[Any]:
    """The configs of ``earlier_runs`` as plain data; none if they cannot be read."""
    try:
        return [compose.plain(config) for _, config in earlier_runs(init)] if init else []
    except FileNotFoundError:
        return []


def earlier_corpora(init: str, recognizer: Recognizer, cache_dir: str) -> list[Corpus]:
    """The corpora of ``earlier_runs``: each is read where its run found it, or, if it is gone, rebuilt in
    ``cache_dir``."""
    corpora = []
    for folder, config in earlier_runs(init):
        there = corpus_of(folder) if (folder / "report.json").is_file() else None
        if there is None:
            compose.keep_in(config, cache_dir)
            source = instantiate(config.corpus)
            if isinstance(source, Shar):
                raise ConfigError(f"init={init}: {folder} was trained on shards, which cannot be replayed: replay=null")
            n_workers = processes.cores()
            there = build(source, recognizer.alphabet, recognizer.sample_rate, cache_dir, n_workers)
        corpora.append(there)
    return corpora


def corpus_of(run: Path) -> Corpus | None:
    """The corpus of the run in folder ``run``, if it is where the report says. Raises CorpusError if it is damaged."""
    corpus = Corpus((run / RunReport.read(run / "report.json").corpus).resolve(), [])
    if not corpus.cuts_path.is_file():
        return None
    check_clips(corpus)
    return corpus
