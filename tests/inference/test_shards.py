"""Shards of a corpus: what comes back, each written once, and what a killed or changed run leaves."""

from __future__ import annotations

import gzip
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bilstm_crf.commands.shard_program import tag_shards
from bilstm_crf.errors import InputError, UsageError
from bilstm_crf.inference import box
from bilstm_crf.inference.shard_tagger import ShardTagger
from bilstm_crf.inference.shards import RECORD, Job, Outcome, Settings, Shard, plan_job

TEXTS = [
    "Kari Nordmann bur i Bergen.",
    "",
    "😀 Ola Hansen og Erna Solberg\r\n– ute i Ål. 👩‍👩‍👧 Åse sov.",
    None,
    "  \n",
]
SETTINGS = Settings(batch_size=2)


@pytest.fixture(scope="module")
def tagger() -> ShardTagger:
    if not (box.FOLDER / "model.json").is_file():
        pytest.skip("needs the model in the box: this checkout has none")
    return ShardTagger(SETTINGS)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Four shards of the same texts, one of them in a folder and one compressed."""
    rows = b"".join(json.dumps({"id": n, "text": text}).encode() + b"\n" for n, text in enumerate(TEXTS))
    folder = tmp_path / "in"
    (folder / "lang=nn").mkdir(parents=True)
    for name in ("a.jsonl", "b.jsonl", "lang=nn/c.jsonl"):
        (folder / name).write_bytes(rows)
    (folder / "d.jsonl.gz").write_bytes(gzip.compress(rows))
    return folder


def tag(source: Path, tagger: ShardTagger, name: str = "out") -> dict[str, str]:
    """Tag all shards in this process; return the faults."""
    job = plan_job(str(source), str(source.with_name(name)), tagger.settings)
    outcomes = [tagger.tag(job, shard) for shard in job.shards]
    return {each.name: each.error for each in (*job.failed, *outcomes) if each.error}


def contents(folder: Path) -> dict[str, bytes]:
    """The files below a folder, decompressed, without the record."""
    files = {
        each.relative_to(folder).as_posix(): each.read_bytes() for each in folder.rglob("*") if each.is_file()
    }
    files.pop(RECORD)
    return {name: gzip.decompress(data) if name.endswith(".gz") else data for name, data in files.items()}


def names(text: str, tagger: ShardTagger) -> list[dict[str, Any]]:
    """The names of a text that is tagged alone."""
    entities = tagger.tagger.tag(text).to_dict()["entities"]
    return [each | {"score": pytest.approx(each["score"], abs=1e-4)} for each in entities]


# ---------------------------------------------------------------- rows


def test_each_text_gets_the_names_that_it_has_alone(source: Path, tagger: ShardTagger) -> None:
    assert tag(source, tagger) == {}
    found = contents(source.with_name("out"))
    assert found.keys() == {"a.jsonl", "b.jsonl", "d.jsonl.gz", "lang=nn/c.jsonl"}
    for content in found.values():
        rows = [json.loads(line) for line in content.splitlines()]
        assert [row["id"] for row in rows] == list(range(len(TEXTS)))
        assert [row["text"] for row in rows] == TEXTS
        for row in rows:
            assert row["entities"] == (None if row["text"] is None else names(row["text"], tagger))
            for each in row["entities"] or ():
                assert row["text"][each["start"] : each["end"]] == each["text"]
        assert sum(len(row["entities"] or ()) for row in rows) >= 5


def test_the_bytes_of_a_line_stay(tmp_path: Path, tagger: ShardTagger) -> None:
    lines = [
        b'\xef\xbb\xbf{"n": 12345678901234567890123, "f": 1.10e+05, "text": "Kari sov."}\r\n',
        b"\n",
        b'{"text":"\\u00c5se sov.","at":{"a":[1,{"b":"}"}]} }  \n',
        b" {}\n",
        b'{"text": "Ola \\ud83d sov i Oslo.", "a": 1, "a": 2}',
    ]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jsonl").write_bytes(b"".join(lines))
    assert tag(tmp_path / "in", tagger) == {}
    written = (tmp_path / "out" / "a.jsonl").read_bytes().splitlines(keepends=True)
    for before, after in zip(lines, written, strict=True):
        start = before.rfind(b"}")
        assert after.startswith(before[:start])
        assert after.endswith(before[start:])
    entities = [json.loads(line.decode("utf-8-sig"))["entities"] for line in written if line.strip()]
    assert [each and [name["text"] for name in each] for each in entities] == [
        ["Kari"],
        ["Åse"],
        None,
        ["Ola", "Oslo"],
    ]
    assert entities[3][1]["start"] == len("Ola \ud83d sov i ")


# ---------------------------------------------------------------- faults

BAD = {
    "json": (b'{"text": "Ola"}\n{"text": \n', "line 2"),
    "array": (b'[{"text": "Ola"}]\n', "line 1: is list"),
    "bytes": (b'{"text": "\xe5"}\n', "line 1"),
    "number": (b'{"text": "Ola"}\n{"text": 12}\n', "line 2: 'text' is int"),
    "other column": (b'{"body": "Ola"}\n', "'text'"),
    "taken": (b'{"text": "Ola", "entities": []}\n', "line 1: has a column 'entities'"),
}


def test_a_shard_that_cannot_be_read_is_reported_and_the_others_are_written(
    source: Path, tagger: ShardTagger, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, (content, _) in BAD.items():
        (source / f"{name}.jsonl").write_bytes(content)
    whole = (source / "d.jsonl.gz").read_bytes()
    (source / "torn.jsonl.gz").write_bytes(whole[:-12])
    (source / "gone.jsonl").symlink_to("nowhere")
    out = source.with_name("out")

    def tag_all(job: Job, workers: int) -> Iterator[Outcome]:
        return (tagger.tag(job, shard) for shard in job.shards)

    assert tag_shards(tag_all, plan_job(str(source), str(out), SETTINGS), 1) == 1
    assert contents(out).keys() == {"a.jsonl", "b.jsonl", "d.jsonl.gz", "lang=nn/c.jsonl"}
    said = dict(
        line.split(".jsonl", 1) for line in capsys.readouterr().err.splitlines() if line.startswith("  ")
    )
    assert {each.strip() for each in said} == {*BAD, "torn", "gone"}
    for name, (_, reason) in BAD.items():
        assert reason in said[f"  {name}"]


def test_what_cannot_be_a_job_is_refused(source: Path, tmp_path: Path, tagger: ShardTagger) -> None:
    with pytest.raises(UsageError, match="inside"):
        plan_job(str(source), str(source / "lang=nn" / "out"), SETTINGS)
    with pytest.raises(InputError, match="folder"):
        plan_job(str(tmp_path / "none"), str(tmp_path / "out"), SETTINGS)
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "a.txt").touch()
    with pytest.raises(InputError, match="no shard"):
        plan_job(str(tmp_path / "text"), str(tmp_path / "out"), SETTINGS)
    assert not (tmp_path / "out").exists()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "b.jsonl").touch()
    with pytest.raises(UsageError, match="not written by this program"):
        plan_job(str(source), str(tmp_path / "out"), SETTINGS)


# ---------------------------------------------------------------- once, and again


def in_fork(work: Callable[[], None]) -> int:
    """Run it in a process of its own; return that process's number."""
    child = os.fork()
    if not child:
        try:
            work()
        finally:
            os._exit(0)
    return child


