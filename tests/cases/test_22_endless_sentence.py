"""CoNLL-U without an empty line: refused beyond a bound, and every line is read once below it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from bilstm_crf.errors import InputError
from bilstm_crf.formats import blocks
from done import Done

CONTENTS = {
    "one sentence": b"1\tord\n" * 5_000,
    "one line": b"newdoc " * 5_000,
    "one document": b"# newdoc\n" + b"1\tnewdoc\n\n" * 3_000,
    "comments that are none": b"# newdoc x\n\n" * 3_000,
    "documents": b"# newdoc\n1\tord\n\n" * 2_000,
    "sentences": b"1\tord\n\n" * 5_000,
}


class Counted(io.BytesIO):
    lines = 0

    def readline(self, size: int | None = -1) -> bytes:
        self.lines += 1
        return super().readline(size)


@pytest.mark.parametrize("documents", [False, True])
@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_each_line_is_read_once_and_comes_back(content: bytes, documents: bool) -> None:
    stream = Counted(content)
    found = list(blocks.chunks(stream, 1_000, whole_documents=documents))
    assert b"".join(chunk.content for chunk in found) == content
    assert stream.lines <= content.count(b"\n") + 2


@pytest.mark.parametrize("content", [b"1\tord\n" * 5_000, b"1\tord" * 5_000], ids=["lines", "one line"])
def test_a_block_beyond_the_bound_is_an_error(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "MAX_BLOCK_BYTES", 20_000)
    (below,) = blocks.chunks(io.BytesIO(content[:18_000]), 1_000)
    assert below.content == content[:18_000]
    with pytest.raises(InputError, match="x, line 1: no empty line"):
        list(blocks.chunks(io.BytesIO(content), 1_000, path="x"))


def test_tag_names_the_line_and_writes_nothing(
    cli: Callable[..., Done], tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(blocks, "MAX_BLOCK_BYTES", 20_000)
    rest = "\t_" * 8 + "\n"
    rows = "".join(f"{n}\tord{rest}" for n in range(1, 2_000))
    Path("in.conllu").write_text(f"# first\n1\tKari{rest}\n{rows}", "utf-8")
    done = cli("tag", "--model", tiny_model, "in.conllu", "-o", "out.conllu")
    assert done.status == 2
    assert done.err.startswith("error: in.conllu, line 4: no empty line")
    assert not Path("out.conllu").exists()
