"""The compiled BiLSTM beside PyTorch's, in float64: the same states, the same gradients."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from bilstm_crf import kernels
from bilstm_crf.features.batches import reversed_order
from bilstm_crf.kernels.lstm import cell
from bilstm_crf.model.autograd import bilstm
from bilstm_crf.model.word_bilstm import WordBiLSTM
from bilstm_crf.util.threads import use_threads


def sizes_of(lengths: list[int]) -> Tensor:
    """The batch sizes of sentences of these lengths."""
    return torch.tensor([sum(length > step for length in lengths) for step in range(max(lengths))])


def gradients(output: Tensor, weights: Tensor, lstm: nn.LSTM, inputs: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad((output * weights).sum(), [inputs, *lstm.parameters()]))


@pytest.mark.parametrize("lengths", [[1], [1, 1, 1], [7], [9, 6, 6, 3, 1], [12] * 11, [40, 2]])
@pytest.mark.parametrize(("inputs", "hidden", "layers"), [(5, 6, 1), (33, 34, 1), (8, 10, 2)])
def test_states_and_gradients_are_those_of_pytorch_in_float64(
    lengths: list[int], inputs: int, hidden: int, layers: int
) -> None:
    torch.manual_seed(len(lengths) + hidden)
    sizes = sizes_of(lengths)
    lstm = nn.LSTM(inputs, hidden // 2, num_layers=layers, bidirectional=True)
    given_inputs = torch.randn(sum(lengths), inputs, requires_grad=True)
    weights = torch.randn(sum(lengths), hidden)
    got = bilstm(lstm, given_inputs, sizes)
    got_gradients = gradients(got, weights, lstm, given_inputs)

    exact = nn.LSTM(inputs, hidden // 2, num_layers=layers, bidirectional=True).double()
    exact.load_state_dict(lstm.state_dict())
    exact_inputs = given_inputs.detach().double().requires_grad_()
    expected = exact(PackedSequence(exact_inputs, sizes))[0].data
    torch.testing.assert_close(got.double(), expected, rtol=1e-5, atol=1e-6)
    for one, other in zip(
        got_gradients, gradients(expected, weights.double(), exact, exact_inputs), strict=True
    ):
        torch.testing.assert_close(one.double(), other, rtol=1e-4, atol=1e-5)


def test_two_cores_change_no_bit(threads_as_before: None) -> None:
    torch.manual_seed(1)
    lstm, sizes = nn.LSTM(8, 6, bidirectional=True), sizes_of([9, 4, 4])
    inputs, weights = torch.randn(17, 8, requires_grad=True), torch.randn(17, 12)
    results = []
    for threads in (1, 2):
        use_threads(threads)
        states = bilstm(lstm, inputs, sizes)
        results.append([states, *gradients(states, weights, lstm, inputs)])
    for one, other in zip(*results, strict=True):
        assert torch.equal(one, other)


@given(st.lists(st.integers(1, 12), min_size=1, max_size=6))
def test_reading_backwards_twice_is_reading_forwards(lengths: list[int]) -> None:
    order = reversed_order(sizes_of(sorted(lengths, reverse=True)).numpy())
    assert sorted(order) == list(range(sum(lengths)))
    np.testing.assert_array_equal(order[order], np.arange(sum(lengths)))


@pytest.mark.parametrize("numba", [True, False])
def test_without_numba_the_states_are_the_same(numba: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "NUMBA", numba)
    torch.manual_seed(2)
    lstm, sizes = WordBiLSTM(8, 6, layers=1, dropout=0.5), sizes_of([5, 2])
    inputs = torch.randn(7, 8)
    plain = lstm(PackedSequence(inputs, sizes))[0].data
    torch.testing.assert_close(lstm.states(inputs, sizes), plain, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("numba", [True, False])
@pytest.mark.parametrize("layers", [1, 2])
def test_inputs_at_some_places_are_zeros_at_the_others(
    numba: bool, layers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "NUMBA", numba)
    torch.manual_seed(4)
    lstm, sizes = WordBiLSTM(8, 6, layers=layers, dropout=0.0), sizes_of([5, 2])
    kept = torch.tensor([1, 2, 6])
    some, weights = torch.randn(7, 3, requires_grad=True), torch.randn(7, 6)
    wide = torch.zeros(7, 8).index_copy(1, kept, some)
    got, expected = lstm.states(some, sizes, kept), lstm.states(wide, sizes)
    torch.testing.assert_close(got, expected)
    for one, other in zip(
        gradients(got, weights, lstm, some), gradients(expected, weights, lstm, some), strict=True
    ):
        torch.testing.assert_close(one, other)


def test_dropout_between_layers_is_left_to_pytorch() -> None:
    torch.manual_seed(3)
    lstm, sizes = WordBiLSTM(8, 6, layers=2, dropout=0.9).train(), sizes_of([5, 2])
    inputs = torch.randn(7, 8)
    assert not torch.equal(lstm.states(inputs, sizes), lstm.states(inputs, sizes))
    lstm.eval()
    assert torch.equal(lstm.states(inputs, sizes), lstm.states(inputs, sizes))


@pytest.mark.parametrize("numba", [True, False])
@pytest.mark.parametrize("layers", [1, 2])
def test_recurrent_dropout_is_of_the_weights_from_state_to_state_alone(
    layers: int, numba: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nearly 1, it leaves what an LSTM with none of these weights gives."""
    monkeypatch.setattr(kernels, "NUMBA", numba)
    torch.manual_seed(4)
    lstm = WordBiLSTM(8, 6, layers, dropout=0.0, recurrent_dropout=0.99999).train()
    lstm.recurrent_dropout.random = np.random.default_rng(4)
    sizes, inputs = sizes_of([5, 2]), torch.randn(7, 8)
    got = lstm.states(inputs, sizes)
    assert torch.equal(lstm.eval().states(inputs, sizes), lstm.states(inputs, sizes))
    assert not torch.allclose(lstm.states(inputs, sizes), got)
    with torch.no_grad():
        for name, weight in lstm.named_parameters():
            if name.startswith("weight_hh"):
                weight.zero_()
    torch.testing.assert_close(lstm.states(inputs, sizes), got, rtol=1e-5, atol=1e-6)


