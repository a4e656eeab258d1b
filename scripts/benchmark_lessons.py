"""``make bench-lessons [DATA_DIR=...]``: the lessons' results over five seeds, one JSON object per line.

``python scripts/benchmark_lessons.py [DATA_DIR]``; DATA_DIR holds the data sets' files; without it they are downloaded.
``value`` is a mean over the seeds, ``ratio`` its ratio to the mean of the baseline, and ``interval`` the lowest and the
highest of the five seeds: of their ratios if there is a ratio, else of their values.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchlib.figures import show
from benchlib.runs import read_report

AIMS = {
    "ocr": "at least 0.97",
    "spam": "at least 0.93 and not below logistic regression",
    "sentiment": "at most 0.01 below logistic regression",
    "timeseries": "at most 0.85 of persistence and 1.05 of AutoReg",
}


def measure(name: str, data_dir: str, run_dir: Path) -> None:
    command = [sys.executable, "-m", "speech.lesson", f"lesson={name}", f"data_dir={data_dir}", f"run_dir={run_dir}"]
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - start
    report = read_report(run_dir)
    (_, ours), *baselines = report["figures"].items()
    unit = "" if report["unit"] == "%" else report["unit"]
    values = ours["by_seed"]
    show(f"{name}: {report['what']}", ours["mean"], unit, AIMS[name], None, [min(values), max(values)])
    show(f"{name}: spread over {len(values)} seeds", ours["spread"], unit, "standard deviation")
    for baseline, found in baselines:
        ratios = [value / base for value, base in zip(values, found["by_seed"], strict=True)]
        than, ratio = f"{baseline}: {found['mean']:.4g}", ours["mean"] / found["mean"]
        show(f"{name}: against {baseline}", ours["mean"], unit, than, ratio, [min(ratios), max(ratios)])
    show(f"{name}: gradient error", report["largest_gradient_error"], "", "central differences, at most 1e-5")
    show(f"{name}: seconds", seconds, "s", f"under 120; all {len(values)} seeds, baselines and pictures included")


def main() -> None:
    data_dir = sys.argv[1] if len(sys.argv) > 1 else "null"
    with tempfile.TemporaryDirectory() as folder:
        for name in AIMS:
            measure(name, data_dir, Path(folder) / name)


if __name__ == "__main__":
    main()
