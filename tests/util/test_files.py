"""Outputs that are complete or absent, inputs that say what is wrong with them."""

import gzip
import hashlib
import io
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from bilstm_crf.errors import InputError, UsageError
from bilstm_crf.util.files import open_input, sha256_of, sha256_of_all, write_json, write_whole

CONTENT = "Blåbær\r\nog fløyte\0".encode() * 5_000


class StopError(Exception):
    pass


# ---------------------------------------------------------------- writing


@pytest.mark.parametrize("name", ["out.conllu", "out.conllu.gz", "å" * 100, ".hidden", "a.GZ", "with space"])
def test_what_is_written_can_be_read_again(tmp_path: Path, name: str) -> None:
    with write_whole(tmp_path / name) as stream:
        stream.write(CONTENT[:7])
        stream.write(CONTENT[7:])
    assert os.listdir(tmp_path) == [name]
    with open_input(tmp_path / name) as stream:
        assert stream.read() == CONTENT


@pytest.mark.parametrize("name", ["out.conllu", "out.conllu.gz"])
@pytest.mark.parametrize("error", [StopError, KeyboardInterrupt, SystemExit, GeneratorExit])
@pytest.mark.parametrize("before", [None, b"what was there before"])
def test_a_block_that_raises_leaves_everything_as_it_was(
    tmp_path: Path, name: str, error: type[BaseException], before: bytes | None
) -> None:
    if before is not None:
        (tmp_path / name).write_bytes(before)
    with pytest.raises(error), write_whole(tmp_path / name) as stream:  # noqa: PT012 (what the block does)
        stream.write(CONTENT)
        raise error
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == ({name: before} if before else {})


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.write_bytes(b"old")
    with write_whole(target) as stream:
        stream.write(b"new")
        stream.flush()
        assert target.read_bytes() == b"old"
    assert target.read_bytes() == b"new"


def test_a_killed_program_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.write_bytes(b"old")
    program = (
        "import os, sys; from bilstm_crf.util.files import write_whole\n"
        "with write_whole(sys.argv[1]) as stream:\n"
        "    stream.write(b'new'); stream.flush(); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", program, target], check=False).returncode == -9
    assert target.read_bytes() == b"old"


@pytest.mark.parametrize("links", [True, False], ids=["hard links", "no hard links"])
@pytest.mark.parametrize("other", [b"by another process", None])
def test_without_replace_the_first_to_finish_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool, other: bytes | None
) -> None:
    if not links:

        def refuse(*_: object) -> None:
            raise PermissionError

        monkeypatch.setattr(os, "link", refuse)
    with write_whole(tmp_path / "out", replace=False) as stream:
        stream.write(b"ours")
        if other is not None:
            (tmp_path / "out").write_bytes(other)
    assert (tmp_path / "out").read_bytes() == (other or b"ours")
    assert os.listdir(tmp_path) == ["out"]


def test_equal_contents_are_equal_gzip_files(tmp_path: Path) -> None:
    """Neither the time nor the file's own name is in them."""
    for name in ("a.gz", "b.gz"):
        with write_whole(tmp_path / name) as stream:
            stream.write(CONTENT)
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()
    assert (tmp_path / "a.gz").read_bytes()[4:8] == bytes(4)  # the time, in RFC 1952
    assert gzip.decompress((tmp_path / "a.gz").read_bytes()) == CONTENT
    assert len((tmp_path / "a.gz").read_bytes()) < len(CONTENT) / 10


def test_a_new_file_has_the_mode_of_any_new_file(tmp_path: Path) -> None:
    with write_whole(tmp_path / "out"):
        pass
    (tmp_path / "plain").touch()
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("out", "plain")}
    assert len(modes) == 1


def test_a_relative_name_is_of_the_folder_one_is_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with write_whole("out") as stream:
        stream.write(b"a")
    assert (tmp_path / "out").read_bytes() == b"a"