def test_a_killed_run_is_continued_and_what_was_finished_stays(source: Path, tagger: ShardTagger) -> None:
    assert tag(source, tagger, "whole") == {}
    out = source.with_name("out")
    job = plan_job(str(source), str(out), SETTINGS)

    def work() -> None:
        tagger.tag(job, job.shards[0])
        tagger.tag(job, job.shards[1])
        batches = iter(range(9))
        names = tagger._names

        def killed(texts: list[str | None]) -> Any:
            if next(batches) == 1:  # in the third shard
                os.kill(os.getpid(), signal.SIGKILL)
            return names(texts)

        tagger._names = killed  # type: ignore[method-assign]
        tagger.tag(job, job.shards[2])

    assert os.waitpid(in_fork(work), 0)[1] == signal.SIGKILL
    before = {each.name: each.stat() for each in out.glob("*.jsonl")}
    assert before.keys() == {"a.jsonl", "b.jsonl"}
    assert len(list(out.glob(".*.unfinished"))) == 1
    again = plan_job(str(source), str(out), SETTINGS)
    assert ([each.name for each in again.shards], again.finished) == (["d.jsonl.gz", "lang=nn/c.jsonl"], 2)
    assert tag(source, tagger) == {}
    assert contents(out) == contents(source.with_name("whole"))
    for name, status in before.items():
        now = (out / name).stat()
        assert (now.st_ino, now.st_mtime_ns) == (status.st_ino, status.st_mtime_ns)


