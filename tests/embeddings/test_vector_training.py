"""Vectors made from raw text: reproducible, and readable by everything else here."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from gensim.models import FastText

from bilstm_crf.commands.main import run
from bilstm_crf.embeddings.read import load_file
from bilstm_crf.embeddings.train import Passes, Sentences, Settings, train
from bilstm_crf.errors import InputError
from bilstm_crf.util.system import cores
from runs import hear_ctrl_c


@pytest.fixture(scope="session")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some 400 sentences in which towns stand where towns do, and one no-break space."""
    chosen = random.Random(1)
    towns, verbs = ["Oslo", "Bergen", "Tromsø", "Bodø"], ["bor", "arbeider", "sover"]
    lines = [f"Kari {chosen.choice(verbs)} i {chosen.choice(towns)} ." for _ in range(400)]
    path = tmp_path_factory.mktemp("raw") / "raw.txt"
    path.write_text("\n".join([*lines, "", "10\u00a0000 10\u00a0000 10\u00a0000"]) + "\n", "utf-8")
    return path


SMALL = ["--dim", "8", "--min-count", "2", "--epochs", "2", "--buckets", "500", "--workers", "1"]


@pytest.mark.parametrize("algorithm", ["skipgram", "cbow"])
def test_the_same_text_and_seed_give_the_same_bytes_in_any_process(
    algorithm: str, raw: Path, tmp_path: Path
) -> None:
    written = []
    for hash_seed in ("1", "2"):
        output = tmp_path / f"{hash_seed}.bin"
        command = [
            sys.executable,
            "-m",
            "bilstm_crf",
            "embeddings",
            "train",
            str(raw),
            "-o",
            str(output),
            *SMALL,
        ]
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        subprocess.run([*command, "--algorithm", algorithm], check=True, env=environment, capture_output=True)
        written.append(output.read_bytes())
    assert written[0] == written[1]


def test_the_words_come_in_falling_frequency_and_keep_their_no_break_spaces(
    raw: Path, tmp_path: Path
) -> None:
    assert run(["embeddings", "train", str(raw), "-o", str(tmp_path / "a.bin"), *SMALL]) == 0
    vectors = load_file(tmp_path / "a.bin")
    assert set(vectors.words[:3]) == {"Kari", "i", "."}
    assert vectors.words[-1] == "10\u00a0000"
    assert vectors.dim == 8


def test_the_native_format_keeps_the_n_grams(raw: Path, tmp_path: Path) -> None:
    assert (
        run(["embeddings", "train", str(raw), "-o", str(tmp_path / "a.kv"), *SMALL, "--format", "native"])
        == 0
    )
    vectors = load_file(tmp_path / "a.kv")
    assert vectors.ngrams is not None
    assert vectors.from_ngrams("Osloborger") is not None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.kv"]


def test_another_seed_gives_other_vectors(raw: Path, tmp_path: Path) -> None:
    for seed in ("1", "2"):
        assert run(["embeddings", "train", str(raw), "-o", str(tmp_path / seed), *SMALL, "--seed", seed]) == 0
    assert (tmp_path / "1").read_bytes() != (tmp_path / "2").read_bytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"en to\n", "no word occurs 2 times in 2 tokens"),
        (b"", "no word occurs 2 times in 0 tokens"),
        (b"ja\nbl\xe5b\xe6r\n", "line 2: not UTF-8"),
    ],
)
def test_text_that_cannot_be_used_is_an_error_and_writes_nothing(
    content: bytes, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "raw.txt").write_bytes(content)
    assert run(["embeddings", "train", str(tmp_path / "raw.txt"), "-o", str(tmp_path / "a.bin"), *SMALL]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "a.bin").exists()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve jobs of tokens, so that two workers both train: days stand with days, towns with towns."""
    chosen = random.Random(2)
    groups = [["mandag", "tirsdag", "onsdag", "torsdag"], ["Oslo", "Bergen", "Tromsø", "Bodø"]]
    lines = [" ".join(chosen.choices(chosen.choice(groups), k=12)) for _ in range(10_000)]
    path = tmp_path_factory.mktemp("large") / "large.txt"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def test_by_default_all_cores_train_the_vectors(large: Path) -> None:
    assert Settings().workers == cores()
    for workers in (1, 2):
        trained = train(large, Settings(dim=8, buckets=500, epochs=2, workers=workers))
        assert trained.model.workers == workers
        assert (trained.tokens, trained.learned) == (120_000, 120_000)
        vectors = trained.model.wv
        assert vectors.similarity("mandag", "torsdag") > vectors.similarity("mandag", "Bodø")
        assert vectors.similarity("Oslo", "Tromsø") > vectors.similarity("tirsdag", "Tromsø")


@pytest.mark.skipif(os.name == "nt", reason="an open file cannot be removed")
def test_text_that_vanishes_during_training_is_an_error(large: Path, tmp_path: Path) -> None:
    path = tmp_path / "raw.txt"
    path.write_bytes(large.read_bytes())
    passes = Passes(Sentences(path), lambda tokens: path.unlink(missing_ok=True))
    model = FastText(vector_size=4, min_count=1, bucket=100)
    model.build_vocab(corpus_iterable=Sentences(path))
    model.train(corpus_iterable=passes, total_examples=model.corpus_count, epochs=3)
    assert isinstance(passes.error, InputError)
    assert "raw.txt" in str(passes.error)


def test_ctrl_c_ends_training_and_leaves_nothing(large: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bilstm_crf", "embeddings", "train", str(large)]
    options = ["-o", str(tmp_path / "a.bin"), "--epochs", "100000", "--dim", "8", "--workers", "2"]
    pipe: dict[str, Any] = {"stderr": subprocess.PIPE, "text": True, "preexec_fn": hear_ctrl_c}
    with subprocess.Popen([*command, *options], **pipe) as running:
        assert running.stderr is not None
        while "Training" not in (line := running.stderr.readline()):
            assert line
        running.send_signal(signal.SIGINT)
        said = running.stderr.read()
    assert running.returncode == 130
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("option", "value"),
    [("--workers", "0"), ("--sample", "nan"), ("--sample", "1"), ("--learning-rate", "0")],
)
def test_settings_out_of_range_are_refused(option: str, value: str, raw: Path, tmp_path: Path) -> None:
    command = ["embeddings", "train", str(raw), "-o", str(tmp_path / "a.bin")]
    assert run([*command, *SMALL[:-2], option, value]) == 2
    assert list(tmp_path.iterdir()) == []


def test_info_shows_what_a_file_holds_and_its_coverage(
    raw: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["embeddings", "train", str(raw), "-o", str(tmp_path / "a.bin"), *SMALL])
    (tmp_path / "b.conll").write_text("KARI B-PER\nbor O\ni O\nRoma B-LOC\n", "utf-8")
    capsys.readouterr()
    arguments = ["embeddings", "info", str(tmp_path / "a.bin"), "--corpus", str(tmp_path / "b.conll")]
    assert run(arguments) == 0
    assert "words, 8 dimensions, word2vec binary" in capsys.readouterr().out
    assert run([*arguments, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["coverage"]["tokens"] == {"exact": 2, "lower-cased": 0, "subword": 0, "none": 2}
    assert report["dim"] == 8


def test_list_says_what_is_here(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BILSTM_CRF_EMBEDDINGS", raising=False)
    (tmp_path / "sg300.vec").write_text("")
    assert run(["embeddings", "list", "--embeddings-dir", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert str(tmp_path / "sg300.vec") in said
    assert "bilstm-crf embeddings fetch sg600" in said
