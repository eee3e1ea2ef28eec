"""Two lanes: on one core or two, the same results in their order."""

from __future__ import annotations

import threading

import pytest
import torch

from bilstm_crf.config import RunConfig
from bilstm_crf.util.threads import parallel_pair, use_threads


@pytest.mark.parametrize(
    ("threads", "lanes", "inside"), [(1, 2, 1), (2, 2, 1), (3, 2, 1), (4, 2, 2), (1, 1, 1), (4, 1, 4)]
)
def test_what_the_lanes_leave_of_the_threads_works_inside_them(
    threads: int, lanes: int, inside: int, threads_as_before: None
) -> None:
    use_threads(threads, lanes)
    assert torch.get_num_threads() == inside
    found = parallel_pair(lambda lane: (lane, threading.current_thread().name))
    assert [lane for lane, _ in found] == [0, 1]
    assert len({name for _, name in found}) == min(threads, lanes)


@pytest.mark.parametrize("faulty", [0, 1])
def test_an_error_in_either_lane_comes_back_and_leaves_the_lanes_whole(
    faulty: int, threads_as_before: None
) -> None:
    use_threads(2)
    with pytest.raises(ZeroDivisionError):
        parallel_pair(lambda d: 1 // (d - faulty))
    assert parallel_pair(lambda d: d) == [0, 1]


def test_an_encoder_that_learns_leaves_all_threads_to_pytorch() -> None:
    def workers(finetune: bool, threads: int) -> int:
        return RunConfig().replace(encoder={"name": "c", "finetune": finetune}, threads=threads).workers

    assert [workers(False, threads) for threads in (1, 2, 4)] == [1, 2, 2]
    assert [workers(True, threads) for threads in (1, 2, 4)] == [1, 1, 1]
