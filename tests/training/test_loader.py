"""A loader's process that has ended, or cannot send a batch, ends the training with a line: it is not waited for."""

import inspect
import signal

import pytest
from pytorch_lightning.strategies import ddp
from torch.utils.data import DataLoader

from speech.config.tree import ConfigError
from speech.data.datamodule import begin_worker
from speech.training.fit import UNUSED, torchs_errors_told


def loader(dataset):
    return DataLoader(
        dataset, batch_size=None, num_workers=1, multiprocessing_context="fork", worker_init_fn=begin_worker
    )


class Killed:
    def __len__(self):
        return 1

    def __getitem__(self, _):
        signal.raise_signal(signal.SIGKILL)  # as where there is no memory left


@pytest.mark.parametrize("dataset", [[lambda: 0], Killed()], ids=["a batch that cannot be pickled", "killed"])
def test_it_is_told_with_the_way_out(dataset, capfd):
    told = r"^the process that makes batches has ended \(DataLoader worker .*\): .* continues .* with resume=RUN_DIR$"
    signal.alarm(60)  # for what would be waited for without end
    with pytest.raises(ChildProcessError, match=told), torchs_errors_told():
        list(loader(dataset))
    signal.alarm(0)
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == isinstance(dataset, list)
    assert all(line.startswith("a batch could not be sent to the training: Can't pickle") for line in lines)


def test_an_error_of_a_batch_is_its_own():
    with pytest.raises(RuntimeError, match=r"^Caught RuntimeError in DataLoader worker"), torchs_errors_told():
        raise RuntimeError("Caught RuntimeError in DataLoader worker process 0.")


def test_parameters_without_a_part_in_the_loss_of_several_processes_are_told():
    assert UNUSED in inspect.getsource(ddp)
    told = r"^trainer=ddp: .* add trainer\.strategy=ddp_find_unused_parameters_true$"
    with pytest.raises(ConfigError, match=told), torchs_errors_told():
        raise RuntimeError(f"It looks like your LightningModule has {UNUSED} returned by training_step.")
