"""`bilstm-crf select`: what is selected, how it is written, and that it can be annotated and trained on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bilstm_crf import Tagger
from bilstm_crf.corpus.filters import comparable_text
from bilstm_crf.corpus.labelled import read_labelled
from bilstm_crf.formats import read
from bilstm_crf.inference.decoding import Decoding
from bilstm_crf.labels import LabelSet
from done import Done
from runs import DEV, TRAIN

Cli = Callable[..., Done]


@pytest.fixture
def select(cli: Cli, tiny_model: Path) -> Cli:
    """Run `select` with the tiny model, and expect it to succeed."""

    def run(*arguments: object, status: int = 0, stdin: bytes | None = None) -> Done:
        done = cli("select", "--model", tiny_model, *arguments, **({} if stdin is None else {"stdin": stdin}))
        assert done.status == status, done.err
        return done

    return run


def records(done: Done) -> list[dict]:
    return [json.loads(line) for line in done.out.decode().splitlines()]


def notes(path: Path, key: str) -> list[str]:
    lines = path.read_text("utf-8").splitlines()
    return [line.partition(" = ")[2] for line in lines if line.startswith(f"# selection_{key} =")]


@pytest.mark.parametrize("method", ["entropy", "least-confidence"])
def test_the_most_uncertain_come_first(select: Cli, tiny_model: Path, tmp_path: Path, method: str) -> None:
    tagged = Tagger.load(tiny_model).annotate(read(DEV), Decoding(scores=True, uncertainty=True))
    expected = {}
    for each in tagged:
        assert each.uncertainty is not None
        score = each.uncertainty.least_confidence
        score = each.uncertainty.entropy / len(each) if method == "entropy" else score
        expected.setdefault(comparable_text(each), (round(score, 6), each))
    best = sorted(expected.values(), key=lambda pair: -pair[0])[:10]
    out = tmp_path / "batch.conllu"
    select(DEV, "-n", 10, "--method", method, "-o", out)
    assert [float(score) for score in notes(out, "score")] == [score for score, _ in best]
    assert notes(out, "rank") == [str(number) for number in range(1, 11)]
    assert notes(out, "source") == [f"{DEV}:{each.line}" for _, each in best]
    found = read_labelled([str(out)], LabelSet.named("file")).sentences
    assert [each.token_spans for each in found] == [each.token_spans for _, each in best]
    columns = [line.split("\t")[:9] for line in out.read_text("utf-8").splitlines() if line[:1].isdigit()]
    kept = [b"".join(each.raw).decode() for _, each in best]
    assert columns == [
        line.split("\t")[:9] for text in kept for line in text.splitlines() if line[:1].isdigit()
    ]


@pytest.mark.parametrize("tool", ["label-studio", "prodigy", "doccano"])
def test_tasks_for_annotation_tools_say_their_rank(select: Cli, tmp_path: Path, tool: str) -> None:
    tasks = tmp_path / ("tasks.json" if tool == "label-studio" else "tasks.jsonl")
    select(DEV, "-n", 3, "--to", tool, "-o", tasks)
    text = tasks.read_text("utf-8")
    records = json.loads(text) if tool == "label-studio" else [json.loads(line) for line in text.splitlines()]
    metas = [each["data"]["meta"] if tool == "label-studio" else each["meta"] for each in records]
    assert [meta["selection_rank"] for meta in metas] == [1, 2, 3]


def test_a_second_batch_holds_nothing_of_the_first(select: Cli, tmp_path: Path) -> None:
    first, second = tmp_path / "first.jsonl", tmp_path / "second.conllu"
    select(DEV, "-n", 15, "--method", "diversity", "-o", first)
    done = select(DEV, "-n", 15, "--method", "diversity", "--exclude", first, "-o", second)
    texts = [[comparable_text(each) for each in read(path)] for path in (first, second)]
    assert len(set(texts[0]) | set(texts[1])) == 30
    assert "15 annotated already" in done.err


def test_what_an_annotator_rejected_is_not_selected_again(select: Cli, tmp_path: Path) -> None:
    pool, export = tmp_path / "pool.txt", tmp_path / "export.jsonl"
    pool.write_text("Kari sov.\nOla sov.\nPer sov.\n", "utf-8")
    answers = [("Kari sov.", "accept"), ("Ola sov.", "reject")]
    lines = [json.dumps({"text": text, "spans": [], "answer": answer}) for text, answer in answers]
    export.write_text("\n".join(lines), "utf-8")
    found = records(select(pool, "--sentences", "line", "--exclude", export))
    assert [each["text"] for each in found] == ["Per sov."]


def test_the_pools_encoding_is_not_that_of_annotations(select: Cli, tmp_path: Path) -> None:
    """Annotation tools write UTF-8; an old corpus may be as the pool."""
    pool, export, old = tmp_path / "pool.txt", tmp_path / "export.jsonl", tmp_path / "old.txt"
    pool.write_text("Bjørn sov.\nÅse sov.\nPer sov.\n", "cp1252")
    export.write_text('{"text": "Bjørn sov.", "entities": []}', "utf-8")
    old.write_text("Åse sov.\n", "cp1252")
    excluded = ("--exclude", export, "--exclude", old)
    found = records(select(pool, "--sentences", "line", "--input-encoding", "cp1252", *excluded))
    assert [each["text"] for each in found] == ["Per sov."]


def test_the_named_format_is_that_of_an_excluded_file_without_a_suffix(select: Cli, tmp_path: Path) -> None:
    pool, known, export = tmp_path / "pool.dat", tmp_path / "known.dat", tmp_path / "export.jsonl"
    pool.write_text("Kari\tO\n\nOla\tO\n\nPer\tO\n", "utf-8")
    known.write_text("Kari\tO\n", "utf-8")
    export.write_text('{"text": "Ola"}', "utf-8")
    options = ("--format", "conll2003", "--to", "jsonl", "--exclude", known, "--exclude", export)
    assert [each["text"] for each in records(select(pool, *options))] == ["Per"]


def test_the_selection_does_not_depend_on_processes_or_files(
    select: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sentences = [f"{' '.join(each.tokens)}\n" for each in list(read(DEV))[:80]]
    whole, folder = tmp_path / "whole.txt", tmp_path / "parts"
    whole.write_text("".join(sentences), "utf-8")
    folder.mkdir()
    for number in range(4):
        (folder / f"{number}.txt").write_text("".join(sentences[number * 20 : number * 20 + 20]), "utf-8")
    options = ("-n", 30, "--tokenise", "spaces", "--method", "diversity")
    one = records(select(whole, *options, "--threads", 1))
    monkeypatch.setattr("bilstm_crf.inference.chunks.TEXT_CHUNK_BYTES", 1_000)
    monkeypatch.setattr("bilstm_crf.commands.tag_groups.GROUP_BYTES", 1_500)
    several = [
        records(select(path, *options, "--threads", threads))
        for path in (whole, folder)
        for threads in (1, 2)
    ]
    for found in several:
        assert [each["text"] for each in found] == [each["text"] for each in one]
        assert [each["entities"] for each in found if "start" in each] == [
            each["entities"] for each in one if "start" in each
        ]


def test_documents_are_selected_whole(select: Cli, tmp_path: Path) -> None:
    pool = tmp_path / "pool"
    pool.mkdir()
    for name, text in (
        ("a", "Kari bor i Oslo. Ola sov."),
        ("b", "Dei sov. Dei sov godt."),
        ("c", "Brann vann."),
    ):
        (pool / f"{name}.txt").write_text(text, "utf-8")
    found = records(select(pool, "--unit", "document", "-n", 2))
    assert {each["selection_rank"] for each in found} == {1, 2}
    for rank in (1, 2):
        of_one = [each for each in found if each["selection_rank"] == rank]
        (file,) = {each["file"] for each in of_one}
        assert " ".join(each["text"] for each in of_one) == Path(file).read_text("utf-8")


def test_the_text_beside_brats_annotations_has_a_sentence_a_line(select: Cli, tmp_path: Path) -> None:
    pool = tmp_path / "pool.txt"
    pool.write_text("Kari bor i Oslo. Ola sov.\n\n  Per sov i går.", "utf-8")
    select(pool, "-o", tmp_path / "batch.ann")
    lines = (tmp_path / "batch.txt").read_text("utf-8").splitlines()
    assert sorted(lines) == ["Kari bor i Oslo.", "Ola sov.", "Per sov i går."]


def test_sentences_of_conllu_stand_on_their_own(select: Cli, tmp_path: Path) -> None:
    """Documents and earlier ranks are those of the new place; multi-word tokens and other comments stay."""
    word = "\t{}\t_\t_\t_\t_\t_\t_\t_\t_".format
    first = ["# newdoc id = a", "# selection_rank = 9", "# global = x", "1-2\tdelte\t" + "\t".join("_" * 8)]
    lines = [*first, f"1{word('Kari')}", f"2{word('sov')}", "", "#newdoc = b", f"1{word('Ola')}"]
    pool, out = tmp_path / "pool.conllu", tmp_path / "out.conllu"
    pool.write_bytes("\r\n".join(["\ufeff" + lines[0], *lines[1:]]).encode())
    select(pool, "-o", out)
    found = list(read(out))
    assert {each.document: each.tokens for each in found} == {"a": ["Kari", "sov"], "b": ["Ola"]}
    text = out.read_text("utf-8")
    assert sorted(notes(out, "rank")) == ["1", "2"]
    assert text.count("newdoc") == 2
    assert "# global = x\n1-2\tdelte" in text
    assert "\r" not in text
    assert out.read_bytes().endswith(b"\n\n")


def test_a_random_selection_is_that_of_its_seed(select: Cli) -> None:
    found = [
        [
            each["text"]
            for each in records(select(DEV, "-n", 15, "--to", "jsonl", "--method", "random", "--seed", seed))
        ]
        for seed in (42, 43, 42)
    ]
    assert found[0] == found[2] != found[1]


def test_the_loop_goes_round(select: Cli, cli: Cli, tmp_path: Path) -> None:
    """Select, correct a label, check, train on it, and tag the same file again."""
    batch = tmp_path / "batch.conllu"
    select(TRAIN, "-n", 30, "--min-tokens", 3, "-o", batch)
    lines = batch.read_text("utf-8").splitlines(keepends=True)
    place = next(n for n, line in enumerate(lines) if "name=B-" in line)
    lines[place] = lines[place].replace("name=B-", "name=B-NEW_", 1)
    lines = [line.replace("name=I-", "name=O|was=I-") for line in lines]
    batch.write_text("".join(lines), "utf-8")
    checked = cli("data", "check", batch)
    assert checked.status == 0, checked.out
    folder = tmp_path / "model"
    quick = ("--set", "epochs=1", "--set", "hidden=10", "--set", "words.dim=10", "--labels", "file")
    done = cli("train", "--train", batch, "--dev", batch, *quick, "--output", folder)
    assert done.status == 0, done.err
    assert any(each.startswith("NEW_") for each in Tagger.load(folder).entity_types)
    assert cli("tag", "--model", folder, batch).status == 0
    assert len(records(select(batch, "--to", "jsonl"))) == 30


def test_an_ensemble_of_one_model_selects_what_the_model_does(
    select: Cli, cli: Cli, tiny_model: Path, tmp_path: Path
) -> None:
    shutil.copytree(tiny_model, tmp_path / "a")
    (tmp_path / "both.toml").write_text('models = ["a", "a"]', "utf-8")
    options = (DEV, "-n", 12, "--to", "jsonl")
    done = cli("select", "--model", tmp_path / "both.toml", *options)
    assert done.status == 0, done.err
    assert [each["text"] for each in records(done)] == [each["text"] for each in records(select(*options))]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--method", "random", "--seed", "x"), "seed"),
        (("--seed", "7"), "--seed"),
        (("--min-tokens", "9", "--max-tokens", "8"), "--max-tokens"),
        (("--to", "brat"), "two files"),
        (("--to", "conll"), "conll2003"),
        (("-o", "batch.pdf"), ".pdf"),
        (("--exclude", "missing.conllu"), "missing.conllu"),
    ],
)
def test_wrong_usage_is_refused(select: Cli, arguments: tuple[str, ...], word: str) -> None:
    assert word in select(DEV, *arguments, status=2).err


def test_nothing_to_select_is_an_error_and_writes_nothing(select: Cli, tmp_path: Path) -> None:
    out, empty = tmp_path / "batch.jsonl", tmp_path / "empty.conllu"
    empty.write_bytes(b"")
    assert "0 read" in select(empty, "-o", out, status=2).err
    assert "annotated already" in select(DEV, "--exclude", DEV, "-o", out, status=2).err
    assert (
        "2"
        in select(
            "--format", "text", "-o", out, "--min-tokens", 50, stdin=b"Kari sov. Ola sov.", status=2
        ).err
    )
    assert not out.exists()


def test_fewer_than_asked_for_are_written_and_counted(select: Cli, tmp_path: Path) -> None:
    out = tmp_path / "batch.jsonl"
    text = b"Kari bor i Oslo.\nKari bor i Oslo.\nOla sov.\n"
    done = select("--format", "text", "-o", out, "--sentences", "line", stdin=text)
    assert len(out.read_text("utf-8").splitlines()) == 2
    assert "fewer" in done.err


def test_a_file_that_cannot_be_read_is_left_out(select: Cli, tmp_path: Path) -> None:
    bad, out = tmp_path / "bad.conllu", tmp_path / "batch.conllu"
    bad.write_text("1\tKari\t_\n\n", "utf-8")
    done = select(bad, DEV, "-n", 3, "-o", out, status=1)
    assert "bad.conllu" in done.err
    assert notes(out, "rank") == ["1", "2", "3"]
    assert "line 1" in select(bad, "-o", out, status=2).err
