"""Two computations at once: on one core or two, the same results in their order."""

from __future__ import annotations

import threading

import pytest
import torch

from bilstm_crf.config import RunConfig
from bilstm_crf.util.threads import parallel_pair, use_threads


@pytest.mark.parametrize(
    ("threads", "parallel", "inside"), [(1, 2, 1), (2, 2, 1), (3, 2, 1), (4, 2, 2), (1, 1, 1), (4, 1, 4)]
)
def test_each_side_has_its_share_of_pytorchs_threads(
    threads: int, parallel: int, inside: int, threads_as_before: None
) -> None:
    use_threads(threads, parallel)
    assert torch.get_num_threads() == inside
    found = parallel_pair(lambda side: (side, threading.current_thread().name))
    assert [side for side, _ in found] == [0, 1]
    assert len({name for _, name in found}) == min(threads, parallel)


@pytest.mark.parametrize("faulty", [0, 1])
def test_an_error_on_either_side_is_raised_and_both_go_on(faulty: int, threads_as_before: None) -> None:
    use_threads(2)
    with pytest.raises(ZeroDivisionError):
        parallel_pair(lambda d: 1 // (d - faulty))
    assert parallel_pair(lambda d: d) == [0, 1]


def test_an_encoder_that_learns_leaves_all_threads_to_pytorch() -> None:
    def workers(finetune: bool, threads: int) -> int:
        return RunConfig().replace(encoder={"name": "c", "finetune": finetune}, threads=threads).workers

    assert [workers(False, threads) for threads in (1, 2, 4)] == [1, 2, 2]
    assert [workers(True, threads) for threads in (1, 2, 4)] == [1, 1, 1]
