"""JSON and TOML files that are damaged or hostile: one error, with the file and, where known, the line."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bilstm_crf.errors import InputError, ModelFolderError
from bilstm_crf.util.files import MAX_DEPTH, parse_json, read_json, read_toml
from done import Done
from runs import DEV, TRAIN

Cli = Callable[..., Done]

JSON: dict[str, tuple[bytes, int | None, str]] = {
    "empty": (b"", 1, "Expecting value"),
    "cut off": (b'{"a": 1,\n "b": [1,', 2, "Expecting value"),
    "no UTF-8": (b'{"a": "\xe5"}', None, "0xE5 at offset 7"),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), None, "0xFF at offset 0"),
    "deep list": (b"[" * 100_000, None, "levels deep"),
    "deep list, whole": (b"[" * 500 + b"]" * 500, None, "levels deep"),
    "deep object": (b'{"a":' * 300 + b"1" + b"}" * 300, None, "levels deep"),
    "long number": (b'{"a": ' + b"9" * 5000 + b"}", None, "digits"),
}
TOML: dict[str, tuple[bytes, int | None, str]] = {
    "cut off": (b"[types]\nPER = ", 2, "Invalid value"),
    "twice": (b"a = 1\nb = 2\na = 3\n", 3, "Cannot overwrite"),
    "no UTF-8": (b"a = '\xe5'", None, "0xE5 at offset 5"),
    "NUL": (b"\0", 1, "Invalid statement"),
    "deep list": (b"a = " + b"[" * 5000 + b"]" * 5000, None, "levels deep"),
    "deep list within Python's limit": (b"a = " + b"[" * 150 + b"]" * 150, None, "levels deep"),
    "deep table": (b"a = " + b"{a=" * 5000 + b"1" + b"}" * 5000, None, "levels deep"),
    "dotted key": (b"a" + b".a" * 5000 + b" = 1", None, "levels deep"),
    "dotted header": (b"[a" + b".a" * 5000 + b"]", None, "levels deep"),
    "long number": (b"a = " + b"9" * 5000, None, "digits"),
}


@pytest.mark.parametrize(("content", "line", "word"), JSON.values(), ids=JSON)
def test_bad_json_is_an_error_with_its_place(
    content: bytes, line: int | None, word: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(ModelFolderError, match=word) as caught:
        read_json(path, error=ModelFolderError, hint="copy it again")
    assert (caught.value.path, caught.value.line, caught.value.hint) == (path, line, "copy it again")
    assert len(str(caught.value)) < 100 + len(str(path))


@pytest.mark.parametrize(("content", "line", "word"), TOML.values(), ids=TOML)
def test_bad_toml_is_an_error_with_its_place(
    content: bytes, line: int | None, word: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=word) as caught:
        read_toml(path)
    assert (caught.value.path, caught.value.line) == (path, line)
    assert len(str(caught.value)) < 100 + len(str(path))


@pytest.mark.parametrize("read", [read_json, read_toml])
def test_what_is_no_file_is_an_error_and_is_not_waited_for(
    read: Callable[[Any], Any], tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    for name in ("pipe", "loop", "absent", ".", "absent/a", "a\0b"):
        with pytest.raises(InputError, match="cannot be read"):
            read(tmp_path / name)
    with pytest.raises(InputError, match="a device"):
        read("/dev/zero")


def test_a_pipe_that_the_shell_made_is_read() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"a = 1\n")
    os.close(writing)
    assert read_toml(f"/dev/fd/{reading}") == {"a": 1}
    os.close(reading)


values: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(values)
def test_good_json_is_what_json_says(value: Any) -> None:
    assert parse_json(json.dumps(value), path="a.json") == value


@pytest.mark.parametrize("depth", [MAX_DEPTH - 1, MAX_DEPTH])
def test_as_deep_as_allowed_is_read(depth: int) -> None:
    assert parse_json("[" * depth + "]" * depth, path="a") is not None
    with pytest.raises(InputError, match="levels deep"):
        parse_json("[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2), path="a")


DEEP_TOML = "[types]\nPER='PER'\na = " + "[" * 2000 + "]" * 2000
DEEP_JSON = "[" * 20_000


@pytest.mark.parametrize(
    ("name", "content", "arguments"),
    [
        ("deep.toml", DEEP_TOML, ["train", "--train", TRAIN, "--dev", DEV, "--labels", "deep.toml"]),
        ("deep.toml", DEEP_TOML, ["train", "--train", TRAIN, "--dev", DEV, "--train-labels", "deep.toml"]),
        ("deep.toml", DEEP_TOML, ["train", "--config", "deep.toml"]),
        ("deep.toml", DEEP_TOML, ["tag", "--config", "deep.toml", "--model", "m", TRAIN]),
        ("deep.toml", DEEP_TOML, ["evaluate", "--gold", DEV, "--predicted", DEV, "--labels", "deep.toml"]),
        ("deep.toml", DEEP_TOML, ["experiment", "deep.toml", "--dry-run"]),
        ("deep.json", DEEP_JSON, ["train", "--config", "deep.json"]),
        ("config.json", DEEP_JSON, ["train", "--resume", "."]),
        ("config.json", DEEP_JSON, ["report", "."]),
        (
            "config.json",
            '{"config": {"train": ["a"], "dev": ["b"], "seed": "x"}}',
            ["train", "--resume", "."],
        ),
        ("model.json", DEEP_JSON, ["tag", "--model", ".", TRAIN]),
    ],
)
def test_every_command_names_the_file_in_one_line(
    name: str, content: str, arguments: list[str], cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text(content, "utf-8")
    done = cli(*arguments)
    assert done.status == 2
    assert name in done.err.splitlines()[-1] or name in done.err.splitlines()[0]
    assert "Traceback" not in done.err
    assert len(done.err.splitlines()) <= 2
