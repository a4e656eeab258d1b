"""``make bench-lessons [DATA_DIR=...]``: what the lessons reach over five seeds, one JSON object a line.

``python scripts/benchmark_lessons.py [DATA_DIR]``; DATA_DIR holds the data sets' files; without it they are fetched.
A ``value`` is a mean over the seeds, ``than`` what it is compared with, ``ratio`` the value over the mean of that, and
``interval`` the lowest and the highest of five: of the ratios where there is one, else of the values.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

BARS = {
    "ocr": "at least 0.97",
    "spam": "at least 0.93 and not below logistic regression",
    "sentiment": "at most 0.01 below logistic regression",
    "timeseries": "at most 0.85 of persistence and 1.05 of AutoReg",
}


def show(name: str, value: float, unit: str, than: str = "", ratio: float | None = None, interval: Any = None) -> None:
    print(json.dumps({"name": name, "value": value, "unit": unit, "than": than, "ratio": ratio, "interval": interval}))
    sys.stdout.flush()


def measure(name: str, data_dir: str, run_dir: Path) -> None:
    command = [sys.executable, "-m", "speech.lesson", f"lesson={name}", f"data_dir={data_dir}", f"run_dir={run_dir}"]
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - start
    report = json.loads((run_dir / "report.json").read_text(encoding="utf-8"))
    ours, *others = report["figures"].items()
    unit = "" if report["unit"] == "%" else report["unit"]
    values = ours[1]["by_seed"]
    show(f"{name}: {report['what']}", ours[1]["mean"], unit, BARS[name], interval=[min(values), max(values)])
    show(f"{name}: spread over {len(values)} seeds", ours[1]["spread"], unit, "standard deviation")
    for other, found in others:
        than, ratio = f"{other}: {found['mean']:.4g}", ours[1]["mean"] / found["mean"]
        ratios = [one / their for one, their in zip(values, found["by_seed"], strict=True)]
        show(f"{name}: against {other}", ours[1]["mean"], unit, than, ratio, [min(ratios), max(ratios)])
    show(f"{name}: gradient error", report["largest_gradient_error"], "", "central differences, at most 1e-5")
    show(f"{name}: seconds", seconds, "s", f"under 120; all {len(values)} seeds, baselines and pictures included")


def main() -> None:
    data_dir = sys.argv[1] if len(sys.argv) > 1 else "null"
    with tempfile.TemporaryDirectory() as folder:
        for name in BARS:
            measure(name, data_dir, Path(folder) / name)


if __name__ == "__main__":
    main()
