"""Tagging with an encoder: neighbours count where they are asked for, and nothing else does."""

from __future__ import annotations

import dataclasses
import json
import random
import re
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from bilstm_crf import Tagger
from bilstm_crf.errors import BilstmCrfError
from bilstm_crf.formats import read
from bilstm_crf.inference import chunks as pieces
from bilstm_crf.inference import tagger
from bilstm_crf.inference.tagger import chunks_of
from bilstm_crf.labels import read_spans
from bilstm_crf.model.model_folder import save_model
from bilstm_crf.sentence import Sentence, TokenSpan
from contextual_runs import corpus_of, tiny_config, untrained, write_corpus
from runs import DEV, SAMPLE, TEST, TRAIN

Cli = Callable[..., Any]
WHOLE_SAMPLE = sorted((SAMPLE / "nob").glob("*.conllu")) + sorted((SAMPLE / "nno").glob("*.conllu"))


@pytest.fixture(scope="module")
def make(
    written: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., tuple[Path, Tagger]]:
    """`make(context=1)`: a model that finds names of all types everywhere; its folder, and it loaded."""
    made: dict[str, tuple[Path, Tagger]] = {}

    def model(**settings: Any) -> tuple[Path, Tagger]:
        name = str(sorted(settings.items()))
        if name not in made:
            folder = tmp_path_factory.mktemp("model")
            config = tiny_config(folder, written("wordpiece", window=64), head="linear", **settings)
            save_model(untrained(config), folder / "model", None)
            made[name] = folder / "model", Tagger.load(folder / "model")
        return made[name]

    return model


@pytest.fixture(scope="module")
def sentences(tmp_path_factory: pytest.TempPathFactory) -> list[Sentence]:
    """Of the sample, in documents of five to ten sentences, and of the corpus, in shorter ones."""
    corpus = write_corpus(tmp_path_factory.mktemp("corpus") / "corpus.conllu", sentences=40)
    found = [sentence for path in (TEST, DEV, corpus) for sentence in read(path)]
    return [Sentence(s.tokens, document=s.document, path=s.path) for s in found if s.tokens]


def spans(found: list[Sentence]) -> list[list[TokenSpan] | None]:
    return [sentence.token_spans for sentence in found]


def alone(sentences: list[Sentence]) -> list[Sentence]:
    """Without their documents."""
    return [Sentence(sentence.tokens) for sentence in sentences]


# ---------------------------------------------------------------- without neighbours


@pytest.mark.parametrize(
    "settings", [{}, {"encoder.layers": "mix", "encoder.pooling": "mean", "features": "encoder"}]
)
def test_what_else_is_in_the_batch_changes_no_prediction(
    settings: dict[str, Any], make: Callable[..., tuple[Path, Tagger]], sentences: list[Sentence]
) -> None:
    _, model = make(**settings)
    some = sentences[::2]
    each = [model.predict([sentence])[0] for sentence in some]
    assert sum(map(len, each)) > 100
    assert model.predict(some) == each
    chance = random.Random(5)
    for size in (2, 7, 20):
        order = chance.sample(range(len(some)), size)
        assert model.predict([some[number] for number in order]) == [each[number] for number in order]


def test_documents_are_nothing_to_a_model_without_context(
    make: Callable[..., tuple[Path, Tagger]], sentences: list[Sentence]
) -> None:
    _, model = make()
    assert not model.reads_neighbours
    assert model.predict(sentences) == model.predict(alone(sentences))


def test_values_beyond_float16_are_trouble_to_a_frozen_encoder_alone(
    written: Callable[..., Path], tmp_path: Path
) -> None:
    """Only the features of a frozen one are kept in float16; as a last layer's outliers are not."""
    folder = Path(shutil.copytree(written("wordpiece"), tmp_path / "encoder"))
    weights = load_file(folder / "model.safetensors")
    weights["encoder.layer.2.output.LayerNorm.bias"][3] = 1e5
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    frozen, tuned = (
        tiny_config(tmp_path, folder, encoder__layers="last", finetune=each) for each in (False, True)
    )
    with pytest.raises(BilstmCrfError, match="float16"):
        Tagger(untrained(frozen)).predict(corpus_of(frozen))
    assert any(Tagger(untrained(tuned)).predict(corpus_of(tuned)))


# ---------------------------------------------------------------- with neighbours


@pytest.mark.parametrize("context", [{"encoder.context": each} for each in (1, "8w", "document")])
def test_neighbours_of_the_same_document_change_what_is_found(
    context: dict[str, Any], make: Callable[..., tuple[Path, Tagger]], sentences: list[Sentence]
) -> None:
    _, model = make(**context)
    assert model.reads_neighbours
    with_them, without = model.predict(sentences), model.predict(alone(sentences))
    different = sum(one != other for one, other in zip(with_them, without, strict=True))
    assert different > len(sentences) / 10
    one_each = [dataclasses.replace(s, document=str(number)) for number, s in enumerate(sentences)]
    assert model.predict(one_each) == without


