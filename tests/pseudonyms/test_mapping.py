"""The mapping: private from the moment it exists, read back as it was written, refused if it is unsafe."""

from __future__ import annotations

import csv
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bilstm_crf.errors import InputError, UsageError
from bilstm_crf.pseudonyms.mapping import (
    FileRecord,
    Identity,
    Mapping,
    Occurrence,
    read_mapping,
    write_mapping,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)


@given(st.lists(st.tuples(TEXT, TEXT, st.integers(0, 10**9)), max_size=5))
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, int]]
) -> None:
    path = str(tmp_path_factory.mktemp("mapping") / "secret.csv")
    mapping = Mapping.new("number")
    identity = mapping.add_identity("PER")
    occurrences = [Occurrence(identity.id, old, new, at) for old, new, at in rows]
    identity.names.update({old: new for old, new, _ in rows})
    mapping.add_file(FileRecord("a b.txt", "ut\udcff.txt", "0" * 64, "1" * 64, "cp1252", tuple(occurrences)))
    write_mapping(mapping, path)
    found = read_mapping(path)
    assert found is not None
    expected = {identity.id: identity} if rows else {}
    assert (found.style, found.secret, found.files) == (mapping.style, mapping.secret, mapping.files)
    assert found.identities == expected or found.identities == {identity.id: Identity(identity.id)}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_it_is_private_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "secret.csv"
    before = os.umask(0)
    try:
        write_mapping(Mapping.new("name"), str(path))
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    mapping = read_mapping(str(path))
    assert mapping is not None
    write_mapping(mapping, str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644])
def test_one_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "secret.csv"
    write_mapping(Mapping.new("name"), str(path))
    path.chmod(mode)
    with pytest.raises(UsageError, match="read by others") as refused:
        read_mapping(str(path))
    assert "chmod 600" in (refused.value.hint or "")


def test_one_that_another_run_changed_is_not_overwritten(tmp_path: Path) -> None:
    path = str(tmp_path / "secret.csv")
    mine, other = Mapping.new("name"), Mapping.new("name")
    write_mapping(other, path)
    with pytest.raises(UsageError, match="changed by another process"):
        write_mapping(mine, path)
    kept = read_mapping(path)
    assert kept is not None
    assert kept.secret == other.secret


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"name,pseudonym\nKari,Anne\n",
        b"record,id,original,pseudonym,file,place\n",
        b"record;id;original;pseudonym;file;place\n",
        b"record,id,original,pseudonym,file,place\nformat,,name,2,,\n",
        b"record,id,original,pseudonym,file,place\nformat,,name,1,,\nsecret,,ab,,,\noccurrence,PER-1,a,b,f,0\n",
        b"record,id,original,pseudonym,file,place\nformat,,name,1,,\nsecret,,ab,,,\nname,PER-1\n",
        b'record,id,original,pseudonym,file,place\nformat,,name,1,,\nsecret,,ab,,,\nname,PER-1,"a',
        b"\x1f\x8b\x08\x00",
    ],
)
def test_a_damaged_one_is_an_error_with_the_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "secret.csv"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(InputError) as wrong:
        read_mapping(str(path))
    assert wrong.value.path == str(path)


def test_none_is_none(tmp_path: Path) -> None:
    assert read_mapping(str(tmp_path / "none.csv")) is None
    with pytest.raises(UsageError, match="expected a file"):
        read_mapping(str(tmp_path))


def test_reading_a_mapping_leaves_other_tables_alone(tmp_path: Path) -> None:
    """csv's limit on a field is one for the whole process."""
    path = tmp_path / "secret.csv"
    path.touch(0o600)
    with pytest.raises(InputError):
        read_mapping(str(path))
    assert csv.field_size_limit() >= 131_072