def test_of_workers_with_the_same_shard_one_writes_it(source: Path, tagger: ShardTagger) -> None:
    out = source.with_name("out")
    job = plan_job(str(source), str(out), SETTINGS)
    names, seen = tagger._names, []

    def overtaken(texts: list[str | None]) -> Any:
        if not seen:  # the other worker begins later and ends earlier
            seen.append(None)
            assert tagger.tag(job, job.shards[0]).rows == len(TEXTS)
            seen[0] = (out / "a.jsonl").stat()
        return names(texts)

    tagger._names = overtaken  # type: ignore[method-assign]
    try:
        assert tagger.tag(job, job.shards[0]).error == ""
    finally:
        del tagger._names  # type: ignore[method-assign]
    now = (out / "a.jsonl").stat()
    assert (now.st_ino, now.st_mtime_ns, now.st_nlink) == (seen[0].st_ino, seen[0].st_mtime_ns, 1)
    assert tagger.tag(job, job.shards[0]) == Outcome("a.jsonl")
    assert {each.name for each in out.iterdir()} == {"a.jsonl", RECORD}


def test_an_input_that_changes_is_noticed(source: Path, tagger: ShardTagger) -> None:
    out = source.with_name("out")
    job = plan_job(str(source), str(out), SETTINGS)
    (source / "b.jsonl").write_bytes(b'{"text": "Kari sov."}\n')  # after it was planned
    assert "changed" in tagger.tag(job, job.shards[1]).error
    assert tag(source, tagger) == {}
    before = (out / "b.jsonl").read_bytes()
    os.utime(source / "b.jsonl", ns=(0, 0))  # after it was tagged; an older file is another one, too
    for _ in range(2):
        assert tag(source, tagger).keys() == {"b.jsonl"}
        assert (out / "b.jsonl").read_bytes() == before
    (out / "b.jsonl").unlink()
    assert tag(source, tagger) == {}
    assert Shard.of(str(source), "b.jsonl").modified == 0


@pytest.mark.parametrize("change", [{"text_column": "body"}, {"column": "names"}, {"model": "other"}])
def test_a_folder_is_continued_with_the_same_settings_only(
    source: Path, tmp_path: Path, tagger: ShardTagger, change: dict[str, str]
) -> None:
    if "model" in change:
        change = {"model": str(tmp_path / "model")}
        (tmp_path / "model").mkdir()
        for each in box.FOLDER.iterdir():
            (tmp_path / "model" / each.name).write_bytes(
                each.read_bytes() + b"\n" * each.name.endswith("json")
            )
    plan_job(str(source), str(tmp_path / "out"), SETTINGS)
    with pytest.raises(UsageError, match="begun with another"):
        plan_job(str(source), str(tmp_path / "out"), Settings(**change))


# ---------------------------------------------------------------- Parquet


def test_a_table_keeps_its_columns_and_row_groups(tmp_path: Path, tagger: ShardTagger) -> None:
    pa = pytest.importorskip("pyarrow", reason="needs the extra ray, spark or datasets")
    from pyarrow import parquet

    size = len(TEXTS)
    table = pa.table(
        {
            "text": pa.array(TEXTS, pa.large_string()),
            "big": pa.array([2**64 - 1] * size, pa.uint64()),
            "money": pa.array([None] * size, pa.decimal128(38, 10)),
            "at": pa.array([2**62] * size, pa.timestamp("ns", "Europe/Oslo")),
            "kind": pa.array(["a", "b", None, "a", "b"]).dictionary_encode(),
            "nested": pa.array([[{"a": [1, None]}], [], None, [None], [{"a": None}]]),
            "raw": pa.array([b"\xff"] * size, pa.binary(1)),
            "map": pa.array([[("k", 1.5)]] * size, pa.map_(pa.string(), pa.float32())),
        }
    ).replace_schema_metadata({"mine": "å", "org.apache.spark.sql.parquet.row.metadata": "{}"})
    (tmp_path / "in").mkdir()
    parquet.write_table(table, tmp_path / "in" / "a.parquet", row_group_size=3)
    parquet.write_table(table[:0], tmp_path / "in" / "empty.parquet")
    assert tag(tmp_path / "in", tagger) == {}
    written = parquet.ParquetFile(tmp_path / "out" / "a.parquet")
    assert [written.metadata.row_group(n).num_rows for n in range(2)] == [3, 2]
    result = written.read()
    original = parquet.read_table(tmp_path / "in" / "a.parquet")
    assert result.drop_columns("entities").equals(original)
    assert [each.type for each in result.schema][:-1] == [each.type for each in original.schema]
    assert result.schema.metadata == {b"mine": "å".encode()}  # Spark would see its own columns only
    for text, found in zip(TEXTS, result["entities"].to_pylist(), strict=True):
        assert found == (None if text is None else names(text, tagger))
    assert parquet.read_table(tmp_path / "out" / "empty.parquet").schema == result.schema