def test_a_link_stays_a_link_to_the_new_content(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    with write_whole(tmp_path / "link") as stream:
        stream.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_a_device_is_written_to_and_never_replaced() -> None:
    """`-o /dev/null`, which as root would otherwise turn it into a file."""
    before = os.stat(os.devnull)
    assert stat.S_ISCHR(before.st_mode)
    with write_whole(os.devnull) as stream:
        stream.write(CONTENT)
    assert os.stat(os.devnull).st_ino == before.st_ino


def test_a_pipe_gets_what_is_written() -> None:
    """As from the shell: `-o >(gzip > out.gz)`, `-o /dev/stdout | …`."""
    reading, writing = os.pipe()
    with write_whole(f"/dev/fd/{writing}") as stream:
        stream.write(b"hei")
    os.close(writing)
    with open(reading, "rb") as stream:
        assert stream.read() == b"hei"


@pytest.mark.parametrize("name", ["absent/out", "file/out"])
def test_where_no_file_can_be_made_the_user_is_told_before_the_work(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=f"{name} cannot be written: "), write_whole(tmp_path / name):
        pytest.fail("the work was begun")


def test_a_folder_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match="folder is a folder, expected"), write_whole(tmp_path / "folder"):
        pytest.fail("the work was begun")
    assert os.listdir(tmp_path) == ["folder"]


def test_json_is_for_people_too(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"namn": "Åse", "n": [1, 0.5]})
    text = (tmp_path / "a.json").read_text("utf-8")
    assert json.loads(text) == {"namn": "Åse", "n": [1, 0.5]}
    assert '"Åse"' in text
    assert text.endswith("}\n")


def test_a_file_name_that_is_no_utf_8_comes_back_from_json(tmp_path: Path) -> None:
    """Linux allows any bytes in one; Python says them as halves of surrogate pairs."""
    name = os.fsdecode(b"a\xff.conllu")
    write_json(tmp_path / "a.json", {"path": name})
    assert json.loads((tmp_path / "a.json").read_text("utf-8")) == {"path": name}


def test_what_json_cannot_hold_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"a": object()})
    assert not os.listdir(tmp_path)


# ---------------------------------------------------------------- reading


def read(path: str | Path) -> bytes:
    with open_input(path) as stream:
        return stream.read()


def test_gzip_is_unpacked_by_its_name_alone(tmp_path: Path) -> None:
    packed = gzip.compress(CONTENT)
    (tmp_path / "a.gz").write_bytes(packed)
    (tmp_path / "a").write_bytes(packed)
    (tmp_path / "two.gz").write_bytes(packed + packed)  # as `cat a.gz b.gz` makes it
    assert read(tmp_path / "a.gz") == CONTENT
    assert read(tmp_path / "a") == packed
    assert read(tmp_path / "two.gz") == CONTENT + CONTENT


@pytest.mark.parametrize(
    "damaged",
    [
        b"not gzip at all",
        gzip.compress(CONTENT)[:-9],
        gzip.compress(CONTENT)[:5],
        gzip.compress(CONTENT)[:20] + b"\xff" * 20 + gzip.compress(CONTENT)[40:],
        gzip.compress(CONTENT)[:-8] + bytes(8),  # a wrong checksum
        gzip.compress(CONTENT) + b"and more",
    ],
    ids=["foreign", "cut", "cut in its header", "changed", "checksum", "trailing"],
)
def test_a_damaged_gzip_file_is_an_input_error(tmp_path: Path, damaged: bytes) -> None:
    path = tmp_path / "a.conllu.gz"
    path.write_bytes(damaged)
    with pytest.raises(InputError, match=r"a\.conllu\.gz: not a whole gzip file"):
        read(path)


def test_what_is_not_there_is_an_input_error(tmp_path: Path) -> None:
    for path in (tmp_path / "absent", tmp_path / "absent" / "a.gz"):
        with pytest.raises(InputError, match=r"cannot be read: No such file"):
            read(path)


@pytest.mark.parametrize("name", ["folder", "folder.gz"])
def test_a_folder_is_an_input_error(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(InputError, match=rf"{name}: cannot be read: Is a directory"):
        read(tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "a").touch(mode=0)
    with pytest.raises(InputError, match="cannot be read: Permission denied"):
        read(tmp_path / "a")


def test_a_hyphen_is_standard_input_and_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(b"\xff\n"))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert read("-") == b"\xff\n"
    assert not stdin.closed


def test_a_file_is_closed_also_where_its_reader_fails(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    with pytest.raises(StopError), open_input(tmp_path / "a") as stream:
        raise StopError
    assert stream.closed


# ---------------------------------------------------------------- hashes


def test_hashes_are_of_the_bytes_and_for_data_of_what_is_in_a_gzip_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(CONTENT)
    (tmp_path / "b.gz").write_bytes(gzip.compress(b"b"))
    assert sha256_of(tmp_path / "a") == hashlib.sha256(CONTENT).hexdigest()
    assert sha256_of_all([tmp_path / "a", tmp_path / "b.gz"]) == hashlib.sha256(CONTENT + b"b").hexdigest()
    assert sha256_of_all([]) == hashlib.sha256().hexdigest()
