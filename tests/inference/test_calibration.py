"""The temperature: fitted, stored, used; `model calibrate`; and its place in a run's report."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bilstm_crf import Tagger
from bilstm_crf.config import RunConfig
from bilstm_crf.errors import ModelFolderError
from bilstm_crf.evaluation.report import map_types
from bilstm_crf.formats import read
from bilstm_crf.inference import calibration
from bilstm_crf.inference.calibration import Evidence, fit_temperature
from bilstm_crf.labels import read_spans
from bilstm_crf.model.model_folder import load_model, set_temperature
from bilstm_crf.render.markdown import to_markdown
from bilstm_crf.render.page import to_html
from bilstm_crf.reports.document import build_report
from bilstm_crf.reports.read import read_report_data
from bilstm_crf.sentence import Sentence, TokenSpan
from bilstm_crf.training import run
from bilstm_crf.training.records import read_metrics
from done import Done
from runs import ROOT, TINY, TRAIN, start

Cli = Callable[..., Done]


class Drawn:
    """Evidence whose scores are right at one temperature."""

    def __init__(self, truth: float, spans: int = 5_000) -> None:
        random = np.random.default_rng(0)
        self.logits = random.normal(2, 3, size=spans)
        self.right = random.random(spans) < self.scores(truth)

    def scores(self, temperature: float) -> np.ndarray:
        return 1 / (1 + np.exp(-self.logits / temperature))

    log_loss = Evidence.log_loss


@pytest.fixture
def copy(tiny_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


@pytest.fixture(scope="module")
def gold() -> list[Sentence]:
    sentences = list(read(TRAIN))
    read_spans(sentences)
    return sentences


@pytest.mark.parametrize("truth", [0.5, 1.0, 3.0])
def test_the_temperature_that_made_the_data_is_found(truth: float) -> None:
    assert fit_temperature(Drawn(truth)) == pytest.approx(truth, rel=0.1)


def test_where_nothing_can_be_learned_it_is_one() -> None:
    few, never_wrong = Drawn(2.0, spans=20), Drawn(2.0)
    never_wrong.right[:] = True
    assert fit_temperature(few) == fit_temperature(never_wrong) == 1.0


def test_evidence_is_what_the_tagger_says(tiny_model: Path, gold: list[Sentence]) -> None:
    tagger = Tagger.load(tiny_model)
    expected = map_types(gold, tagger.label_set)
    evidence = Evidence(tagger, gold, expected)
    tagged = [
        (span, score)
        for document in [tagger.tag_sentences([each.tokens for each in gold], scores=True)]
        for sentence in document
        for span, score in zip(sentence.token_spans or (), sentence.scores or (), strict=True)
    ]
    assert len(evidence.right) == len(tagged) > 100
    np.testing.assert_allclose(evidence.scores(1.0), [score for _, score in tagged], rtol=1e-6)
    right = sum(
        span in set(expected[number]) for number, spans in enumerate(tagger.predict(gold)) for span in spans
    )
    assert evidence.right.sum() == right
    scores, known = evidence.candidates(1.0, 0.05)
    assert len(scores) == len(known) > len(tagged)
    assert known.sum() >= right - (evidence.scores(1.0) < 0.05).sum()


def test_it_changes_scores_and_no_label(copy: Path, gold: list[Sentence]) -> None:
    sharp, words = Tagger.load(copy), [each.tokens for each in gold[:60]]
    set_temperature(copy, 3.0)
    flat = Tagger.load(copy)
    assert flat.model.temperature == 3.0
    one, other = (each.tag_sentences(words, scores=True) for each in (sharp, flat))
    assert [each.token_spans for each in one] == [each.token_spans for each in other]
    sums = [sum(score for each in found for score in each.scores or ()) for found in (one, other)]
    assert sums[0] > sums[1] * 1.05


def test_only_the_temperature_changes_in_the_file(copy: Path) -> None:
    before = json.loads((copy / "model.json").read_text("utf-8"))
    set_temperature(copy, 2.5)
    assert json.loads((copy / "model.json").read_text("utf-8")) == {**before, "temperature": 2.5}


def test_models_of_older_versions_have_none() -> None:
    assert load_model(ROOT / "tests" / "models" / "version-0.1.0").temperature == 1.0


@pytest.mark.parametrize("value", [0, -1, 1e9, "2", None, True, float("nan"), float("inf"), [2.0]])
def test_no_other_value_is_a_temperature(copy: Path, value: object) -> None:
    path = copy / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), "temperature": value}), "utf-8")
    with pytest.raises(ModelFolderError, match="temperature"):
        load_model(copy)


def test_the_command_fits_and_stores_it(cli: Cli, copy: Path) -> None:
    dry = cli("model", "calibrate", "--model", copy, "--dev", TRAIN, "--dry-run")
    assert dry.status == 0, dry.err
    assert load_model(copy).temperature == 1.0
    done = cli("model", "calibrate", "--model", copy, "--dev", TRAIN)
    assert done.status == 0, done.err
    assert "temperature" in done.err
    assert load_model(copy).temperature != 1.0
    again = cli("model", "calibrate", "--model", copy, "--dev", TRAIN)
    assert again.err == done.err  # it starts from the scores, not from what is stored


def test_a_dev_set_with_few_names_is_refused(cli: Cli, copy: Path, tmp_path: Path) -> None:
    dev = tmp_path / "dev.conll"
    dev.write_text("Kari B-PER\nsov O\n\n" * 3, "utf-8")
    done = cli("model", "calibrate", "--model", copy, "--dev", dev)
    assert done.status == 2
    assert "100" in done.err
    assert load_model(copy).temperature == 1.0


def test_a_run_stores_it_and_reports_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (calibration, run):
        monkeypatch.setattr(module, "MIN_SPANS", 20)
    start(RunConfig().replace({**TINY, "epochs": 5, "train": TRAIN, "dev": TRAIN}), tmp_path / "run")
    found = read_metrics(tmp_path / "run").calibration
    assert found is not None
    assert load_model(tmp_path / "run").temperature == found.temperature
    report = build_report(read_report_data(tmp_path / "run"))
    page, text = to_html(report), to_markdown(report)
    assert "Calibration on dev" in page
    assert "Calibration on dev" in text
    assert f"Temperature {found.temperature:.2f}" in text
    assert "perfect scores" in page


def test_any_span_has_a_probability(tiny_model: Path, gold: list[Sentence]) -> None:
    tagger, sentences = Tagger.load(tiny_model), gold[:30]
    labels = tagger.label_probabilities(sentences)
    tagged = tagger.tag_sentences([each.tokens for each in sentences], scores=True)
    spans = [[*(each.token_spans or ()), TokenSpan(0, 1, "PER"), TokenSpan(0, 1, "X")] for each in tagged]
    found = tagger.span_probabilities(sentences, spans)
    begins = tagger.model.vocabulary.labels.index("B-PER")
    for sentence, table, scores in zip(tagged, labels, found, strict=True):
        np.testing.assert_allclose(table.sum(axis=1), 1)
        assert table.shape == (len(sentence), len(tagger.model.vocabulary.labels))
        assert scores[:-2] == pytest.approx(sentence.scores)
        assert 0 < scores[-2] <= table[0, begins] + 1e-12
        assert scores[-1] == 0
    assert tagger.label_probabilities([]) == tagger.span_probabilities([], []) == []
    with pytest.raises(ValueError, match="inside"):
        tagger.span_probabilities(sentences[:1], [[TokenSpan(0, 10_000, "PER")]])
