"""A model that looks at a name's other occurrences in its document, from training to tagging."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
import torch

from bilstm_crf import Tagger
from bilstm_crf.corpus.labelled import read_labelled
from bilstm_crf.errors import UsageError
from bilstm_crf.features.batches import make_batch
from bilstm_crf.features.occurrences import MemoryIndex
from bilstm_crf.formats import FORMATS, FormatOptions
from bilstm_crf.inference.chunks import Chunk, ChunkTagger, TextTagger, tag_chunks, tag_text
from bilstm_crf.inference.decoding import UNCONSTRAINED
from bilstm_crf.inference.network import best_paths, mean_transitions
from bilstm_crf.labels import ENCODINGS, LabelSet
from bilstm_crf.model.document_memory import keep
from bilstm_crf.model.model_folder import load_model
from bilstm_crf.model.network import BiLSTMCRF
from bilstm_crf.model.tensors import batch_tensors
from bilstm_crf.sentence import Sentence
from runs import TRAIN, first_sentences, history, small_config, start

MEMORIES = [f"members.{number}.memory.to_labels.weight" for number in range(2)]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("remembering")
    start(small_config(folder, document_memory=8, ensemble_size=2, epochs=8), folder / "run")
    return folder / "run"


def sentences_of(folder: Path) -> list[Sentence]:
    path = first_sentences(TRAIN, 60, folder / "some.conllu")
    return read_labelled([str(path)], LabelSet.named("full")).sentences


def loud(folder: Path) -> Tagger:
    """The tagger, its memory made to speak as loud as the sentence itself."""
    model, random = load_model(folder), np.random.default_rng(1)
    weights = dict(model.weights)
    for name in MEMORIES:
        weights[name] = random.normal(scale=3, size=weights[name].shape).astype(np.float32)
    return Tagger(dataclasses.replace(model, weights=weights))


def test_it_learns_and_the_saved_model_scores_as_in_training(trained: Path) -> None:
    best = max(row["dev"]["f1"] for row in history(trained))
    assert best > 0.3
    dev = read_labelled([str(trained.parent / "small-dev.conllu")], LabelSet.named("full")).sentences
    tagger = Tagger.load(trained)
    found = tagger.predict(dev)
    right = sum(len(set(spans) & set(s.token_spans or ())) for spans, s in zip(found, dev, strict=True))
    assert 2 * right / (sum(map(len, found)) + sum(len(s.token_spans or ()) for s in dev)) == pytest.approx(
        best
    )
    assert all(tagger.model.weights[name].any() for name in MEMORIES)


def test_tagging_finds_what_the_networks_own_emissions_say(trained: Path, tmp_path: Path) -> None:
    tagger, sentences = loud(trained), sentences_of(tmp_path)
    model, vocabulary = tagger.model, tagger.model.vocabulary
    sizes = (len(vocabulary.characters), len(vocabulary.labels))
    network = BiLSTMCRF.from_weights(model.architecture, *sizes, model.weights)
    labels = [ENCODINGS["iob"].encode([], len(sentence)) for sentence in sentences]
    encoded, index = vocabulary.encode([s.tokens for s in sentences], labels), MemoryIndex(sentences)
    batch = make_batch(encoded, np.arange(len(sentences)), index)
    network.begin_memory(index.places)
    with torch.no_grad():
        given = batch_tensors(batch, network.device)
        assert given.memory is not None
        assert len(given.memory.rows) > 10
        for member in network.members:
            assert member.memory is not None
            _, states = member.read(network.inputs(given), given.layout)
            keep(given.memory, states, member.memory.states)
        emissions = network.emissions(batch).numpy()
    ids = np.empty(len(encoded.tokens), np.int64)
    transitions = mean_transitions(model.weights)
    ids[batch.layout.tokens] = best_paths(emissions, transitions, batch.layout.batch_sizes)
    paths = [[vocabulary.labels[n] for n in part] for part in np.split(ids, encoded.offsets[1:-1])]
    found = tagger.predict(sentences, decoding=UNCONSTRAINED)
    assert found == [ENCODINGS["iob"].decode(path) for path in paths]


def test_what_stands_elsewhere_in_the_document_counts_and_what_stands_in_another_does_not(
    trained: Path, tmp_path: Path
) -> None:
    tagger, sentences = loud(trained), sentences_of(tmp_path)
    alone = [tagger.predict([sentence])[0] for sentence in sentences]
    assert tagger.predict(sentences) != alone
    for number, sentence in enumerate(sentences):
        sentence.document = str(number)
    assert tagger.predict(sentences) == alone


def test_a_stream_is_tagged_as_the_list_of_it(trained: Path, tmp_path: Path) -> None:
    tagger, sentences = loud(trained), sentences_of(tmp_path)
    expected = tagger.predict(sentences)
    assert [sentence.token_spans for sentence in tagger.tag_stream(sentences)] == expected


def test_answered_one_by_one_a_sentence_looks_at_those_before_it(trained: Path, tmp_path: Path) -> None:
    tagger, sentences = loud(trained), sentences_of(tmp_path)
    of_document = [
        [s for s in sentences[:number] if s.document == sentence.document]
        for number, sentence in enumerate(sentences)
    ]
    assert max(map(len, of_document)) > 1
    expected = [
        tagger.predict([*before, sentence])[-1]
        for before, sentence in zip(of_document, sentences, strict=True)
    ]
    assert expected != [tagger.predict([sentence])[0] for sentence in sentences]
    assert [sentence.token_spans for sentence in tagger.tag_stream(iter(sentences), flush=True)] == expected


def test_what_is_found_does_not_hang_on_the_threads(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "bilstm_crf.inference.tagger.BATCH_TOKENS", 50
    )  # else so few sentences are one thread's work
    tagger, sentences = loud(trained), sentences_of(tmp_path)
    for sentence in sentences:
        sentence.document = None  # else a chunk ends with a document
    expected = tagger.predict(sentences)
    tagger.threads = 20
    assert tagger.predict(sentences) == expected


@pytest.mark.parametrize("documented", [True, False])
def test_what_stands_in_a_file_does_not_hang_on_the_processes(
    documented: bool, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bilstm_crf.inference.chunks.CHUNK_BYTES", 20_000)
    some = first_sentences(TRAIN, 60, tmp_path / "some.conllu").read_bytes()
    copies = [some.replace(b"newdoc id = ", b"newdoc id = %d " % number) for number in range(8)]
    content = b"".join(copies) if documented else b"".join(copies).replace(b"newdoc id", b"once")
    work = ChunkTagger(loud(trained), FORMATS["conllu"], FormatOptions(), "x")
    one, two = ([each.content for each in tag_chunks(work, io.BytesIO(content), processes=n)] for n in (1, 2))
    assert one == two
    assert len(one) > 3
    if documented:  # cut nowhere within one
        assert b"".join(one) == work.tag(Chunk(1, content)).content != content


@pytest.mark.parametrize("processes", [1, 2])
def test_a_text_is_one_document(
    processes: int, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = " ".join(word for sentence in sentences_of(tmp_path) for word in sentence.tokens)
    tagger = loud(trained)
    whole = tagger.tag(text)
    work = TextTagger(tagger, FormatOptions(sentences="detect"), "x")
    found = list(tag_text(work, io.BytesIO(text.encode()), processes=processes))
    spans = [sentence.token_spans for sentence in found]
    assert spans == [sentence.token_spans for sentence in whole.sentences]
    assert spans != tagger.predict(found), "sentence by sentence"
    assert {sentence.document for sentence in found} == {None}
    monkeypatch.setattr("bilstm_crf.inference.chunks.TEXT_CHUNK_BYTES", 100)
    twice = list(tag_text(work, io.BytesIO(f"{text}\n\n{text}".encode()), processes=processes))
    assert [sentence.token_spans for sentence in twice if sentence.tokens] == spans * 2, (
        "a chunk is a document"
    )


@pytest.mark.parametrize("head", ["linear", "crf"])
def test_a_head_without_states_has_no_memory(head: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="document_memory"):
        small_config(tmp_path, document_memory=8, head=head)
