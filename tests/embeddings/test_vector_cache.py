"""The converted form is made once, follows its file, and is never half there."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from bilstm_crf.embeddings import cache, convert
from bilstm_crf.embeddings.read import load_file
from vector_files import WORDS, binary, table, write

ENCODED = [word.encode() for word in WORDS]


def contents(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


def refuse(*_: object) -> None:
    raise AssertionError("converted again")


def test_the_second_load_converts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.bin", binary(ENCODED, table(6, 4)))
    first = load_file(path)
    monkeypatch.setattr(convert, "convert", refuse)
    second = load_file(path)
    assert (second.words, second.source) == (first.words, first.source)
    np.testing.assert_array_equal(second.matrix, first.matrix)


def test_a_changed_file_is_converted_anew_and_the_old_form_goes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.bin", binary(ENCODED, table(6, 4)))
    load_file(path)
    write(path, binary(ENCODED, table(6, 4, seed=1)))
    os.utime(path, ns=(1, 1))  # the size is the same
    np.testing.assert_array_equal(load_file(path).matrix, table(6, 4, seed=1))
    assert len(contents(tmp_path / ".cache")) == 1


@pytest.mark.parametrize("damaged", ["vectors.npy", "words.txt", "source.json"])
def test_a_damaged_form_is_made_anew(damaged: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.bin", binary(ENCODED, table(6, 4)))
    load_file(path)
    (folder,) = (tmp_path / ".cache" / name for name in contents(tmp_path / ".cache"))
    (folder / damaged).write_bytes((folder / damaged).read_bytes()[:-5])
    np.testing.assert_array_equal(load_file(path).matrix, table(6, 4))


def test_where_the_place_cannot_be_written_to_the_users_cache_takes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "read-only").mkdir()
    path = write(tmp_path / "read-only" / "a.bin", binary(ENCODED, table(6, 4)))
    (tmp_path / "read-only" / ".cache").write_text("a file: no folder can be made here, not even by root")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    np.testing.assert_array_equal(load_file(path).matrix, table(6, 4))
    assert len(list((tmp_path / "cache" / "bilstm_crf").glob("*/a.bin.*"))) == 1
    monkeypatch.setattr(convert, "convert", refuse)
    load_file(path)


def _load(path: Path) -> None:
    assert list(load_file(path).words) == WORDS


def test_two_processes_at_once_both_get_it_and_one_form_stays(tmp_path: Path) -> None:
    path = write(tmp_path / "a.bin", binary(ENCODED, table(6, 4)))
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_load, args=(path,)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    assert len(contents(tmp_path / ".cache")) == 1


def _stop_in_the_middle(folder: Path) -> None:
    (folder / "vectors.npy").write_bytes(b"half")
    time.sleep(60)


def test_a_killed_conversion_leaves_nothing_that_is_taken_for_whole(tmp_path: Path) -> None:
    path = write(tmp_path / "a.bin", binary(ENCODED, table(6, 4)))
    process = multiprocessing.get_context("fork").Process(
        target=cache.open_or_make, args=(path, _stop_in_the_middle)
    )
    process.start()
    while not list(tmp_path.glob(".cache/.a.bin.tmp-*/vectors.npy")):
        time.sleep(0.01)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    np.testing.assert_array_equal(load_file(path).matrix, table(6, 4))
    (left,) = contents(tmp_path / ".cache")
    assert left.startswith("a.bin.")


def test_a_table_written_in_blocks_is_the_table_numpy_writes(tmp_path: Path) -> None:
    rows = table(12_345, 3)
    writer = cache.TableWriter(tmp_path / "a.npy", 3)
    for start in range(0, len(rows), 1000):
        writer.write(rows[start : start + 1000])
    writer.close()
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), rows)
