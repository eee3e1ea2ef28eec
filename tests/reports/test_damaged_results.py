"""Results that were damaged, cut off or written by an enemy: an error with the file, or a harmless page."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from bilstm_crf.experiments.check import check
from bilstm_crf.experiments.markdown import escape
from bilstm_crf.experiments.shapes import CONFIG, EPOCH, check_metrics, check_table
from hypothesis import given
from hypothesis import strategies as st

from analysis.pages import Reader
from bilstm_crf.errors import InputError
from bilstm_crf.reports.markdown import markdown
from bilstm_crf.reports.page import page
from bilstm_crf.reports.read import Material, Run, read_material, read_run
from bilstm_crf.util.files import write_json
from done import Done
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
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    """The tables and runs of an experiment, as read from their files."""
    return read_material(make_experiment(tmp_path_factory.mktemp("experiment")))


def refused(look: Callable[[], None]) -> bool:
    """Whether it raises the error of a bad file, which then names the file."""
    try:
        look()
    except InputError as error:
        return str(error).startswith(str(HERE)) or pytest.fail(f"which file? {error}")
    return False


WRONG = st.sampled_from([..., None, True, -1, 10**400, float("nan"), 1e300, "", "x", [], [[]], {}, {"a": 1}])


@given(st.data())
def test_a_damaged_table_is_an_error_or_a_report(material: Material, data: st.DataObject) -> None:
    (table,) = material.tables
    place = data.draw(st.sampled_from(list(places(table))))
    damaged = replaced(table, place, data.draw(WRONG))
    if refused(lambda: check_table(damaged, HERE)):
        return
    shown = Material("m", [damaged], material.runs)
    Reader(page(shown))
    markdown(shown)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One with two phases, as read from its folder."""
    return read_run(make_run(tmp_path_factory.mktemp("run") / "run", 42, final=True), "run")


@given(st.data())
def test_a_damaged_run_is_an_error_or_a_report(run: Run, data: st.DataObject) -> None:
    parts = {"config": run.described, "history": run.history, "metrics": run.metrics}
    place = data.draw(st.sampled_from([place for place in places(parts) if len(place) > 1]))
    damaged = replaced(parts, place, data.draw(WRONG))

    def look() -> None:
        check(damaged["config"], CONFIG, HERE)
        check(damaged["history"], [EPOCH], HERE)
        check_metrics(damaged["metrics"], HERE)

    if refused(look):
        return
    shown = Material(
        "m", [], {"r": Run("r", damaged["config"], damaged["history"], damaged["metrics"], {})}, single=True
    )
    Reader(page(shown))
    markdown(shown)


def hostile(value: Any) -> Any:
    """All texts as an enemy would have them, but for those that must be what they are."""
    if isinstance(value, dict):
        return {
            key if (key.isascii() and key.islower()) or key.isdigit() else HOSTILE + key: each
            if key in ("kind", "column", "columns")
            else hostile(each)
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [hostile(each) for each in value]
    return HOSTILE if isinstance(value, str) else value


def test_an_enemys_texts_come_out_as_texts(material: Material) -> None:
    (table,) = [hostile(table) for table in material.tables]
    check_table(table, HERE)
    runs = {
        HOSTILE + name: Run(
            HOSTILE + name, hostile(run.described), run.history, hostile(run.metrics), run.scores
        )
        for name, run in material.runs.items()
    }
    shown = Material(HOSTILE, [table], runs)
    whole = page(shown)
    reader = Reader(whole)
    assert not {"script", "img"} & set(reader.names)
    assert not [name for name, _ in reader.attributes if name.startswith("on")]
    assert "alert(1)" in "".join(reader.text)
    whole.encode("utf-8")
    text = markdown(shown)
    outside_code = re.sub(r"(?<!\\)`[^`\n]+`", "", text.partition("### Commands")[0])
    assert "alert" in outside_code
    assert "<" not in outside_code
    for found in tables_of_markdown(text):
        assert len({len(row) for row in found}) == 1, "as many cells in every line"


@given(st.text())
def test_escaped_text_is_one_line_without_html(text: str) -> None:
    escaped = escape(text)
    assert "\n" not in escaped
    assert "<" not in escaped


# ---------------------------------------------------------------- files


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("metrics.json", b'{"best_epoch": 2,\n "epochs"', "metrics.json, line 2: cannot be read as JSON"),
        ("metrics.json", b"[]", "metrics.json: it is [], expected an object"),
        ("metrics.json", b'{"best_epoch": "2"}', "best_epoch is '2', expected a whole number"),
        ("metrics.json", b"[" * 100_000, "metrics.json: cannot be read as JSON"),
        ("config.json", b"\xff\xfe", "config.json: cannot be read as JSON"),
        ("config.json", b"{}", "config.json: it lacks the field bilstm_crf"),
        ("history.jsonl", b'{"epoch": 1, "loss": 2.5}\n', "history.jsonl, line 1: it lacks the field dev"),
        ("history.jsonl", b'\n{"epoch": 1, "lo', "history.jsonl, line 2: cannot be read as JSON"),
        ("history.jsonl", b"\xff", "history.jsonl: cannot be read"),
        ("scores/nob-dev-full.json", b"{}", "nob-dev-full.json: it lacks the field signatures"),
    ],
)
def test_a_damaged_file_is_named_and_nothing_is_written(
    name: str, content: bytes, said: str, cli: Cli, tmp_path: Path
) -> None:
    folder = make_run(tmp_path / "run", 42)
    (folder / name).write_bytes(content)
    done = cli("report", folder)
    assert done.status == 2
    assert said in done.err
    assert not list(folder.glob("*report*"))


def test_a_table_of_another_format_is_not_guessed_at(cli: Cli, tmp_path: Path) -> None:
    folder = make_experiment(tmp_path)
    path = folder / "tables" / "two.json"
    table = json.loads(path.read_text("utf-8"))
    write_json(path, table | {"format": 2})
    done = cli("report", folder)
    assert done.status == 2
    assert "two.json: is a table of format 2, expected 1" in done.err
    table["rows"][0]["cells"].pop()
    write_json(path, table)
    assert "row 'one' has the columns ['dev'], expected ['dev', 'heldout']" in cli("report", folder).err
