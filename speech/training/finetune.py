"""What a training starts from: nothing, or a recogniser that is there already (``init``). Part of ``speech.train``.

The parts of the new recogniser are those of the one that it starts from, and what that one was trained on can be
replayed: its run's folder holds both.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speech.config import tree as configs

if TYPE_CHECKING:
    from omegaconf import DictConfig
    from torch import Tensor

    from speech.data.build import Corpus
    from speech.model.recognizer import Recognizer

RUNS = "runs"  # where conf/hydra/run.yaml puts them
PARTS = ("alphabet", "phones", "frontend", "encoder")
_SAME_WEIGHTS = {"cell": "_by_hand"}  # of an encoder's values: what may differ at the end, and the weights fit still
_ONLY_TRAINING = ("dropout",)


def find(place: str) -> Path:
    """The recogniser's file that ``init=place`` stands for: a file, a run's folder, or ``latest``.

    That is the newest run under ``runs`` which itself started from nothing, so that a second enrolment does not go on
    from the first unless it is told to. Raises FileNotFoundError where there is none.
    """
    from omegaconf import OmegaConf

    from speech.common import runs

    if place != "latest":
        path = runs.find_recognizer(place, RUNS)
        if not path.is_file():
            raise FileNotFoundError(f"init={place}: no such file: give a run's folder, or the recognizer.pt of one")
        return path.resolve()
    found = sorted(Path(RUNS).glob(f"**/{runs.RECOGNIZER_FILE}"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in found:
        config = path.parent / "config.yaml"
        if config.is_file() and OmegaConf.select(OmegaConf.load(config), "init") is None:
            return path.resolve()
    raise FileNotFoundError(
        f"init=latest: no run under {Path(RUNS).resolve()} that started from nothing: train one, or give its path"
    )


def inherit_parts(config: DictConfig) -> Recognizer:
    """The recogniser that ``config.init`` names; where ``config`` leaves a part open (null), it takes that one's.

    Raises ConfigError where it asks for another part, RecognizerError where the file is none.
    """
    from omegaconf import OmegaConf, open_dict

    from speech.model.recognizer import Recognizer

    path = find(config.init)
    recognizer = Recognizer.load(path)
    config.init = str(path)  # by its value: another run may be the latest when this one is resumed
    for part in PARTS:
        theirs, ours = recognizer.parts.get(part), config.get(part)
        if ours is None:
            with open_dict(config):
                config[part] = theirs
            continue
        ours = OmegaConf.to_container(ours, resolve=True) if OmegaConf.is_config(ours) else ours
        if part == "phones" and isinstance(ours, bool):  # a config says whether, a file which
            config[part] = theirs if ours and theirs else ours
            theirs = bool(theirs)
        if (difference := _difference(theirs, ours)) is not None:
            raise configs.ConfigError(
                f"init={path}: its {part} is another than this config's ({difference}): leave it to that recogniser "
                f"({part}=null), or train from nothing (init=null)"
            )
    return recognizer


def _difference(theirs: Any, ours: Any) -> str | None:
    """The first value that two parts do not share, in words; None where weights of the one fit the other."""
    if not isinstance(theirs, dict) or not isinstance(ours, dict):
        return None if theirs == ours else f"there {theirs!r}, here {ours!r}"
    for key in sorted(theirs.keys() | ours.keys()):
        a, b = theirs.get(key), ours.get(key)
        if isinstance(a, str) and isinstance(b, str) and key in _SAME_WEIGHTS:
            a, b = a.removesuffix(_SAME_WEIGHTS[key]), b.removesuffix(_SAME_WEIGHTS[key])
        if a != b and key not in _ONLY_TRAINING:
            return f"{key}: there {a!r}, here {b!r}"
    return None


def checked_alpha(config: DictConfig) -> float:
    """``config.wise_ft_alpha``. Raises ConfigError outside of 0 to 1, and without weights to interpolate with."""
    alpha = float(config.wise_ft_alpha)
    if not 0 <= alpha <= 1:
        raise configs.ConfigError(
            f"wise_ft_alpha={alpha:g} is the share of the fine-tuned weights: 0 (none) to 1 (all)"
        )
    if alpha < 1 and not config.init:
        raise configs.ConfigError(f"wise_ft_alpha={alpha:g} needs the weights of another recogniser: give init=RUN_DIR")
    return alpha


def interpolate_weights(earlier: Mapping[str, Tensor], learnt: Mapping[str, Tensor], alpha: float) -> dict[str, Tensor]:
    """(1 - alpha) earlier + alpha learnt, weight by weight, of the same names and shapes (WiSE-FT).

    Two recognisers of which one went on from the other lie in one valley of the loss: between them the new is known
    nearly as well as at its end, and the old nearly as well as at the beginning (Wortsman et al. 2022, "Robust
    fine-tuning of zero-shot models"). What is no floating-point number is as it was learnt.
    """
    return {
        name: (1 - alpha) * earlier[name] + alpha * tensor if tensor.is_floating_point() else tensor
        for name, tensor in learnt.items()
    }


def earlier_runs(init: str) -> list[tuple[Path, DictConfig]]:
    """The folder and the config of the run that ``init`` is a file of, and of those that it started from in its turn.

    Raises FileNotFoundError where a file does not lie in its run's folder.
    """
    found = []
    place: str | None = init
    while place is not None:
        folder = Path(place).parent
        if not (folder / "config.yaml").is_file():
            raise FileNotFoundError(
                f"init={place}: no config.yaml beside it, so what it was trained on cannot be replayed: give the "
                "run's folder, or replay=null to go on without (it will forget)"
            )
        config = configs.saved(folder, "train")
        found.append((folder, config))
        place = config.get("init")
    return found


def known_before(init: str) -> list[Any]:
    """The configs of ``earlier_runs`` as plain data; none where they are not to be had."""
    from omegaconf import OmegaConf

    try:
        return [OmegaConf.to_container(config, resolve=True) for _, config in earlier_runs(init)]
    except FileNotFoundError:
        return []


def earlier_corpora(init: str, recognizer: Recognizer) -> list[Corpus]:
    """The corpora of ``earlier_runs``: those that still lie where the runs found them, the others built anew."""
    from hydra.utils import instantiate

    from speech.data.build import build

    corpora = []
    for folder, config in earlier_runs(init):
        there = corpus_of(folder) if (folder / "report.json").is_file() else None
        if there is None:
            there = build(instantiate(config.corpus), recognizer.alphabet, recognizer.sample_rate, config.cache_dir)
        corpora.append(there)
    return corpora


def corpus_of(run: Path) -> Corpus | None:
    """The corpus of the run in folder ``run``, if it still lies where its report says."""
    from speech.common import storage
    from speech.data.build import Corpus

    folder = storage.read_json(run / "report.json").get("corpus")
    corpus = Corpus(Path(folder), []) if folder else None
    return corpus if corpus and corpus.cuts_path.is_file() else None
