"""Several processes that train one model, as torchrun starts them; see docs/training.md.

Each process holds all weights and all data, and computes the gradients of its part of each batch. The sums of
these over the processes are the gradients of the whole batch, so that all take the same step. The first
process (rank 0) alone reads the command line, prints, writes and scores; the others follow it.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from bilstm_crf.errors import BilstmCrfError, LostProcessError, UsageError
from bilstm_crf.util.system import ENDING_SIGNALS

if TYPE_CHECKING:
    from torch import Tensor

R = TypeVar("R")
# Others wait while the first downloads, encodes a corpus or scores. A process that ends is noticed at once.
TIMEOUT = timedelta(days=7)


@dataclass(frozen=True)
class Processes:
    """The processes of a run, as one of them sees them."""

    rank: int = 0
    size: int = 1
    on_machine: int = 1
    rank_on_machine: int = 0

    @property
    def leads(self) -> bool:
        """Whether this is the first process."""
        return self.rank == 0

    def first(self, work: Callable[[], R]) -> R:
        """Let the first process do this work; return what it returns in all of them."""
        if not self.leads:
            found: R = self.receive()
            return found
        found = work()
        if self.size > 1:
            _broadcast(found)
        return found

    def receive(self) -> Any:
        """Return what the work of the first process returns; for all but that one."""
        return _broadcast(None)

    def add(self, tensors: Iterable[Tensor]) -> None:
        """Replace tensors of one type and on one device by their sums over the processes, in place."""
        if self.size == 1:
            return
        import torch
        from torch.distributed import all_reduce

        given = list(tensors)
        flat = torch.cat([each.reshape(-1) for each in given])
        with _noticing_an_end():
            all_reduce(flat)
        for each, total in zip(given, flat.split([each.numel() for each in given]), strict=True):
            each.copy_(total.view_as(each))

    def use_device(self, name: str) -> None:
        """Take a GPU of its own for each process of a machine, where the device is `cuda`.

        Raises UsageError where there are too few, or where one is named.
        """
        import torch

        if self.size == 1 or not name.startswith("cuda") or not (found := torch.cuda.device_count()):
            return
        if name != "cuda":
            raise UsageError(f"--device {name}: each process takes a GPU of its own", hint="--device cuda")
        if found < self.on_machine:
            raise UsageError(
                f"{self.on_machine} processes on a machine with {found} GPU{'s' * (found != 1)}",
                hint=f"torchrun --nproc-per-node {found}, or --device cpu",
            )
        torch.cuda.set_device(self.rank_on_machine)

    def leave(self) -> None:
        """Say goodbye, at the end of training."""
        if self.size > 1:
            from torch.distributed import destroy_process_group

            destroy_process_group()


ALONE = Processes()


def as_started() -> Processes:
    """Return the processes that the environment names; ALONE without torchrun.

    Raises UsageError where some of torchrun's variables are missing.
    """
    if os.environ.get("WORLD_SIZE", "1") == "1":
        return ALONE
    numbers = ("RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "LOCAL_RANK")
    try:
        given = [os.environ[name] for name in (*numbers, "MASTER_ADDR", "MASTER_PORT")]
        found = Processes(*map(int, given[: len(numbers)]))
    except (KeyError, ValueError) as error:
        raise UsageError(
            f"WORLD_SIZE is set, but torchrun's other variables are not: {error}",
            hint="start several processes with torchrun; to train with one, unset WORLD_SIZE",
        ) from error
    return found


def join() -> Processes:
    """Join the other processes of `as_started`, which wait for all to come.

    A signal ends all but the first process without a word.
    """
    found = as_started()
    if found.size == 1:
        return found
    import torch
    from torch import distributed

    if not found.leads:
        for number in ENDING_SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
                signal.signal(number, signal.SIG_DFL)
    gpus = torch.cuda.is_available() and distributed.is_nccl_available()
    try:
        distributed.init_process_group("cpu:gloo,cuda:nccl" if gpus else "gloo", timeout=TIMEOUT)
    except RuntimeError as error:
        raise BilstmCrfError(f"the {found.size} processes cannot reach one another: {error}") from error
    return found


def launcher() -> list[str]:
    """Return the words of the command line that started several processes; none without torchrun."""
    found = as_started()
    if found.size == 1:
        return []
    machines = found.size // found.on_machine
    several = ["--nnodes", str(machines)] if machines > 1 else []
    return ["torchrun", *several, "--nproc-per-node", str(found.on_machine)]


def _broadcast(content: Any) -> Any:
    """Return the first process's content in all."""
    from torch.distributed import broadcast_object_list

    given = [content]
    with _noticing_an_end():
        broadcast_object_list(given)
    return given[0]


@contextlib.contextmanager
def _noticing_an_end() -> Iterator[None]:
    """Raise LostProcessError where another process has ended: the connection to it is closed."""
    try:
        yield
    except RuntimeError as error:
        raise LostProcessError("another process of this training has ended") from error
