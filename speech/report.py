"""``python -m speech.report``: a run as a single HTML page, to keep, send and read offline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from speech.config import command

if TYPE_CHECKING:
    from speech.config.tree import Config


def report(config: Config) -> None:
    from speech.common.escape import printable
    from speech.page.page import write
    from speech.page.run import read

    run = read(config.run, config.runs_dir)
    path = Path(config.output or run.folder / "report.html").expanduser()
    write(run, config.n_clips, path)
    print(f"run  {printable(run.folder)}\n{printable(path)}  {path.stat().st_size / 1000:.0f} kB")


def main() -> None:
    command.run("report", report)


if __name__ == "__main__":
    main()
