"""Several processes that train together end as one process with their batches together would."""

import csv

import pytest
from conftest import SMALL

# 9 training clips, 4 a step: of the last step one process has none; 9 validation clips, and 9 of either test
UNEVEN = ["corpus.names=[Martin,Mark,Anna]", *(f"corpus.n_{split}=3" for split in ("train", "val", "test"))]
UNEVEN += ["augment=none", "logger=csv", "trainer.precision=64-true", "trainer.max_epochs=2"]
OPTIONS = [one for one in SMALL if one.partition("=")[0] not in {more.partition("=")[0] for more in UNEVEN}]
OPTIONS = [one for one in OPTIONS if not one.startswith("batch_size")] + UNEVEN


def curves(run):
    with next(run.glob("csv/**/metrics.csv")).open() as file:
        rows = list(csv.DictReader(file))
    wanted = [key for key in rows[0] if key.startswith(("train/", "val/", "gradient/"))]
    return {key: [float(row[key]) for row in rows if row[key]] for key in wanted}


@pytest.fixture(scope="module")
def one(trained):
    """The folder of a training in one process."""
    return trained("one_process", *OPTIONS, "batch_size=4")


@pytest.fixture(scope="module")
def two(trained):
    """The folder of the same in two."""
    return trained("two_processes", *OPTIONS, "batch_size=2", "trainer=ddp")


def test_two_processes_train_as_one_with_the_doubled_batch(one, two):
    ours, theirs = curves(two), curves(one)
    assert len(theirs["train/loss_step"]) == 6
    for key, values in theirs.items():
        assert ours[key] == pytest.approx(values, abs=1e-5), key
