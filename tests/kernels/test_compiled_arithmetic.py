"""The compiled product and exponential beside numpy's."""

import numpy as np
import pytest
from numba import njit

from bilstm_crf.kernels.arithmetic import add_product, exponential, padded_rows, tanh


@pytest.mark.parametrize("rows", [0, 1, 4, 5, 6, 10, 13])
@pytest.mark.parametrize("inner", [1, 2, 3, 4, 7, 100])
@pytest.mark.parametrize("width", [1, 5, 16, 33])
def test_a_product_is_added_to_the_first_rows(rows: int, inner: int, width: int) -> None:
    random = np.random.default_rng(rows + 100 * inner + width)
    left = random.standard_normal((15, inner), dtype=np.float32)
    right = random.standard_normal((inner, width), dtype=np.float32)
    out = random.standard_normal((15, width), dtype=np.float32)
    expected = out.copy()
    expected[: padded_rows(rows)] += left[: padded_rows(rows)] @ right
    add_product(left, right, rows, out)
    np.testing.assert_allclose(out, expected, rtol=1e-5, atol=1e-5)


def test_the_exponential_is_numpys_to_two_units_in_the_last_place() -> None:
    values = np.concatenate([np.linspace(-86, 86, 100_001), [0.0, -0.0, 1e-30, -1e-7]]).astype(np.float32)
    got = values.copy()
    exponential(got)
    expected = np.exp(values.astype(np.float64))
    assert np.abs(got / expected - 1).max() < 2.5e-7


def test_beyond_its_range_the_exponential_stays_finite() -> None:
    values = np.array([-1e30, -200, 200, 1e30], dtype=np.float32)
    exponential(values)
    assert np.isfinite(values).all()
    assert values[0] == values[1] < 2e-38
    assert values[2] == values[3] > 1e37


@njit
def tanh_of_each(values: np.ndarray, out: np.ndarray) -> None:
    for j in range(len(values)):
        out[j] = tanh(values[j])


def test_the_rational_tanh_is_numpys_to_float32() -> None:
    values = np.concatenate([np.linspace(-20, 20, 200_001), [0.0, 1e-30, -1e-7, 3e38]]).astype(np.float32)
    got = np.empty_like(values)
    tanh_of_each(values, got)
    assert np.abs(got - np.tanh(values.astype(np.float64))).max() < 4e-7
