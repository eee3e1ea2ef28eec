"""Ensembles beside an enumeration of all label sequences of each model."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from bilstm_crf import Tagger
from bilstm_crf.errors import UsageError
from bilstm_crf.features.reading import RobustReading
from bilstm_crf.features.vocabulary import Vocabulary
from bilstm_crf.inference import ensemble as module
from bilstm_crf.inference.decoding import Decoding
from bilstm_crf.inference.ensemble import Ensemble
from bilstm_crf.labels import ENCODINGS, LabelSet
from bilstm_crf.model.architecture import Architecture
from bilstm_crf.model.model_folder import Model
from bilstm_crf.model.weights import parameter_shapes
from bilstm_crf.sentence import Sentence, TokenSpan

WORDS = ["Kari", "Oslo", "sov", "i", "Bergen", "."]
SMALL = Architecture(character_dim=4, character_filters=6, hidden=10)
Labelling = tuple[TokenSpan, ...]
Distribution = dict[tuple[Labelling, ...], float]  # of the labellings of some sentences


def tagger_of(
    seed: int,
    types: Sequence[str] = ("PER", "ORG"),
    *,
    encoding: str = "iob",
    memory: int = 0,
    temperature: float = 1.0,
    robust: bool = False,
) -> Tagger:
    """A model with random weights."""
    random = np.random.default_rng(seed)
    labels = ENCODINGS[encoding].labels(types)
    reading = RobustReading(WORDS) if robust else None
    vocabulary = Vocabulary(WORDS, sorted(set("".join(WORDS))), labels, reading=reading)
    architecture = replace(SMALL, document_memory=memory)
    shapes = parameter_shapes(architecture, len(vocabulary.characters), len(labels), 12)
    weights = {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes}
    weights["embedding.weight"] = random.normal(size=(len(WORDS) + 1, 12)).astype(np.float16)
    label_set = LabelSet.named("full")
    return Tagger(Model(architecture, vocabulary, encoding, label_set, weights, {}, temperature=temperature))


@pytest.fixture(scope="module")
def one() -> Tagger:
    return tagger_of(1, temperature=3)


@pytest.fixture(scope="module")
def two() -> Tagger:
    """Its labels are in another order."""
    return tagger_of(2, ("ORG", "PER"), temperature=3)


def text(count: int, seed: int = 0) -> list[Sentence]:
    """Random sentences of a few documents, some of them empty."""
    random = np.random.default_rng(seed)
    lengths = random.integers(0, 9, count)
    return [
        Sentence([*random.choice(WORDS, length)], document=str(number // 7))
        for number, length in enumerate(lengths.tolist())
    ]


def enumerated(tagger: Tagger, words: list[str], lengths: Sequence[int] = ()) -> Distribution:
    """The probability of each legal labelling of words that are sentences of these lengths."""
    labels, crf = tagger.model.vocabulary.labels, tagger.decoder.constrained_crf
    encoding = ENCODINGS[tagger.model.encoding]
    emissions, _ = tagger.emissions([Sentence(words)])
    ends = list(itertools.accumulate(lengths or [len(words)]))
    scores = {}
    for path in itertools.product(range(len(labels)), repeat=len(emissions)):
        score = crf.start[path[0]] + crf.end[path[-1]] + sum(map(float, emissions[range(len(path)), path]))
        score += sum(crf.between[pair] for pair in itertools.pairwise(path))
        names = [labels[id_] for id_ in path] + ["O"] * (len(words) - len(path))
        crossing = any(encoding.continues(names[end - 1], names[end]) for end in ends[:-1])
        if score > -np.inf and not crossing:
            parts = [names[start:end] for start, end in itertools.pairwise([0, *ends])]
            key = tuple(tuple(encoding.decode(part)) for part in parts)
            scores[key] = score / tagger.model.temperature
    total = np.logaddexp.reduce(list(scores.values()))
    return {labelling: float(np.exp(score - total)) for labelling, score in scores.items()}


def mixed(*weighted: tuple[float, Distribution]) -> Distribution:
    """The weighted sum of distributions."""
    keys = dict.fromkeys(key for _, each in weighted for key in each)
    return {key: sum(weight * each.get(key, 0) for weight, each in weighted) for key in keys}


def by_span(everything: Distribution, sentences: int = 1) -> list[dict[TokenSpan, float]]:
    """The probability of each span of each sentence."""
    found: list[Counter[TokenSpan]] = [Counter() for _ in range(sentences)]
    for labelling, probability in everything.items():
        for spans, here in zip(labelling, found, strict=True):
            for span in spans:
                here[span] += probability  # type: ignore[assignment]
    return [dict(here) for here in found]


def chained(table: np.ndarray, pairs: np.ndarray, path: list[int]) -> float:
    """The probability of a path in the Markov chain with these probabilities of labels and of pairs."""
    steps = (
        pairs[token, before, after] / table[token - 1, before] if table[token - 1, before] else 0
        for token, (before, after) in enumerate(itertools.pairwise(path), start=1)
    )
    return float(table[0, path[0]] * np.prod([*steps]))


def flat(lists: Iterable[Iterable[float]]) -> list[float]:
    return list(itertools.chain.from_iterable(lists))


@pytest.mark.parametrize("encoding", ["iob", "iobes"])
@pytest.mark.parametrize("words", [["Kari"], ["Kari", "sov"], ["Oslo", "i", "Bergen", "."]])
def test_probabilities_are_those_of_an_enumeration(words: list[str], encoding: str) -> None:
    types = ("PER", "ORG") if len(words) < 4 or encoding == "iob" else ("PER",)
    one = tagger_of(1, types, encoding=encoding, temperature=3)
    two = tagger_of(2, types[::-1], encoding=encoding, temperature=2)
    everything = mixed((0.75, enumerated(one, words)), (0.25, enumerated(two, words)))
    ensemble = Ensemble([one, two], weights=[3, 1])
    table = np.zeros((len(words), len(ensemble.labels)))
    ids = {
        key: [ensemble.labels.index(label) for label in ENCODINGS[encoding].encode(key[0], len(words))]
        for key in everything
    }
    for key, probability in everything.items():
        table[range(len(words)), ids[key]] += probability
    (found,) = ensemble.probabilities([Sentence(words)])
    np.testing.assert_allclose(found, table, rtol=1e-5, atol=1e-9)
    (spans,) = by_span(everything)
    (scores,) = ensemble.span_probabilities([Sentence(words)], [spans])
    assert scores == pytest.approx(list(spans.values()), rel=1e-5, abs=1e-9)
    pairs = np.zeros((len(words), len(ensemble.labels), len(ensemble.labels)))
    for key, probability in everything.items():
        for token, (before, after) in enumerate(itertools.pairwise(ids[key]), start=1):
            pairs[token, before, after] += probability
    (best,) = max(everything, key=lambda key: chained(table, pairs, ids[key]))
    (tagged,) = ensemble.annotate([Sentence(words)], Decoding(scores=True, uncertainty=True))
    assert tagged.token_spans == list(best)
    chain = [chained(table, pairs, path) for path in ids.values()]
    assert tagged.uncertainty is not None
    assert tagged.uncertainty.least_confidence == pytest.approx(1 - max(chain), rel=1e-5)
    assert tagged.uncertainty.entropy == pytest.approx(-sum(p * np.log(p) for p in chain if p), rel=1e-5)
    assert tagged.scores == pytest.approx([spans[span] for span in best], rel=1e-5)


def test_samples_come_as_often_as_they_are_probable(one: Tagger, two: Tagger) -> None:
    words, count = ["Kari", "sov", "i"], 10_000
    everything = mixed((0.75, enumerated(one, words)), (0.25, enumerated(two, words)))
    ensemble, random = Ensemble([one, two], weights=[3, 1]), np.random.default_rng(5)
    sentences = [Sentence(words) for _ in range(count)]
    found = Counter((tuple(spans),) for spans in ensemble.sample(sentences, random))
    assert found.keys() <= everything.keys()
    for key, probability in everything.items():
        deviation = np.sqrt(count * probability * (1 - probability))
        assert abs(found[key] - count * probability) < 5 * deviation + 1
    again = [tuple(spans) for spans in ensemble.sample(sentences[:100], np.random.default_rng(5))]
    assert again == [tuple(spans) for spans in ensemble.sample(sentences[:100], np.random.default_rng(5))]


@pytest.mark.parametrize("robust", [True, False])
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("temperature", [0.2, 4])
def test_an_ensemble_of_one_finds_what_the_tagger_finds(
    robust: bool, encoding: str, temperature: float
) -> None:
    one = tagger_of(7, encoding=encoding, robust=robust, memory=3, temperature=temperature)
    sentences, ensemble = text(60), Ensemble([one])
    for ours, theirs in zip(
        ensemble.probabilities(sentences), one.label_probabilities(sentences), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    spans = [
        [TokenSpan(0, 1, "PER"), TokenSpan(0, len(each), "X")] if len(each) else [] for each in sentences
    ]
    found = ensemble.span_probabilities(sentences, spans)
    assert flat(found) == pytest.approx(flat(one.span_probabilities(sentences, spans)), rel=1e-12)
    assert [each.token_spans for each in ensemble.annotate(sentences)] == one.predict(sentences)
    assert ensemble.predict(sentences) == one.predict(sentences)
    for decoding in (Decoding(), Decoding(scores=True, min_score=0.4), Decoding(scores=True, recall=0.1)):
        ours, theirs = ensemble.annotate(text(60), decoding), one.annotate(text(60), decoding)
        assert [each.token_spans for each in ours] == [each.token_spans for each in theirs]
        scores = [flat(each.scores for each in found if each.scores) for found in (ours, theirs)]
        assert scores[0] == pytest.approx(scores[1], rel=1e-12)
        assert bool(scores[0]) == decoding.scores
    ours, theirs = (model.annotate(text(60), Decoding(uncertainty=True)) for model in (ensemble, one))
    doubts = [flat(each.uncertainty for each in found if each.uncertainty) for found in (ours, theirs)]
    assert doubts[0] == pytest.approx(doubts[1], rel=1e-9, abs=1e-9)
    assert len(doubts[0]) == 2 * 60


def test_models_that_disagree_meet_in_the_middle(one: Tagger, two: Tagger) -> None:
    sentences = text(60)
    order = [two.model.vocabulary.labels.index(label) for label in one.model.vocabulary.labels]
    pairs = zip(one.label_probabilities(sentences), two.label_probabilities(sentences), strict=True)
    for found, (first, second) in zip(
        Ensemble([one, two]).probabilities(sentences), list(pairs), strict=True
    ):
        np.testing.assert_allclose(found, (first + second[:, order]) / 2, atol=1e-12)
    alone, other = ([each.token_spans for each in Ensemble([m]).annotate(text(60))] for m in (one, two))
    assert alone != other
    heavy = Ensemble([one, two], weights=[1e12, 1]).annotate(sentences)
    assert [each.token_spans for each in heavy] == alone


@pytest.mark.parametrize("encoding", ["iob", "iobes"])
@pytest.mark.parametrize("lengths", [[1, 2], [2, 1], [1, 0, 1, 1], [3]])
@pytest.mark.parametrize("robust", [True, False])
def test_a_group_is_read_as_one_sentence_whose_spans_end_with_theirs(
    lengths: list[int], encoding: str, robust: bool
) -> None:
    """A model that leaves out a full stop at the end does so at the end of a group."""
    tagger = tagger_of(3, encoding=encoding, temperature=3, robust=robust)
    words = ["Kari", "Oslo", "."]
    ends = [0, *itertools.accumulate(lengths)]
    sentences = [Sentence(words[start:end], document="a") for start, end in itertools.pairwise(ends)]
    spans = by_span(enumerated(tagger, words, lengths), len(sentences))
    ensemble = Ensemble([tagger], groups=[128])
    found = ensemble.span_probabilities(sentences, spans)
    for scores, here in zip(found, spans, strict=True):
        assert scores == pytest.approx(list(here.values()), rel=1e-5, abs=1e-9)
    np.testing.assert_allclose([each.sum() for each in np.concatenate(ensemble.probabilities(sentences))], 1)
    alone = Ensemble([tagger]).span_probabilities(sentences, spans)
    if len(sentences) > 1 and not robust:
        assert alone != found
    assert Ensemble([tagger], groups=[1]).span_probabilities(sentences, spans) == alone
    for number, sentence in enumerate(sentences):
        sentence.document = str(number)
    assert ensemble.span_probabilities(sentences, spans) == alone
    for drawn, sentence in zip(ensemble.sample(sentences, np.random.default_rng(1)), sentences, strict=True):
        assert all(span.end <= len(sentence) for span in drawn)


def test_spans_that_the_best_labels_miss_are_found_by_their_mean(one: Tagger, two: Tagger) -> None:
    for groups in (None, [0, 10]):
        ensemble, sentences = Ensemble([one, two], groups=groups), text(30)
        posterior = ensemble.posterior(sentences)
        rows, probabilities = posterior.probable_spans(0.1)
        spans = [(row[0], posterior.token_span(row)) for row in rows.tolist()]
        found = dict(zip(spans, probabilities, strict=True))
        everything = [
            [
                TokenSpan(a, b, type_)
                for a in range(len(each))
                for b in range(a + 1, len(each) + 1)
                for type_ in posterior.types
            ]
            for each in sentences
        ]
        expected = {
            (number, span): probability
            for number, (here, scores) in enumerate(
                zip(everything, ensemble.span_probabilities(sentences, everything), strict=True)
            )
            for span, probability in zip(here, scores, strict=True)
            if probability >= 0.1
        }
        assert len(found) > 10
        assert found == pytest.approx(expected)
        assert rows[:, 1].tolist() == sorted(rows[:, 1])


def test_groups_fill_up_to_their_tokens_within_a_document(two: Tagger) -> None:
    lengths = [2, 2, 2, 7, 1, 1]
    sentences = [Sentence(["Oslo"] * length, document="a") for length in lengths]
    asked = [[TokenSpan(0, 1, "PER")]] * len(lengths)
    found = flat(Ensemble([two], groups=[5]).span_probabilities(sentences, asked))
    parts = [sentences[:2], sentences[2:3], sentences[3:4], sentences[4:]]
    expected = [
        flat(Ensemble([two], groups=[100]).span_probabilities(part, asked[: len(part)])) for part in parts
    ]
    assert found == flat(expected)


def test_a_stream_is_tagged_as_the_list_of_it(
    one: Tagger, two: Tagger, monkeypatch: pytest.MonkeyPatch
) -> None:
    remembering = tagger_of(4, memory=6)
    for members, groups in (([one, two], None), ([one, remembering], None), ([one, two], [0, 15])):
        ensemble, sentences = Ensemble(members, groups=groups), text(60)
        expected = [(each.token_spans, each.scores) for each in ensemble.annotate(sentences)]
        for threads in (1, 3):
            monkeypatch.setattr(module, "CHUNK_TOKENS", 40)
            stream = Ensemble(members, groups=groups, threads=threads).tag_stream(iter(text(60)))
            found = [(each.token_spans, each.scores) for each in stream]
            monkeypatch.undo()
            assert [spans for spans, _ in found] == [spans for spans, _ in expected]
            scores = [flat(scores for _, scores in each if scores) for each in (found, expected)]
            assert scores[0] == pytest.approx(scores[1], rel=1e-5)
    assert ensemble.annotate([]) == ensemble.probabilities([]) == ensemble.span_probabilities([], []) == []


def test_models_that_cannot_be_averaged_are_refused(one: Tagger, two: Tagger) -> None:
    with pytest.raises(UsageError, match=r"model 3 .*model 1.*lacks PER.*adds LOC"):
        Ensemble([one, two, tagger_of(3, ("ORG", "LOC"))])
    with pytest.raises(UsageError, match=r"model 1 .*iob, model 2 .*iobes"):
        Ensemble([one, tagger_of(3, encoding="iobes")])
    for wrong in ([1], [1, 0], [1, float("nan")], [1, float("inf")]):
        with pytest.raises(UsageError, match="weight"):
            Ensemble([one, two], weights=wrong)
    for groups in ([1], [0, -1], [0, 0.5]):
        with pytest.raises(UsageError, match="group"):
            Ensemble([one, two], groups=groups)
    for decoding in (Decoding(nbest=2), Decoding(consistent=True)):
        with pytest.raises(UsageError, match="ensemble"):
            Ensemble([one]).annotate([Sentence(["Oslo"])], decoding)
    with pytest.raises(UsageError, match="no models"):
        Ensemble([])
    with pytest.raises(ValueError, match="inside"):
        Ensemble([one]).span_probabilities([Sentence(["Oslo"])], [[TokenSpan(0, 2, "PER")]])
