"""The converted form is made once, follows its file, and is never half there."""

from __future__ import annotations

import errno
import gzip
import json
import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bilstm_crf.embeddings import cache, read
from bilstm_crf.embeddings.read import load_file
from bilstm_crf.embeddings.vectors import WordVectors
from bilstm_crf.errors import BilstmCrfError
from done import Done
from vector_files import WORDS, binary, table, write

pytestmark = pytest.mark.usefixtures("listener")

ENCODED = [word.encode() for word in WORDS]


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this test's converted vectors are kept."""
    monkeypatch.setenv("BILSTM_CRF_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "vectors"


def contents(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


def refuse(*_: object) -> None:
    raise AssertionError("converted again")


def test_the_second_load_converts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.bin", binary(ENCODED, table(6, 4)))
    first = load_file(path)
    monkeypatch.setattr(read, "convert", refuse)
    second = load_file(path)
    assert (second.words, second.source) == (first.words, first.source)
    np.testing.assert_array_equal(second.matrix, first.matrix)


def test_a_changed_file_is_converted_anew_and_the_old_form_goes(tmp_path: Path, kept: Path) -> None:
    path = write(tmp_path / "a.bin", binary(ENCODED, table(6, 4)))
    load_file(path)
    write(path, binary(ENCODED, table(6, 4, seed=1)))
    os.utime(path, ns=(1, 1))  # the size is the same
    np.testing.assert_array_equal(load_file(path).matrix, table(6, 4, seed=1))
    assert len(contents(kept)) == 1


DAMAGE = {
    "cut off": lambda content: content[:-5],
    "empty": lambda content: b"",
    "other bytes": lambda content: b"\xff" * len(content),
    "nested": lambda content: b"[" * max(len(content), 100_000),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
@pytest.mark.parametrize("damaged", ["vectors.f4", "words.txt", "source.json"])
def test_a_damaged_form_is_made_anew(
    damaged: str, damage: Callable[[bytes], bytes], tmp_path: Path, kept: Path
) -> None:
    path = write(tmp_path / "a.bin", binary(ENCODED, table(6, 4)))
    load_file(path)
    (folder,) = (kept / name for name in contents(kept))
    (folder / damaged).write_bytes(damage((folder / damaged).read_bytes()))
    np.testing.assert_array_equal(load_file(path).matrix, table(6, 4))


@pytest.mark.parametrize(
    "about",
    [
        b"null",
        b"[]",
        b'{"sizes": 3}',
        b'{"sizes": {}, "source": {"dim": 4}}',
        b'{"sizes": {"../a.bin": "x"}}',
    ],
)
def test_a_source_of_another_shape_is_made_anew(about: bytes, tmp_path: Path, kept: Path) -> None:
    path = write(tmp_path / "a.bin", binary(ENCODED, table(6, 4)))
    load_file(path)
    (folder,) = (kept / name for name in contents(kept))
    (folder / "source.json").write_bytes(about)
    assert list(load_file(path).words) == WORDS


def test_nothing_is_written_beside_the_file_and_the_place_is_said_once(
    tmp_path: Path, kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "user").mkdir()
    path = write(tmp_path / "user" / "a.bin", binary(ENCODED, table(6, 4)))
    load_file(path)
    assert [each.name for each in (tmp_path / "user").iterdir()] == ["a.bin"]
    said = capsys.readouterr()
    assert str(kept) in said.err
    assert said.out == ""
    load_file(path)
    assert capsys.readouterr().err == ""


def test_files_of_one_name_in_two_folders_have_forms_of_their_own(tmp_path: Path, kept: Path) -> None:
    for seed, folder in enumerate(["a", "b"]):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder / "x.bin", binary(ENCODED, table(6, 4, seed=seed)))
    for _ in range(2):
        for seed, folder in enumerate(["a", "b"]):
            vectors = load_file(tmp_path / folder / "x.bin")
            np.testing.assert_array_equal(vectors.matrix, table(6, 4, seed=seed))
    assert len(contents(kept)) == 2


def test_a_file_and_a_link_to_it_share_one_form(tmp_path: Path, kept: Path) -> None:
    path = write(tmp_path / "a.bin", binary(ENCODED, table(6, 4)))
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "a.bin").symlink_to(path)
    load_file(path)
    load_file(tmp_path / "b" / "a.bin")
    assert len(contents(kept)) == 1


def test_a_change_in_a_table_of_gensims_own_format_is_noticed(tmp_path: Path) -> None:
    from gensim.models import KeyedVectors

    for seed in range(2):
        saved = KeyedVectors(4, dtype=np.float32)
        saved.add_vectors(WORDS, table(6, 4, seed=seed))
        saved.save(str(tmp_path / "a.kv"), separately=["vectors"])
        os.utime(tmp_path / "a.kv", ns=(1, 1))
        np.testing.assert_array_equal(load_file(tmp_path / "a.kv").matrix, table(6, 4, seed=seed))


@pytest.mark.parametrize("name", ["a" * 240 + ".bin", "æ" * 120, "\udcff.bin", "a [b]*?.bin", "a\nb"])
def test_any_file_name_will_do(name: str, tmp_path: Path, kept: Path) -> None:
    path = write(tmp_path / name, binary(ENCODED, table(6, 4)))
    for _ in range(2):
        assert list(load_file(path).words) == WORDS
    assert len(list(cache.entries())) == 1
    assert cache.clear() > 0
    assert contents(kept) == []


def test_where_the_cache_cannot_be_written_to_the_temporary_folder_takes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.bin", binary(ENCODED, table(6, 4)))
    (tmp_path / "cache").write_text("a file: no folder can be made here, not even by root")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    np.testing.assert_array_equal(load_file(path).matrix, table(6, 4))
    (private,) = (tmp_path / "temporary").iterdir()
    assert private.stat().st_mode & 0o077 == 0
    monkeypatch.setattr(read, "convert", refuse)
    load_file(path)


def test_a_temporary_folder_that_others_can_write_to_is_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.bin", binary(ENCODED, table(6, 4)))
    (tmp_path / "cache").write_text("")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary" / f"bilstm_crf-{os.getuid()}").mkdir(parents=True)
    (tmp_path / "temporary" / f"bilstm_crf-{os.getuid()}").chmod(0o777)
    with pytest.raises(BilstmCrfError, match="can be kept neither in") as caught:
        load_file(path)
    assert "$BILSTM_CRF_CACHE" in str(caught.value.hint)


def test_a_full_disk_is_one_error_and_leaves_nothing(tmp_path: Path, kept: Path) -> None:
    path = write(tmp_path / "a.bin", binary(ENCODED, table(6, 4)))

    def full(folder: Path) -> WordVectors:
        (folder / "vectors.f4").write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(BilstmCrfError, match="the disk is full") as caught:
        cache.open_or_make(path, full)
    assert str(kept) in str(caught.value)
    assert contents(kept) == []


def test_the_command_lists_and_clears(tmp_path: Path, cli: Callable[..., Done], kept: Path) -> None:
    assert cli("embeddings", "cache").status == 0
    first = write(tmp_path / "a.bin", binary(ENCODED, table(6, 4)))
    second = write(tmp_path / "b.bin", binary(ENCODED, table(6, 40)))
    load_file(first)
    load_file(second)
    listed = cli("embeddings", "cache")
    assert {line.split()[-1] for line in listed.out.decode().splitlines()} == {str(first), str(second)}
    assert str(kept) in listed.err
    rows = json.loads(cli("embeddings", "cache", "--json").out)
    assert {row["path"] for row in rows} == {str(first), str(second)}
    sizes = [sum(file.stat().st_size for file in (kept / name).iterdir()) for name in contents(kept)]
    assert sorted(row["bytes"] for row in rows) == sorted(sizes)
    write(kept / "notes.txt", b"not ours")
    assert cli("embeddings", "cache", "--clear").status == 0
    assert contents(kept) == ["notes.txt"]
    assert first.exists()
    assert list(load_file(first).words) == WORDS


def test_what_a_killed_conversion_left_is_cleared(tmp_path: Path, kept: Path) -> None:
    path = write(tmp_path / "a.bin", binary(ENCODED, table(6, 4)))
    load_file(path)
    (name,) = contents(kept)
    (kept / f".{name.rsplit('.', 1)[0]}.tmp-abc").mkdir()
    cache.clear()
    assert contents(kept) == []


@pytest.mark.parametrize("packed", [False, True])
def test_info_converts_nothing_and_says_the_same(
    packed: bool, tmp_path: Path, cli: Callable[..., Done], kept: Path
) -> None:
    content = binary(ENCODED, table(6, 4))
    path = write(tmp_path / "a.bin", gzip.compress(content) if packed else content)
    before = cli("embeddings", "info", path)
    assert before.status == 0
    assert not kept.exists()
    load_file(path)
    assert cli("embeddings", "info", path).out == before.out


def _load(path: Path) -> None:
    assert list(load_file(path).words) == WORDS


def test_two_processes_at_once_both_get_it_and_one_form_stays(tmp_path: Path, kept: Path) -> None:
    path = write(tmp_path / "a.bin", binary(ENCODED, table(6, 4)))
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_load, args=(path,)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    assert len(contents(kept)) == 1


def _stop_in_the_middle(folder: Path) -> None:
    (folder / "vectors.f4").write_bytes(b"half")
    time.sleep(60)


def test_a_killed_conversion_leaves_nothing_that_is_taken_for_whole(tmp_path: Path, kept: Path) -> None:
    path = write(tmp_path / "a.bin", binary(ENCODED, table(6, 4)))
    process = multiprocessing.get_context("fork").Process(
        target=cache.open_or_make, args=(path, _stop_in_the_middle)
    )
    process.start()
    while not list(kept.glob(".a.bin.*.tmp-*/vectors.f4")):
        time.sleep(0.01)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    np.testing.assert_array_equal(load_file(path).matrix, table(6, 4))
    (left,) = contents(kept)
    assert left.startswith("a.bin.")
