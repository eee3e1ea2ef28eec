"""Two lanes: on one core or two, the same results in their order."""

from __future__ import annotations

import threading

import pytest
import torch

from bilstm_crf.config import Recipe, RunConfig
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
    def lanes(weights: str, threads: int) -> int:
        recipe = Recipe().replace({"bert_weights": weights})
        return RunConfig(train=["a"], dev=["b"], bert="c", recipe=recipe, threads=threads).lanes

    assert [lanes("frozen", threads) for threads in (1, 2, 4)] == [1, 2, 2]
    assert [lanes("tuned", threads) for threads in (1, 2, 4)] == [1, 1, 1]
    tuned_setting = Recipe().replace({"encoder.finetune": True})  # of a run without an encoder
    assert RunConfig(train=["a"], dev=["b"], recipe=tuned_setting, threads=2).lanes == 2
