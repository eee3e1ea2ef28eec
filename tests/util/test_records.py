"""Records: what JSON says becomes a dataclass, and a wrong value is named with its place."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest

from bilstm_crf.errors import InputError
from bilstm_crf.util.records import Count, Seed, parse_record, read_record, read_record_line


@dataclass(frozen=True)
class Inner:
    f1: float
    gold: Count


@dataclass(frozen=True)
class Outer:
    FORMAT: ClassVar[int] = 2
    name: str
    seed: Seed
    kind: Literal["a", "b"]
    inner: dict[str, Inner]
    matrix: list[list[Count]]
    pair: tuple[Inner, ...] = ()
    last: Inner | None = None
    other: dict[str, Any] = field(default_factory=dict)
    format: int = FORMAT


GOOD: dict[str, Any] = {
    "format": 2,
    "name": "n",
    "seed": 2**63 - 1,
    "kind": "b",
    "inner": {"x": {"f1": 1, "gold": 3}},
    "matrix": [[0, 1], [2, 3]],
    "pair": [{"f1": 0.5, "gold": 0}],
    "other": {"anything": [None]},
}


def test_a_record_comes_back_from_its_json(tmp_path: Path) -> None:
    found = parse_record(Outer, {**GOOD, "of a newer version": 1}, "x.json")
    assert (found.inner["x"], found.pair, found.last) == (Inner(1, 3), (Inner(0.5, 0),), None)
    (tmp_path / "x.json").write_text(json.dumps(dataclasses.asdict(found)), "utf-8")
    assert read_record(Outer, tmp_path / "x.json") == found


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 1}, "has the format 1, expected 2"),
        ({"name": 3}, "name is 3, expected a text"),
        ({"seed": -1}, "seed is -1, expected a whole number from 0"),
        ({"seed": True}, "seed is True, expected"),
        ({"kind": "c"}, "kind is 'c', expected a or b"),
        ({"inner": []}, "inner is [], expected an object"),
        ({"inner": {"x": {"f1": 1}}}, "inner.x lacks the field gold"),
        ({"inner": {"x": {"f1": float("nan"), "gold": 1}}}, "inner.x.f1 is nan"),
        ({"matrix": [[0, "1"]]}, "matrix[0][1] is '1', expected a whole number"),
        ({"last": 1}, "last is 1, expected an object"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_record(Outer, {**GOOD, **changes}, "x.json")
    assert caught.value.path == "x.json"
    assert message in str(caught.value)


def test_a_line_is_named_by_its_number() -> None:
    with pytest.raises(InputError) as caught:
        read_record_line(Inner, "{", "x.jsonl", 3)
    assert caught.value.line == 3
