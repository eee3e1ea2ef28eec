"""A table of documents does for training, tagging and scoring what marks in the files would do."""

from __future__ import annotations

import gzip
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bilstm_crf.config import RunConfig
from bilstm_crf.errors import InputError, InterruptedRunError, UsageError
from bilstm_crf.experiments.records import Evaluation, Score
from bilstm_crf.experiments.results import score_path
from bilstm_crf.experiments.runs import input_difference
from bilstm_crf.experiments.scoring import ScoringJob, score
from bilstm_crf.inference import tagger
from bilstm_crf.model.model_folder import save_model
from bilstm_crf.training.records import read_description
from bilstm_crf.util.records import read_record
from contextual_runs import tiny_config, untrained, write_corpus
from runs import history, interrupt, resume, start, weights_hash

Cli = Callable[..., Any]
COMMENTS = "# nothing but a comment\n\n"


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, features_cache: None) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def corpus(in_a_folder_of_its_own: None) -> str:
    """`marked/a.conllu`, whose documents it names itself; `beside/a.conllu`, with a table; `bare/a.conllu`.

    Between the sentences, also those of one document, stand comments.
    """
    documents, lines, rows = "", [], ["sent_id\tdocument"]
    for number, block in enumerate(write_corpus(Path("source.conllu")).read_text("utf-8").split("\n\n")[:-1]):
        if mark := re.match("# newdoc id = (.*)\n", block):
            documents, block = mark[1], block[mark.end() :]
        lines += [mark[0] if mark else "", f"# sent_id = {number}\n", block + "\n\n", COMMENTS]
        rows.append(f"{number}\t{documents}")
    for name in ("marked", "beside", "bare"):
        text = "".join(each for each in lines if name == "marked" or "newdoc" not in each)
        Path(name).mkdir()
        Path(name, "a.conllu").write_text(text, "utf-8")
    for path in ("beside/documents.tsv", "table.tsv"):
        Path(path).write_bytes("\r\n".join([*rows, ""]).encode())
    return "".join(lines)


def config(folder: str, encoder: Path, **changes: Any) -> RunConfig:
    files = {split: [f"{folder}/a.conllu"] for split in ("train", "dev")}
    return tiny_config(Path(), encoder, **{**files, "encoder.context": 1, "head": "linear", **changes})


@pytest.fixture
def encoder(written: Callable[..., Path]) -> Path:
    return written("wordpiece", window=64)


@pytest.fixture
def model(encoder: Path) -> str:
    """A model that reads neighbours, and finds names everywhere."""
    save_model(untrained(config("marked", encoder)), Path("model"), None)
    return "model"


# ---------------------------------------------------------------- tagging


@pytest.mark.parametrize("tokens", [1, 65_536])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_file_is_tagged_with_a_table_as_with_its_documents_marked_in_it(
    threads: int, tokens: int, model: str, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tagger, "CHUNK_TOKENS", tokens)

    def tag(*arguments: str, stdin: bytes = b"") -> bytes:
        done = cli("tag", "--model", model, "--threads", threads, *arguments, stdin=stdin)
        assert done.status == 0, done.err
        return re.sub(rb"# newdoc.*\n", b"", done.out)

    expected = tag("marked/a.conllu")
    assert expected != tag("bare/a.conllu")
    assert expected == tag("beside/a.conllu")
    assert expected == tag("bare/a.conllu", "--documents", "table.tsv")
    bare = Path("bare/a.conllu").read_bytes()
    assert expected == tag("--format", "conllu", "--documents", "table.tsv", stdin=bare)
    assert expected.replace(b"\n", b"\r\n") == tag(
        "--format", "conllu", "--documents", "table.tsv", stdin=bare.replace(b"\n", b"\r\n")
    )
    Path("beside/a.conllu.gz").write_bytes(gzip.compress(bare))
    assert expected == tag("beside/a.conllu.gz")


