"""``python -m speech.evaluate recognizer=RUN_DIR [corpus=...]``: how well a recogniser hears a corpus."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from speech import config as configs

if TYPE_CHECKING:
    from omegaconf import DictConfig


def evaluate(config: DictConfig) -> dict[str, object]:
    """Print and return the figures of the splits that ``config.split`` begins (``test``), or of ``all`` clips."""
    from hydra.utils import instantiate

    from speech import judge, runs
    from speech.alphabet import distinct, read_names
    from speech.recognizer import Recognizer
    from speech.train import make_data

    path = runs.find_recognizer(config.recognizer, config.runs_dir)
    recognizer = runs.load(path, config.get("decoder"))
    if not isinstance(recognizer, Recognizer):
        raise ValueError(f"recognizer={path}: evaluate hears in batches, by torch: give the run that it is made from")
    items, _ = instantiate(config.corpus).items(recognizer.alphabet)  # known before the clips are made
    there = list(dict.fromkeys(item.split for item in items))
    splits = [split for split in there if config.split == "all" or split.startswith(config.split)]
    if not splits:
        raise ValueError(f"split={config.split}: the corpus has {', '.join(there)}; or take split=all")
    data = make_data(config, recognizer)
    names = data.listed if config.names is None else distinct(read_names(config.names), recognizer.alphabet)
    heard = {split: judge.hear(recognizer, data.loader(split), names) for split in splits}
    found: dict[str, Any] = judge.judged(heard)
    print(judge.table([one for some in heard.values() for one in some]))
    print(f"\n{judge.summary(found['splits'])}\n\n{path}, {len(names)} names, {len(data.refused)} clips refused")
    for one in data.refused[:10]:
        print(f"refused: {one.reason}")
    if config.output:
        judge.write(Path(config.output), found)
    return found


def main() -> None:
    configs.run("evaluate", evaluate)


if __name__ == "__main__":
    main()
