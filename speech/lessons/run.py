"""A lesson in its folder: config, figures, picture, TensorBoard log."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from omegaconf import DictConfig

_EXTRA = ("sklearn", "statsmodels")


def lesson(config: DictConfig) -> dict[str, Any]:
    """Run ``config.lesson`` in ``config.run_dir``, print its table, and return what report.json holds."""
    from hydra.utils import instantiate
    from omegaconf import OmegaConf

    from speech.lessons.result import PICTURE, Place, Result, write

    nodes: Any = OmegaConf.to_container(config)
    seeds = nodes["seeds"]
    if not isinstance(seeds, list) or not seeds or not all(type(seed) is int and seed >= 0 for seed in seeds):
        raise ValueError(f"seeds={seeds}: a list of whole numbers from 0 is needed, as seeds=[0,1,2]")
    lesson = instantiate(config.lesson)
    run_dir = Path(config.run_dir)
    run_dir.mkdir(parents=True, exist_ok=True)
    OmegaConf.save(config, run_dir / "config.yaml", resolve=True)
    data_dir = None if config.data_dir is None else Path(config.data_dir).expanduser()
    place = Place(run_dir, seeds, data_dir, Path(config.cache_dir).expanduser())
    try:
        result: Result = lesson.run(place)
    except KeyboardInterrupt:
        print("stopped: the same command begins anew", file=sys.stderr)
        sys.exit(130)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] not in _EXTRA:
            raise
        raise ValueError(f"{error.name} is not installed: pip install -e '.[lessons]'") from error
    report = result.report()
    write(run_dir / "report.json", report)
    print(f"\n{result.table()}\n")
    print(f"gradients within {report['largest_gradient_error']:.0e} of central differences (relative)")
    print(f"picture  {run_dir / PICTURE}\n{run_dir}")
    return report
