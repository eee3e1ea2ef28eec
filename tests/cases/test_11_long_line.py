"""`embeddings train` learns from all of a line, however long, and says what it learned from."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from bilstm_crf.embeddings import train
from bilstm_crf.embeddings.train import Sentences
from bilstm_crf.errors import InputError
from done import Done

SMALL = ["--dim", "4", "--min-count", "2", "--epochs", "1", "--buckets", "100", "--workers", "1"]


def test_a_long_line_teaches_what_the_same_text_in_lines_teaches(
    tmp_path: Path, cli: Callable[..., Done]
) -> None:
    chosen = random.Random(3)
    tokens = [f"ord{chosen.randrange(100)}" for _ in range(30_500)]
    pieces = [" ".join(tokens[start : start + 10_000]) for start in range(0, len(tokens), 10_000)]
    said = {}
    for name, text in {"one": " ".join(pieces), "many": "\n".join(pieces)}.items():
        (tmp_path / f"{name}.txt").write_text(text + "\n")
        done = cli("embeddings", "train", tmp_path / f"{name}.txt", "-o", tmp_path / f"{name}.bin", *SMALL)
        assert done.status == 0
        assert "from 30,500 of 30,500 tokens" in done.err
        said[name] = done.err
    assert (tmp_path / "one.bin").read_bytes() == (tmp_path / "many.bin").read_bytes()
    assert "one.txt, line 1: is longer than 10,000 tokens" in said["one"]
    assert "warning" not in said["many"]


def test_the_count_of_rare_words_is_said(tmp_path: Path, cli: Callable[..., Done]) -> None:
    (tmp_path / "raw.txt").write_text("og og i i i en\n")
    done = cli("embeddings", "train", tmp_path / "raw.txt", "-o", tmp_path / "a.bin", *SMALL)
    assert "2 words" in done.err
    assert "5 of 6 tokens (1 " in done.err


@pytest.mark.parametrize("size", [1, 9, 64])
def test_pieces_hold_every_token_once_and_in_order(
    size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "MAX_SENTENCE", 7)
    monkeypatch.setattr(train, "MAX_TOKEN", size + 40)
    chosen = random.Random(size)
    lines = [
        "".join(
            chosen.choice(["æøå", "a", "10\u00a0000", "😀"]) + chosen.choice([" ", "\t", "  "])
            for _ in range(count)
        )
        for count in (0, 1, 6, 7, 8, 14, 15, 300)
    ]
    (tmp_path / "raw.txt").write_text("\ufeff" + "\r\n".join(lines), "utf-8", newline="")
    sentences = Sentences(tmp_path / "raw.txt")
    for _ in range(2):  # as often as it is read
        found = list(sentences)
        tokens = " ".join(lines).replace("\t", " ").split(" ")  # a no-break space stays
        assert [token for piece in found for token in piece] == [token for token in tokens if token]
        assert max(map(len, found)) <= 7
        assert (sentences.cut, sentences.first_cut) == (4, 5)


def test_a_token_without_end_is_an_error_after_a_bounded_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "MAX_TOKEN", 100)
    (tmp_path / "raw.txt").write_text("og\ni " + "a" * 1000)
    with pytest.raises(InputError, match=r"line 2: a token of more than 100 bytes"):
        list(Sentences(tmp_path / "raw.txt"))


def test_a_pipe_is_refused_as_the_text(tmp_path: Path, cli: Callable[..., Done]) -> None:
    os.mkfifo(tmp_path / "pipe")
    done = cli("embeddings", "train", tmp_path / "pipe", "-o", tmp_path / "a.bin", *SMALL)
    assert done.status == 2
    assert "a pipe" in done.err