def test_standard_input_lies_beside_no_table(model: str, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = cli("tag", "--model", model, "bare/a.conllu").out
    monkeypatch.chdir("beside")
    content = Path("a.conllu").read_bytes()
    assert cli("tag", "--model", "../model", "--format", "conllu", stdin=content).out == expected


def test_a_table_that_has_not_all_sentences_writes_nothing_where_it_was_named(model: str, cli: Cli) -> None:
    rows = Path("table.tsv").read_text("utf-8").splitlines()
    for folder in ("bare", "beside"):
        Path(folder, "documents.tsv").write_text("\n".join(rows[:-1]), "utf-8")
    done = cli("tag", "--model", model, "bare/a.conllu", "-o", "out.conllu")
    assert done.status == 0, done.err
    done = cli(
        "tag", "--model", model, "--documents", "bare/documents.tsv", "bare/a.conllu", "-o", "other.conllu"
    )
    assert done.status == 2
    assert "the sentence 15 is not in bare/documents.tsv" in done.err
    assert "other.conllu was not written" in done.err
    assert not Path("other.conllu").exists()
    done = cli("tag", "--model", model, "--documents", "table.tsv", "bare/a.conllu", "beside/a.conllu")
    assert (done.status, "is there twice" in done.err) == (1, True), "the other file is tagged"


def test_a_table_is_nothing_to_a_model_without_context(encoder: Path, cli: Cli) -> None:
    save_model(untrained(config("marked", encoder, encoder__context=0)), Path("model"), None)
    Path("beside/documents.tsv").write_text("something else", "utf-8")
    for command in ("tag", "evaluate"):
        assert cli(command, "--model", "model", "beside/a.conllu").status == 0
        done = cli(command, "--model", "model", "beside/a.conllu", "--documents", "table.tsv")
        assert (done.status, done.out) == (2, b"")
        assert "--documents table.tsv" in done.err
    assert cli("tag", "--model", "model", "--text", "Kari", "--documents", "table.tsv").status == 2


# ---------------------------------------------------------------- scoring


def test_scores_and_errors_are_those_of_marked_documents(model: str, cli: Cli) -> None:
    def counted(command: str, *arguments: str) -> Any:
        done = cli(command, "--model", model, *arguments, "--json")
        assert done.status == 0, done.err
        found = json.loads(done.out)
        return {key: found[key] for key in ("strict", "total", "breakdowns") if key in found}

    for command in ("evaluate", "errors"):
        expected = counted(command, "marked/a.conllu")
        assert expected == counted(command, "beside/a.conllu")
        assert expected == counted(command, "bare/a.conllu", "--documents", "table.tsv")
        assert expected != counted(command, "bare/a.conllu")


def test_experiments_score_with_the_table_beside_the_files(model: str) -> None:
    evaluation, found = Evaluation("nob", "dev", "file"), {}
    for folder in ("marked", "beside", "bare"):
        score(Path(model), [ScoringJob(evaluation, (f"{folder}/a.conllu",))])
        found[folder] = read_record(Score, score_path(Path(model), evaluation)).report.strict
    assert found["beside"] == found["marked"] != found["bare"]


def test_experiments_notice_a_table_that_a_run_was_not_begun_with(encoder: Path, tmp_path: Path) -> None:
    whole = config("beside", encoder, epochs=1)
    start(whole, tmp_path / "run")
    description = read_description(tmp_path / "run" / "config.json")
    for folder, key_word in (("beside", ""), ("bare", "the data changed")):
        data = config(folder, encoder).data
        assert key_word in input_difference(whole, data, description)
        assert bool(key_word) == bool(input_difference(whole, data, description))


# ---------------------------------------------------------------- training


@pytest.mark.parametrize("finetune", [False, True])
def test_training_with_a_table_is_training_on_marked_documents(
    finetune: bool, encoder: Path, tmp_path: Path
) -> None:
    settings = {"encoder.finetune": finetune, "encoder.learning_rate": 1e-3, "epochs": 2}
    asked = {"marked": None, "beside": None, "bare": "table.tsv"}
    metrics, hashes = [], []
    for folder, table in asked.items():
        whole = config(folder, encoder, documents=table, test=[f"{folder}/a.conllu"], **settings)
        metrics.append(start(whole, tmp_path / folder / "run"))
        hashes.append(weights_hash(tmp_path / folder / "run"))
    assert len(set(hashes)) == 1
    assert history(Path("marked/run")) == history(Path("beside/run")) == history(Path("bare/run"))
    assert len({split.strict.f1 for each in metrics for split in each.reports.values()}) == 1
    start(config("bare", encoder, **settings), tmp_path / "alone")
    assert weights_hash(tmp_path / "alone") != hashes[0]


def test_it_is_said_how_many_sentences_are_of_a_known_document(encoder: Path, cli: Cli) -> None:
    def said(folder: str, *arguments: object) -> str:
        file = f"{folder}/a.conllu"
        given = ("--context", "1", "--epochs", 1, "--output", "run", "--overwrite", *arguments)
        done = cli("train", "--train", file, "--dev", file, "--encoder", encoder, *given)
        assert done.status == 0, done.err
        (line,) = (line for line in done.err.splitlines() if line.startswith("context"))
        return str(line)

    assert said("beside").endswith(
        "the document of 16 of 16 training sentences is known (beside/documents.tsv)"
    )
    assert said("marked").endswith("the document of 16 of 16 training sentences is known (# newdoc)")
    assert " 0 of 16 training sentences" in said("bare")
    assert "(table.tsv)" in said("marked", "--documents", "table.tsv")
    table = Path("beside/documents.tsv")
    table.write_text(table.read_text("utf-8").replace("\n7\t", "\nseven\t"), "utf-8")
    assert " 15 of 16 training sentences" in said("beside")


@pytest.mark.parametrize("named", [True, False])
def test_a_table_that_changed_since_is_noticed(named: bool, encoder: Path, tmp_path: Path) -> None:
    whole = config("bare" if named else "beside", encoder, documents="table.tsv" if named else None)
    table = Path("table.tsv" if named else "beside/documents.tsv")
    with pytest.raises(InterruptedRunError):
        start(whole, tmp_path / "run", interrupt(2))
    described = json.loads(Path("run/config.json").read_text("utf-8"))["data"]["documents"]
    assert [each["path"] for each in described] == [str(table)]
    before = table.read_bytes()
    for content in (before.replace(b"\t0", b"\t1"), None):
        table.unlink() if content is None else table.write_bytes(content)
        with pytest.raises(
            InputError, match="the data changed" if content or not named else "cannot be read"
        ):
            resume(tmp_path / "run")
    table.write_bytes(before)
    resume(tmp_path / "run")


def test_a_table_that_came_since_is_noticed(encoder: Path, tmp_path: Path) -> None:
    with pytest.raises(InterruptedRunError):
        start(config("bare", encoder), tmp_path / "run", interrupt(2))
    shutil.copy("table.tsv", "bare/documents.tsv")
    with pytest.raises(InputError, match="the data changed"):
        resume(tmp_path / "run")


def test_a_named_table_must_have_the_test_files_too_and_that_is_known_before_training(
    encoder: Path, tmp_path: Path
) -> None:
    text = Path("bare/a.conllu").read_text("utf-8")
    Path("test.conllu").write_text(text.replace("# sent_id = ", "# sent_id = t"), "utf-8")
    with pytest.raises(InputError, match=r"test.conllu, line 1: the sentence t0 is not in table\.tsv"):
        start(config("bare", encoder, documents="table.tsv", test=["test.conllu"]), tmp_path / "run")
    assert not Path("run").exists()


def test_a_table_without_context_is_refused(encoder: Path, cli: Cli) -> None:
    with pytest.raises(UsageError, match="--documents"):
        config("bare", encoder, documents="table.tsv", encoder__context=0)
    files = ("--train", "bare/a.conllu", "--dev", "bare/a.conllu", "--output", "run")
    done = cli("train", *files, "--documents", "table.tsv")
    assert (done.status, "--context" in done.err, Path("run").exists()) == (2, True, False)


def test_a_curriculum_reads_the_table(encoder: Path, tmp_path: Path) -> None:
    stages = {"encoder.context": 0, "curriculum": "0:8,1:8", "documents": "table.tsv"}
    start(config("bare", encoder, **stages), tmp_path / "run")
    assert json.loads(Path("run/config.json").read_text("utf-8"))["data"]["documents"]
