"""``python -m speech.report run=RUN_DIR``: a run as one page of HTML, to be kept, sent, and read without a network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from speech.config import tree as configs

if TYPE_CHECKING:
    from omegaconf import DictConfig


def report(config: DictConfig) -> Path:
    """Write the page, whole or not at all; returns its file."""
    from speech.page.page import page
    from speech.page.run import read

    run = read(config.run, config.runs_dir)
    path = Path(config.output or run.folder / "report.html").expanduser()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_text(page(run, config.n_clips), encoding="utf-8")
    part.replace(path)
    print(f"{path}  {path.stat().st_size / 1000:.0f} kB")
    return path


def main() -> None:
    configs.run("report", report)


if __name__ == "__main__":
    main()
