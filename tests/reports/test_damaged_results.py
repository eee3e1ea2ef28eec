"""Results that were damaged, cut off or written by an enemy: an error with the file, or a harmless page."""

from __future__ import annotations

import copy
import dataclasses
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bilstm_crf.errors import InputError, UsageError
from bilstm_crf.experiments.records import RunResults, ScoreTable
from bilstm_crf.experiments.results import read_run
from bilstm_crf.render.markdown import to_markdown
from bilstm_crf.render.page import to_html
from bilstm_crf.reports.document import build_report
from bilstm_crf.reports.read import ReportData, read_report_data
from bilstm_crf.util.records import parse_record
from done import Done
from pages import Reader
from read_tables import tables_of_markdown
from reports.folders import make_experiment, make_run

Cli = Callable[..., Done]
HOSTILE = "</td></table><script>alert(1)</script> `\"'|*_[a](b)\n\n# \x00\ud800\\"
HERE = Path("the/file.json")


def places(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value inside."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inside:
        yield (*before, key)
        yield from places(each, (*before, key))


def replaced(value: Any, place: tuple[Any, ...], new: Any) -> Any:
    """A copy with another value there; `...` takes it away."""
    value = copy.deepcopy(value)
    inside = value
    for key in place[:-1]:
        inside = inside[key]
    if new is ...:
        del inside[place[-1]]
    else:
        inside[place[-1]] = new
    return value


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ReportData:
    """The tables and runs of an experiment, as read from their file."""
    return read_report_data(make_experiment(tmp_path_factory.mktemp("experiment")))


def shown(data: ReportData) -> tuple[str, str]:
    """The page, which is well-formed, and the Markdown file."""
    document = build_report(data)
    page = to_html(document)
    Reader(page)
    return page, to_markdown(document)


WRONG = st.sampled_from([..., None, True, -1, 10**400, float("nan"), 1e300, "", "x", [], [[]], {}, {"a": 1}])


@given(draw=st.data())
def test_a_damaged_table_is_an_error_or_a_report(data: ReportData, draw: st.DataObject) -> None:
    table = dataclasses.asdict(data.score_tables[0])
    place = draw.draw(st.sampled_from(list(places(table))))
    try:
        damaged = parse_record(ScoreTable, replaced(table, place, draw.draw(WRONG)), HERE)
    except InputError:
        return
    shown(dataclasses.replace(data, tables=[damaged]))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunResults:
    """One with two phases, as read from its folder."""
    return read_run(make_run(tmp_path_factory.mktemp("run") / "run", 42, final=True))


@given(draw=st.data())
def test_a_damaged_run_is_an_error_or_a_report(run: RunResults, draw: st.DataObject) -> None:
    parts = {**dataclasses.asdict(run)}
    parts["description"]["config"] = run.description.config.to_json()
    place = draw.draw(st.sampled_from([place for place in places(parts) if len(place) > 1]))
    try:
        damaged = parse_record(RunResults, replaced(parts, place, draw.draw(WRONG)), HERE)
    except (InputError, UsageError):
        return
    shown(ReportData("m", [], {"r": damaged}, is_single=True))


def hostile(value: Any) -> Any:
    """All texts as an enemy would have them, but for those that must be what they are."""
    if isinstance(value, dict):
        return {
            key if (key.isascii() and key.islower()) or key.isdigit() else HOSTILE + key: each
            if key in ("kind", "column", "columns", "config")
            else hostile(each)
            for key, each in value.items()
        }
    if isinstance(value, list | tuple):
        return [hostile(each) for each in value]
    return HOSTILE if isinstance(value, str) else value


def test_an_enemys_texts_come_out_as_texts(data: ReportData) -> None:
    table = parse_record(ScoreTable, hostile(dataclasses.asdict(data.score_tables[0])), HERE)
    runs = {}
    for name, run in data.runs.items():
        content = dataclasses.asdict(run)
        content["description"]["config"] = run.description.config.to_json()
        runs[HOSTILE + name] = parse_record(RunResults, {**hostile(content), "scores": {}}, HERE)
    page, text = shown(ReportData(HOSTILE, [table], runs))
    reader = Reader(page)
    assert not {"script", "img"} & set(reader.names)
    assert not [name for name, _ in reader.attributes if name.startswith("on")]
    assert "alert(1)" in "".join(reader.text)
    page.encode("utf-8")
    outside_code = re.sub(r"(?<!\\)`[^`\n]+`", "", text.partition("### Commands")[0])
    assert "alert" in outside_code
    assert "<" not in outside_code
    for found in tables_of_markdown(text):
        assert len({len(row) for row in found}) == 1, "as many cells in every line"


# ---------------------------------------------------------------- files


@pytest.mark.parametrize(
    ("name", "content", "line", "key_word"),
    [
        ("metrics.json", b'{"best_epoch": 2,\n "epochs"', 2, "JSON"),
        ("metrics.json", b"[]", None, "object"),
        ("metrics.json", b'{"format": 1, "best_epoch": "2"}', None, "best_epoch"),
        ("metrics.json", b"[" * 100_000, None, "JSON"),
        ("config.json", b"\xff\xfe", None, "JSON"),
        ("config.json", b"{}", None, "format"),
        ("history.jsonl", b'{"epoch": 1}\n', 1, "loss"),
        ("history.jsonl", b'\n{"epoch": 1, "lo', 2, "JSON"),
        ("history.jsonl", b"\xff", None, "read"),
        ("scores/nob-dev-full.json", b"{}", None, "format"),
    ],
)
def test_a_damaged_file_is_named_and_nothing_is_written(
    name: str, content: bytes, line: int | None, key_word: str, cli: Cli, tmp_path: Path
) -> None:
    folder = make_run(tmp_path / "run", 42)
    (folder / name).write_bytes(content)
    done = cli("report", folder)
    assert done.status == 2
    assert str(folder / name) + (f", line {line}" if line else "") in done.err
    assert key_word in done.err
    assert not list(folder.glob("*report*"))


def test_results_of_another_format_are_not_guessed_at(cli: Cli, tmp_path: Path) -> None:
    folder = make_experiment(tmp_path)
    path = folder / "two.json"
    content = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(content | {"format": 1}), "utf-8")
    done = cli("report", folder)
    assert done.status == 2
    assert f"{path}: has the format 1, expected 2" in done.err
    content["scores"]["rows"][0]["cells"].pop()
    path.write_text(json.dumps(content), "utf-8")
    done = cli("report", folder)
    assert str(path) in done.err
    assert "columns" in done.err
