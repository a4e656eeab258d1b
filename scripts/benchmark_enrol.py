"""What a few recordings are worth: ``python scripts/benchmark_enrol.py INIT DIR [override ...]``, a JSON object a line.

``INIT`` is the folder of a run that heard none of the speakers of ``DIR/<name>/<speaker>_<n>.wav``. For each of them,
and for 1, 3, 5 and 10 recordings of each name, it is enrolled anew (``experiment=enrol``, in a process each, whose
whole time is told), and judged by the speaker's other recordings, and by test clips of what ``INIT`` was trained on.
``speakers=a,b`` and ``n=5,10`` choose some.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmark import show

LEAST = {"test_held_back": "the error at least halved", "test_elsewhere": "at most 1 point lost"}


def enrol(init: str, root: str, speaker: str, n: int, overrides: list[str]) -> tuple[dict[str, Any], float]:
    """The run's report, and the seconds of the whole command."""
    with tempfile.TemporaryDirectory() as folder:
        choice = [f"init={init}", f"corpus.root={root}", f"corpus.speakers=[{speaker}]", f"corpus.n_recordings={n}"]
        quiet = [f"run_dir={folder}", "+trainer.enable_progress_bar=false"]
        command = [sys.executable, "-m", "speech.train", "experiment=enrol", *choice, *quiet, *overrides]
        begun = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        seconds = time.perf_counter() - begun
        report: dict[str, Any] = json.loads((Path(folder) / "report.json").read_text(encoding="utf-8"))
    return report, seconds


def main() -> None:
    init, root, *overrides = sys.argv[1:]
    chosen = {key: value.split(",") for key, _, value in (given.partition("=") for given in overrides)}
    overrides = [given for given in overrides if given.partition("=")[0] not in ("speakers", "n")]
    there = sorted({path.name.split("_")[0] for path in Path(root).expanduser().glob("*/*_*")})
    speakers = chosen.get("speakers", there)
    for speaker in speakers:
        for n in map(int, chosen.get("n", (1, 3, 5, 10))):
            report, seconds = enrol(init, root, speaker, n, overrides)
            for split, least in LEAST.items():
                before, after, change = (at["splits"][split] for at in (report["before"], report, report["change"]))
                than = f"before: {before['right_within_list']:.4f}, of {after['n_clips']} clips; {least}"
                name = f"{split.removeprefix('test_').replace('_', ' ')}, {n} recordings a name ({speaker})"
                interval = after["right_within_list_interval"]
                show(name, after["right_within_list"], "right within list", than, None, interval)
                gained, lost = (change[f"right_within_list_{whose}_only"] for whose in ("ours", "theirs"))
                than = f"{gained} gained, {lost} lost, of the same clips"
                interval = change["right_within_list_interval"]
                show(f"change, {name}", change["right_within_list"], "", than, None, interval)
            show(f"enrol_seconds, {n} recordings a name ({speaker})", seconds, "s", "under 60, the whole command")


if __name__ == "__main__":
    main()
