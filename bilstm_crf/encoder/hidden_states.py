"""An encoder's hidden states: all of them, or one without running the layers above it.

Whatever the architecture, a layer is called with the hidden state of the one below. So a state is complete
when the call begins that was seen to take it, and an exception out of that call leaves the rest undone.

Letters: B windows, T pieces, D dimensions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from torch import Tensor, nn

Watcher = Callable[[nn.Module, Any], None]  # told of each call of a layer, and of its input
_watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)  # each thread has its own


class _Reached(Exception):  # noqa: N818, it is no error
    def __init__(self, state: Tensor) -> None:
        super().__init__()
        self.state = state


class HiddenStates:
    """The hidden states of a model of `transformers`."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._takers: dict[int, tuple[nn.Module, int]] = {}  # by state: a layer, and its calls before
        for parent in model.modules():
            if isinstance(parent, nn.ModuleList):
                for layer in parent:
                    layer.register_forward_pre_hook(_called, with_kwargs=True)

    def all(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
        """The embeddings and the output of each layer, (B, T, D) each."""
        states: tuple[Tensor, ...] = self._model(
            ids, attention_mask=mask, output_hidden_states=True
        ).hidden_states
        return states

    def look(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
        """The same; from now on it is known which call of which layer takes which state."""
        calls: list[tuple[nn.Module, Any]] = []
        with _watched_by(lambda layer, given: calls.append((layer, given))):
            states = self.all(ids, mask)
        for number, state in enumerate(states):
            place = next((place for place, (_, given) in enumerate(calls) if given is state), None)
            if place is not None:
                taker = calls[place][0]
                self._takers[number] = taker, sum(layer is taker for layer, _ in calls[:place])
        return states

    def one(self, number: int, ids: Tensor, mask: Tensor) -> Tensor:
        """(B, T, D): the state of this number, by way of all of them where no call was seen to take it."""
        taker, to_come = self._takers.get(number, (None, 0))

        def watch(layer: nn.Module, given: Any) -> None:
            nonlocal to_come
            if layer is taker:
                if to_come == 0:
                    raise _Reached(given)
                to_come -= 1

        try:
            with _watched_by(watch):
                return self.all(ids, mask)[number]
        except _Reached as reached:
            return reached.state


@contextmanager
def _watched_by(watcher: Watcher) -> Iterator[None]:
    before = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(before)


def _called(layer: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> None:
    watcher = _watcher.get()
    if watcher is not None:
        watcher(layer, given[0] if given else named.get("hidden_states"))
