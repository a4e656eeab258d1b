"""What ``augment=room`` costs a batch of 64 clips of 0.6 to 1 s over ``augment=light``, one thread, in turns.

Part of ``make bench``; one JSON object a line. Processor time stands beside the clock's: other work on the machine
does not lengthen it as much.
"""

from __future__ import annotations

import json
import time

import numpy as np
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

from speech.config.tree import CONF

RATE = 16_000
N_BATCHES, BATCH = 50, 64
FULL = 1_000_000  # batches before: past any ramp


def main() -> None:
    torch.set_num_threads(1)
    chosen = {name: instantiate(OmegaConf.load(CONF / "augment" / f"{name}.yaml")) for name in ("light", "room")}
    rng = np.random.default_rng(0)
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in chosen}
    for number in range(N_BATCHES + 1):
        shortest = rng.uniform(0.6, 0.95)  # clips of like length are batched
        lengths = (rng.uniform(shortest, shortest + 0.05, BATCH) * RATE).astype(int)
        clips = [rng.normal(scale=0.1, size=n).astype(np.float32) for n in lengths]
        for name, augment in chosen.items():
            start = time.perf_counter(), time.process_time()
            augment.batch(clips, RATE, rng, FULL)
            if number:  # the first makes its banks
                seconds[name].append((time.perf_counter() - start[0], time.process_time() - start[1]))
    light, room = (np.array(seconds[name]) for name in ("light", "room"))
    for i, clock in enumerate(("clock", "processor")):
        over = float(np.median(room[:, i] - light[:, i]))
        than = f"over augment=light, which takes {np.median(light[:, i]):.4f}; by the {clock}; under 0.02"
        print(json.dumps({"name": f"augment_room ({clock})", "value": over, "unit": "s", "than": than}))


if __name__ == "__main__":
    main()
