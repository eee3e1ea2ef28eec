"""CoNLL-U without an empty line: refused beyond a bound, and never looked at twice below it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from bilstm_crf.errors import InputError
from bilstm_crf.inference import chunks as pieces
from bilstm_crf.inference.chunks import pieces_of
from done import Done


class Counting(bytearray):
    """Counts the bytes that its searches look at."""

    seen = 0

    def rfind(self, part: object, start: object = 0, end: object = None) -> int:  # type: ignore[override]
        begin, stop = int(start), len(self) if end is None else int(end)  # type: ignore[call-overload]
        found = super().rfind(part, begin, stop)  # type: ignore[arg-type]
        Counting.seen += stop - (begin if found < 0 else found)
        return found

    def count(self, part: object, start: object = 0, end: object = None) -> int:  # type: ignore[override]
        begin, stop = int(start), len(self) if end is None else int(end)  # type: ignore[call-overload]
        Counting.seen += stop - begin
        return super().count(part, begin, stop)  # type: ignore[arg-type]


BLOCKS = {
    "one sentence": lambda size: b"1\tord\n" * (size // 6),
    "one line": lambda size: b"newdoc " * (size // 7),
    "one document": lambda size: b"# newdoc\n" + b"1\tnewdoc\n\n" * (size // 10),
    "comments that are none": lambda size: b"# newdoc x\n\n" * (size // 12),
    "documents": lambda size: b"# newdoc\n1\tord\n\n" * (size // 16),
    "sentences": lambda size: b"1\tord\n\n" * (size // 7),
}


@pytest.mark.parametrize("documents", [False, True])
@pytest.mark.parametrize("make", BLOCKS.values(), ids=BLOCKS)
def test_the_bytes_looked_at_grow_with_the_file(
    make: Callable[[int], bytes], documents: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "PIECE", 1_000)
    monkeypatch.setattr(pieces, "bytearray", Counting, raising=False)
    for size in (10_000, 40_000, 160_000):
        content, Counting.seen = make(size), 0
        found = list(pieces_of(io.BytesIO(content), whole_documents=documents))
        assert b"".join(piece.content for piece in found) == content
        assert Counting.seen < 8 * size


def test_beyond_the_bound_it_is_an_error_with_its_place(
    cli: Callable[..., Done], tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pieces, "PIECE", 1_000)
    monkeypatch.setattr(pieces, "MAX_SENTENCE", 20_000)
    rest = "\t_" * 8 + "\n"
    rows = "".join(f"{n}\tord{rest}" for n in range(1, 2_000))
    Path("in.conllu").write_text(f"# first\n1\tKari{rest}\n{rows}", "utf-8")
    done = cli("tag", "--model", tiny_model, "in.conllu", "-o", "out.conllu")
    assert done.status == 2
    assert done.err.startswith("error: in.conllu, line 4: no empty line")
    assert not Path("out.conllu").exists()


def test_a_long_sentence_below_the_bound_is_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "PIECE", 1_000)
    monkeypatch.setattr(pieces, "MAX_SENTENCE", 20_000)
    content = b"1\tord\n" * 3_000
    assert [piece.content for piece in pieces_of(io.BytesIO(content))] == [content]
    with pytest.raises(InputError, match="no empty line"):
        list(pieces_of(io.BytesIO(content * 2)))