@pytest.mark.parametrize("tokens", [1, 7, 50, 65_536])
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("context", [1, "document"])
def test_neither_chunks_nor_threads_part_a_document(
    context: int | str,
    threads: int,
    tokens: int,
    make: Callable[..., tuple[Path, Tagger]],
    sentences: list[Sentence],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, model = make(context=context)
    expected = model.predict(sentences)
    monkeypatch.setattr(tagger, "CHUNK_TOKENS", tokens)
    monkeypatch.setattr(tagger, "BATCH_TOKENS", 64)  # so that threads are used
    threaded = Tagger.load(folder, threads=threads)
    assert threaded.predict(sentences) == expected
    given = [dataclasses.replace(sentence, token_spans=None) for sentence in sentences]
    assert spans(list(threaded.tag_stream(iter(given)))) == expected


@pytest.mark.parametrize("tokens", [1, 20, 100])
def test_chunks_hold_whole_documents_and_sentences_without_words(
    tokens: int, sentences: list[Sentence]
) -> None:
    mixed = [*sentences[:30], Sentence([]), *alone(sentences[30:50]), *sentences[30:]]
    mixed.insert(3, dataclasses.replace(mixed[3], tokens=[]))  # comments in the middle of a document
    chunks = list(chunks_of(iter(mixed), tokens, whole_documents=True))
    assert [sentence for chunk in chunks for sentence in chunk] == mixed
    assert len(chunks) > 1
    for before, behind in pairwise(chunks):
        last, first = before[-1], behind[0]
        assert last.document is None or (last.path, last.document) != (first.path, first.document)
        assert sum(max(1, len(sentence)) for sentence in before) >= tokens


# ---------------------------------------------------------------- the command


def without_names(content: bytes) -> bytes:
    return re.sub(rb"(?m)(?<=[\t|])name=[^|\r\n\t]*", b"name=", content)


@pytest.mark.parametrize(
    "settings", [{}, {"encoder.context": 2}, {"features": "encoder", "encoder.layers": "mix"}]
)
def test_every_byte_of_the_sample_comes_back_but_the_names(
    settings: dict[str, Any], make: Callable[..., tuple[Path, Tagger]], cli: Cli, tmp_path: Path
) -> None:
    folder, model = make(**settings)
    content = b"".join(path.read_bytes() for path in WHOLE_SAMPLE)
    done = cli("tag", "--model", folder, "--format", "conllu", stdin=content)
    assert done.status == 0
    assert without_names(done.out) == without_names(content)
    assert done.out != content
    (tmp_path / "in.conllu").write_bytes(content)
    (tmp_path / "out.conllu").write_bytes(done.out)
    given = list(read(tmp_path / "in.conllu"))
    tagged = list(read(tmp_path / "out.conllu"))
    read_spans(tagged)
    assert spans(tagged) == model.predict(given)


def test_documents_comments_and_empty_lines_keep_every_byte(
    make: Callable[..., tuple[Path, Tagger]], cli: Cli
) -> None:
    word = "1\tKari\t_\t_\t_\t_\t_\t_\t_\t{}\n"
    content = (
        "\n# newdoc\n# text = Kari\n" + word.format("_") + "\n# between\n\n" + word.format("SpaceAfter=No")
        + "\n\n\n# newdoc id = 7\r\n" + word.format("name=B-ORG|x=y") + "\n# newpar\n" + word.format("_")
    ).encode()  # fmt: skip
    for context in (0, 1):
        done = cli("tag", "--model", make(context=context)[0], "--format", "conllu", stdin=content)
        assert done.status == 0
        stripped = re.sub(rb"\|?name=[^|\r\n\t]*\|?", b"", done.out).replace(b"\t\n", b"\t_\n")
        assert stripped == content.replace(b"name=B-ORG|", b"")


def test_answers_sentence_by_sentence_are_refused_where_neighbours_count(
    make: Callable[..., tuple[Path, Tagger]], cli: Cli, tmp_path: Path
) -> None:
    done = cli("tag", "--model", make(context=1)[0], "--flush", TRAIN)
    assert (done.status, done.out) == (2, b"")
    assert "--flush" in done.err
    assert "neighbours" in done.err
    assert not list(tmp_path.iterdir())
    plain = make()[0]
    assert cli("tag", "--model", plain, "--flush", TEST).out == cli("tag", "--model", plain, TEST).out


@pytest.mark.parametrize("processes", [1, 3])
def test_processes_share_a_file_out_and_change_nothing(
    processes: int, make: Callable[..., tuple[Path, Tagger]], cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = make()
    expected = cli("tag", "--model", folder, TRAIN).out
    monkeypatch.setattr(pieces, "CHUNK_BYTES", 4000)
    assert cli("tag", "--model", folder, "--threads", processes, TRAIN).out == expected


def test_evaluation_and_errors_read_neighbours_too(
    make: Callable[..., tuple[Path, Tagger]], cli: Cli, tmp_path: Path
) -> None:
    folder, _ = make(context=1)
    tagged = tmp_path / "tagged.conllu"
    assert cli("tag", "--model", folder, TEST, "-o", tagged).status == 0
    direct = cli("evaluate", "--model", folder, TEST, "--json")
    assert direct.status == 0
    through = cli("evaluate", "--gold", TEST, "--predicted", tagged, "--json")
    assert json.loads(direct.out)["strict"] == json.loads(through.out)["strict"]
    assert cli("errors", "--model", folder, TEST).status == 0


def test_a_corpus_read_for_training_has_its_documents(tmp_path: Path) -> None:
    found = corpus_of(tiny_config(tmp_path, None))
    assert [sentence.document for sentence in found] == [str(number // 4) for number in range(16)]