def test_dates_far_in_the_future_stay_as_they_are(tmp_path: Path, tagger: ShardTagger) -> None:
    pa = pytest.importorskip("pyarrow", reason="needs the extra ray, spark or datasets")
    from pyarrow import parquet

    far = pa.array([253_402_300_799_000_000], pa.timestamp("us"))  # 9999-12-31T23:59:59
    (tmp_path / "in").mkdir()
    table = pa.table({"text": ["Kari sov."], "until": far})
    parquet.write_table(table, tmp_path / "in" / "a.parquet", use_deprecated_int96_timestamps=True)
    assert tag(tmp_path / "in", tagger) == {}
    written = parquet.ParquetFile(tmp_path / "out" / "a.parquet", coerce_int96_timestamp_unit="us")
    assert written.read()["until"].to_pylist() == far.to_pylist()
    assert written.schema.column(1).physical_type == "INT96"


def test_a_table_without_texts_is_reported(tmp_path: Path, tagger: ShardTagger) -> None:
    pa = pytest.importorskip("pyarrow", reason="needs the extra ray, spark or datasets")
    from pyarrow import parquet

    (tmp_path / "in").mkdir()
    tables = {"other": {"body": ["a"]}, "bytes": {"text": [b"a"]}, "taken": {"text": ["a"], "entities": [1]}}
    for name, columns in tables.items():
        parquet.write_table(pa.table(columns), tmp_path / "in" / f"{name}.parquet")
    (tmp_path / "in" / "torn.parquet").write_bytes((tmp_path / "in" / "other.parquet").read_bytes()[:-9])
    faults = tag(tmp_path / "in", tagger)
    assert faults.keys() == {f"{name}.parquet" for name in (*tables, "torn")}
    assert "there are: body" in faults["other.parquet"]
    assert "binary, expected string" in faults["bytes.parquet"]


def test_parquet_without_pyarrow_says_what_to_install(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (source / "a.parquet").touch()
    with pytest.raises(UsageError) as caught:
        plan_job(str(source), str(source.with_name("out")), SETTINGS)
    assert caught.value.hint == 'pip install "bilstm_crf[datasets]"'


@pytest.mark.slow
def test_spark_reads_what_it_wrote_and_the_names(
    tmp_path: Path, tagger: ShardTagger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its timestamps are instants, in a type without a time zone."""
    sql = pytest.importorskip("pyspark.sql", reason="needs the extra spark")
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    builder = sql.SparkSession.builder.master("local[1]")
    spark = builder.config("spark.sql.session.timeZone", "America/New_York").getOrCreate()
    row = (
        "select 'Kari sov.' text, timestamp'9999-12-31 12:00:00' a, date'1500-01-01' b, map('c', 1.5) c, "
        "array(timestamp'2020-01-01 01:02:03.123456') d"
    )
    spark.sql(row).write.parquet(str(tmp_path / "in" / "same"))
    spark.sql(f"{row}, timestamp_ntz'2020-01-01' e").write.parquet(str(tmp_path / "in" / "both"))
    ((name, fault),) = tag(tmp_path / "in", tagger).items()
    assert name.startswith("both/")
    assert "INT96" in fault
    before, after = (spark.read.parquet(str(tmp_path / each / "same")) for each in ("in", "out"))
    assert after.drop("entities").schema == before.schema
    assert after.drop("entities").collect() == before.collect()
    assert [each.text for each in after.collect()[0].entities] == ["Kari"]
    spark.stop()