def test_recurrent_dropout_is_drawn_anew_each_time_and_has_gradients() -> None:
    lstm = WordBiLSTM(8, 6, layers=1, dropout=0.0, recurrent_dropout=0.5).train()
    lstm.recurrent_dropout.random = np.random.default_rng(5)
    sizes, inputs = sizes_of([5, 2]), torch.randn(7, 8)
    got = lstm.states(inputs, sizes)
    assert not torch.allclose(lstm.states(inputs, sizes), got)
    got.sum().backward()
    gradient = lstm.weight_hh_l0.grad
    assert gradient is not None
    assert 0.2 < (gradient == 0).float().mean() < 0.8, "a weight that was dropped learns nothing"


@pytest.mark.parametrize("hidden", [1, 5, 10, 100])
def test_where_the_arrays_lie_in_memory_changes_no_bit(hidden: int) -> None:
    """LLVM looks whether arrays may overlap, and takes another loop for those that lie close together."""
    random = np.random.default_rng(hidden)
    given_arrays = [random.standard_normal(n * hidden, dtype=np.float32) for n in (4, 4, 1)]
    results = set()
    for order in itertools.permutations(range(7), 7) if hidden == 10 else [range(7)]:
        for gap in (0, 1, 7, 16, 1_000):
            buffer = np.zeros(7 * (4 * hidden + gap), np.float32)
            starts = [place * (4 * hidden + gap) for place in order]
            sizes = (4, 4, 4, 1, 1, 1, 4)
            arrays = [
                buffer[start : start + size * hidden] for start, size in zip(starts, sizes, strict=True)
            ]
            share, recurrent, gate, cells, squashed, state, scratch = arrays
            share[:], recurrent[:], cells[:] = given_arrays
            cell(share, recurrent, gate, cells, squashed, state, scratch)
            results.add(b"".join(each.tobytes() for each in (gate, cells, squashed, state)))
    assert len(results) == 1
