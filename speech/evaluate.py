"""``python -m speech.evaluate recognizer=RUN_DIR [corpus=...]``: how well a recogniser hears a corpus.

Without a corpus, its own: the clips that tested its training. With ``against=RUN_DIR``, how much better or worse than
another it is, clip by clip.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from speech.config import tree as configs

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from speech.model.recognizer import Recognizer


def evaluate(config: DictConfig) -> dict[str, object]:
    """Print and return the figures of the splits that ``config.split`` begins (``test``), or of ``all`` clips.

    ``config.output`` takes them as JSON, ``config.picture`` as a picture, ``config.tensorboard`` as a log.
    """
    from hydra.utils import instantiate

    from speech.common import storage
    from speech.evaluation import report
    from speech.evaluation.comparison import compare
    from speech.evaluation.figures import draw
    from speech.text.names import distinct, read_names
    from speech.training.corpora import make_data, names_to_rank

    path, recognizer = _recognizer(config, "recognizer")
    own = config.get("corpus") is None
    configs.as_trained(config, path, ["corpus"])
    other_path, other = (path, None) if config.against is None else _recognizer(config, "against")
    items, _ = instantiate(config.corpus).items(recognizer.alphabet)  # known before the clips are made
    there = list(dict.fromkeys(item.split for item in items))
    splits = [split for split in there if config.split == "all" or split.startswith(config.split)]
    if not splits:
        raise ValueError(f"split={config.split}: the corpus has {', '.join(there)}; or take split=all")
    data = make_data(config, recognizer)
    names = names_to_rank(recognizer, data) if own else data.listed
    if config.names is not None:
        names = distinct(read_names(config.names), recognizer.alphabet)
    heard = report.predict_splits(recognizer, data, splits, names)
    found: dict[str, Any] = report.evaluate(heard, recognizer.trained_on)
    print(report.table([one for some in heard.values() for one in some]))
    print(f"\n{report.by_group(found)}\n\n{report.summary(found)}")
    print(f"\n{path}, {len(names)} names, {len(data.refused)} clips refused")
    for one in data.refused[:10]:
        print(f"refused: {one}")
    if other is not None:
        other_data = make_data(config, other)
        found["against"] = {"recognizer": str(other_path)} | compare(
            heard, report.predict_splits(other, other_data, splits, names)
        )
        print(f"\n{report.summary_of_difference(found['against'])}\n\nagainst {other_path}")
    if config.output:
        storage.write_json(Path(config.output), found)
    if config.picture:
        draw(found).savefig(Path(config.picture).expanduser())
    if config.tensorboard:
        from torch.utils.tensorboard import SummaryWriter

        from speech.evaluation.tensorboard import log

        with SummaryWriter(str(Path(config.tensorboard).expanduser())) as writer:
            log(writer, found)
    return found


def _recognizer(config: DictConfig, key: str) -> tuple[Path, Recognizer]:
    """The recogniser that ``config[key]`` names, and its file."""
    from speech.common import runs
    from speech.model import loading
    from speech.model.recognizer import Recognizer

    path = runs.find_recognizer(config[key], config.runs_dir)
    recognizer = loading.load(path, config.get("decoder"))
    if not isinstance(recognizer, Recognizer):
        raise ValueError(f"{key}={path}: evaluate hears in batches, by torch: give the run that it is made from")
    return path, recognizer


def main() -> None:
    configs.run("evaluate", evaluate)


if __name__ == "__main__":
    main()
