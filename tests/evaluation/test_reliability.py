"""Calibration errors: what they are by hand, and what chance gives."""

from __future__ import annotations

import numpy as np
import pytest

from bilstm_crf.evaluation.reliability import equal_width_error, reliability


def test_the_error_is_the_mean_distance_of_score_and_share() -> None:
    scores = [0.2] * 10 + [0.7] * 10
    right = [True] * 4 + [False] * 6 + [True] * 6 + [False] * 4
    found = reliability(scores, right, bins=2)
    assert found.error == pytest.approx((0.2 + 0.1) / 2)
    assert [(each.spans, each.right) for each in found.bins] == [(10, 0.4), (10, 0.6)]
    assert equal_width_error(scores, right) == pytest.approx(found.error)


def test_scores_that_are_right_err_as_chance_does() -> None:
    random = np.random.default_rng(1)
    scores = random.beta(5, 1, size=4_000)
    found = reliability(scores, random.random(4_000) < scores)
    assert found.error == pytest.approx(found.chance, abs=0.01)
    assert sum(each.spans for each in found.bins) == found.spans == 4_000
    sure = reliability(np.sqrt(scores), random.random(4_000) < scores)
    assert sure.error > 3 * found.error


def test_sure_scores_leave_nothing_to_chance() -> None:
    assert reliability([1.0] * 50, [True] * 50).chance == 0
    assert reliability([1.0] * 50, [True] * 50).error == 0


def test_few_spans_and_none() -> None:
    assert reliability([], []).bins == []
    assert reliability([], []).error == equal_width_error([], []) == 0
    assert [each.spans for each in reliability([0.5, 1.0], [True, True]).bins] == [1, 1]
