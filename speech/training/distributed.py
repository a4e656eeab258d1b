"""Several processes that train one recogniser together: their sums and gathers (``torch.distributed``)."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple, TypeVar

import torch
import torch.distributed as dist
from pytorch_lightning.plugins.environments import LightningEnvironment
from torch import Tensor

from speech.config.tree import Config, ConfigError

PATIENCE = timedelta(minutes=10)  # to wait for another process, which may be drawing an epoch's figures

Anything = TypeVar("Anything")


class Process(NamedTuple):
    """One of ``n`` processes that train together."""

    rank: int  # 0: the process that writes and prints
    n: int
    meeting: Path | None = None  # the file through which they find each other


class Started(LightningEnvironment):
    """Tells Lightning that the processes are running already, so that it does not run the command line in new ones."""

    creates_processes_externally = True

    def __init__(self, process: Process) -> None:
        super().__init__()
        self._rank = process.rank

    def local_rank(self) -> int:
        return self._rank

    def node_rank(self) -> int:
        return 0

    def teardown(self) -> None:
        pass


def n_processes_of(config: Config) -> int:
    """The number of processes that ``config.trainer`` asks for. Raises ConfigError for unclear options."""
    trainer = config.trainer
    if trainer.get("strategy") is None:
        if isinstance(trainer.devices, int) and trainer.devices > 1:
            raise ConfigError(f"trainer.devices={trainer.devices}: for several processes give trainer=ddp as well")
        return 1
    if not isinstance(trainer.devices, int) or trainer.devices < 1:
        raise ConfigError(f"trainer.devices={trainer.devices}: with trainer=ddp it is the number of processes")
    if trainer.get("num_nodes", 1) != 1:
        raise ConfigError(f"trainer.num_nodes={trainer.num_nodes}: trainer=ddp uses the processes of one machine")
    return int(trainer.devices)


@contextmanager
def joined(process: Process, device: torch.device) -> Iterator[None]:
    """A context in which ``process`` sums and gathers with the others, and computes with its share of the cores."""
    if process.meeting is None:
        yield
        return
    n_threads, by_user = torch.get_num_threads(), os.environ.get("OMP_NUM_THREADS")
    loopback = [name for _, name in socket.if_nameindex() if name in ("lo", "lo0")]
    if loopback:  # gloo resolves this machine's host name, which may have no address, or a public one
        os.environ.setdefault("GLOO_SOCKET_IFNAME", loopback[0])
    dist.init_process_group(
        "gloo" if device.type == "cpu" else "cpu:gloo,cuda:nccl",
        store=dist.FileStore(str(process.meeting), process.n),
        rank=process.rank,
        world_size=process.n,
        timeout=PATIENCE,
    )
    try:
        yield
    finally:
        dist.destroy_process_group()
        torch.set_num_threads(n_threads)
        if by_user is None:
            os.environ.pop("OMP_NUM_THREADS", None)  # Lightning set it


def is_lost(error: BaseException | None) -> bool:
    """Whether ``error`` only says that another process is gone."""
    return isinstance(error, dist.DistError) or (isinstance(error, RuntimeError) and "gloo" in str(error))


def n_processes() -> int:
    """The number of joined processes, including this one."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def total(own: Tensor) -> Tensor:
    """The sum of ``own`` over all processes; each of them gets it."""
    if n_processes() == 1:
        return own
    everyone = own.clone()
    dist.all_reduce(everyone)
    return everyone


def gathered(own: Anything) -> list[Anything]:
    """``own`` of every process, by rank; each of them gets the list."""
    if n_processes() == 1:
        return [own]
    everyone: list[Anything] = [own] * n_processes()
    dist.all_gather_object(everyone, own)
    return everyone


def divisor(n: Tensor) -> Tensor:
    """What this process divides its sum over ``n`` clips by in training: DDP then averages the gradients over the
    processes, which gives the mean over the clips of all processes."""
    return total(n).clamp(min=1) / n_processes()
