"""Presidio's engines with our recognizers: Norwegian names and identifiers, at the right places of a text."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("presidio_analyzer", reason="needs the extra `presidio`")
pytest.importorskip("presidio_anonymizer", reason="needs the extra `presidio`")

import spacy
from presidio_analyzer import (
    AnalyzerEngine,
    AnalyzerEngineProvider,
    BatchAnalyzerEngine,
    RecognizerRegistry,
)
from presidio_analyzer.nlp_engine import NoOpNlpEngine, SpacyNlpEngine
from presidio_anonymizer import AnonymizerEngine

from bilstm_crf.errors import ModelFolderError, UsageError
from bilstm_crf.hub.fetch import fetch
from bilstm_crf.hub.names import Repository
from bilstm_crf.inference import box
from bilstm_crf.inference.tagger import Tagger
from bilstm_crf.integrations.presidio import (
    IDENTIFIER_RECOGNIZERS,
    NoKidRecognizer,
    NorwegianNameRecognizer,
    add_norwegian_recognizers,
)
from hub_server import Hub

FNR, D_NUMBER, ACCOUNT, ORGANISATION, KID = (
    "17912099997", "41819012359", "12345678903", "923609016", "12345674",
)  # fmt: skip
OLD_MODEL = Path(__file__).resolve().parents[1] / "models" / "version-0.1.0"

pytestmark = pytest.mark.skipif(
    not (box.FOLDER / "model.json").is_file(), reason="needs the model in the box: this checkout has none"
)


class BlankSpacyEngine(SpacyNlpEngine):
    """spaCy's tokenisers for Norwegian, and no model."""

    def load(self) -> None:
        self.nlp = {"nb": spacy.blank("nb"), "nn": spacy.blank("nn")}


def no_op() -> NoOpNlpEngine:
    return NoOpNlpEngine([{"lang_code": each, "model_name": "none"} for each in ("nb", "nn")])


def analyzer(engine: Any, **options: Any) -> AnalyzerEngine:
    registry = RecognizerRegistry(supported_languages=["nb", "nn"])
    add_norwegian_recognizers(registry, **options)
    return AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=["nb", "nn"])


@pytest.fixture(scope="module", params=["no_op", "blank"])
def engine(request: pytest.FixtureRequest) -> AnalyzerEngine:
    return analyzer(no_op() if request.param == "no_op" else BlankSpacyEngine())


@pytest.fixture(scope="module")
def plain() -> AnalyzerEngine:
    return analyzer(no_op())


def found(engine: AnalyzerEngine, text: str, **options: Any) -> set[tuple[str, str]]:
    results = engine.analyze(text, language="nb", **options)
    return {(each.entity_type, text[each.start : each.end]) for each in results}


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("nb", "Kari Nordmann bor i Bergen.", "<PERSON> bor i <LOCATION>."),
        ("nn", "Ho heiter Kari Nordmann og bur i Bergen.", "Ho heiter <PERSON> og bur i <LOCATION>."),
        ("nb", "Erna Solberg besøkte Universitetet i Oslo.", "<PERSON> besøkte <ORGANIZATION>."),
    ],
)
def test_names_are_anonymised(engine: AnalyzerEngine, language: str, text: str, expected: str) -> None:
    results = engine.analyze(text, language=language)
    assert AnonymizerEngine().anonymize(text, results).text == expected


DECORATIONS = [
    "😀 {} 👩🏽\u200d🚒",
    "\ufeff{}",
    "En linje.\r\n{}\r\n",
    "a\rb\n\n{}\u2028",
    "e\u0301 Å " + unicodedata.normalize("NFD", "Åse åpner. ") + "{}",
    "\ud83d {}",  # half a character, as JSON can hold
]


@pytest.mark.parametrize("around", DECORATIONS)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_places_are_right_in_any_text(plain: AnalyzerEngine, around: str, form: str) -> None:
    name = unicodedata.normalize(form, "Åse Nordmann")
    text = around.format(f"{name} (fnr. {FNR}) bur i Bergen.")
    expected = {("PERSON", name), ("NO_FODSELSNUMMER", FNR), ("LOCATION", "Bergen")}
    assert expected <= found(plain, text)


def test_scores_are_the_probabilities_of_the_tagger(plain: AnalyzerEngine) -> None:
    text = "Kari Nordmann bur i Bergen."
    results = plain.analyze(text, language="nn", return_decision_process=True)
    scores = {each.start: each.score for each in results}
    spans = Tagger.load().tag(text).spans
    assert scores == {each.start: pytest.approx(each.score, abs=1e-6) for each in spans}
    assert all("probability" in each.analysis_explanation.textual_explanation for each in results)


def test_only_the_entities_that_are_asked_for_come_out(plain: AnalyzerEngine) -> None:
    text = f"Kari Nordmann bur i Bergen, konto {ACCOUNT}."
    assert found(plain, text, entities=["LOCATION"]) == {("LOCATION", "Bergen")}
    assert found(plain, text, entities=["NO_KONTONUMMER"]) == {("NO_KONTONUMMER", ACCOUNT)}


def test_a_fetched_model_is_found_by_its_name(hub: Hub) -> None:
    hub.add("kari/navn", OLD_MODEL)
    with pytest.raises(ModelFolderError, match="fetched"):
        NorwegianNameRecognizer("nb", model="kari/navn")
    fetch(Repository("kari/navn"))
    assert "PERSON" in NorwegianNameRecognizer("nb", model="kari/navn").supported_entities


def test_entities_model_and_scores_are_options() -> None:
    text = "Åse bur i Bergen."
    options = {"entities": {"GPE_LOC": "CITY"}, "min_score": 0.5}
    assert found(analyzer(no_op(), **options), text) == {("CITY", "Bergen")}
    recognizer = NorwegianNameRecognizer("nb", recall=0.001)
    assert len(recognizer.analyze(text, ["PERSON", "LOCATION"])) >= 2
    other = NorwegianNameRecognizer("nb", model=OLD_MODEL)
    names = Tagger.load(OLD_MODEL).tag(text).spans
    assert len(other.analyze(text, other.supported_entities)) == len(names)


def test_wrong_options_are_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="PERS"):
        NorwegianNameRecognizer("nb", entities={"PERS": "PERSON"})
    with pytest.raises(UsageError, match="recall"):
        NorwegianNameRecognizer("nb", recall=2.0)
    with pytest.raises(UsageError, match="nb"):
        add_norwegian_recognizers(RecognizerRegistry())  # of English
    with pytest.raises(UsageError, match="expected nn"):
        add_norwegian_recognizers(RecognizerRegistry(supported_languages=["nb"]), languages=["nb", "nn"])


def test_one_language_may_be_given_as_text() -> None:
    registry = RecognizerRegistry(supported_languages=["nb", "nn"])
    add_norwegian_recognizers(registry, languages="nn")
    assert {each.supported_language for each in registry.recognizers} == {"nn"}


# ---------------------------------------------------------------- identifiers

IDENTIFIERS = [
    ("NO_FODSELSNUMMER", FNR, ["Fødselsnummeret er {}.", "Fnr. {}", "Personnummer: {}"]),
    ("NO_D_NUMMER", D_NUMBER, ["D-nummer {}", "Han har d-nummeret {}."]),
    (
        "NO_KONTONUMMER",
        ACCOUNT,
        ["Kontonummer {}", "Betal til konto {}.", "Overfør til {}", "Bankkontoen {}"],
    ),
    ("NO_ORGANISASJONSNUMMER", ORGANISATION, ["Org.nr. {}", "Orgnr: {}", "Føretaket {}", "NO {} MVA"]),
    ("NO_KID", KID, ["KID: {}", "med KID-nummer {}", "Betalingsreferansen er {}", "kid-nummeret ditt er {}"]),
]


@pytest.mark.parametrize(("entity", "number", "texts"), IDENTIFIERS, ids=[each[0] for each in IDENTIFIERS])
def test_an_identifier_is_found_with_a_word_that_says_what_it_is(
    engine: AnalyzerEngine, entity: str, number: str, texts: list[str]
) -> None:
    for text in texts:
        for language in ("nb", "nn"):
            results = engine.analyze(text.format(number), language=language, entities=[entity])
            assert [each.score >= 0.85 for each in results] == [True], text
            assert text.format(number)[results[0].start : results[0].end] == number


@pytest.mark.parametrize(
    ("entity", "spelling"),
    [
        ("NO_FODSELSNUMMER", "179120 99997"),
        ("NO_D_NUMMER", "418190-12359"),
        ("NO_KONTONUMMER", "1234.56.78903"),
        ("NO_KONTONUMMER", "1234 56 78903"),
        ("NO_ORGANISASJONSNUMMER", "923\u00a0609\u00a0016"),
    ],
)
def test_an_identifier_is_found_in_other_spellings(plain: AnalyzerEngine, entity: str, spelling: str) -> None:
    assert found(plain, f"Nummeret er {spelling}.", entities=[entity]) == {(entity, spelling)}


def test_without_a_word_near_it_a_number_is_less_sure(plain: AnalyzerEngine) -> None:
    def score(text: str, entity: str) -> float:
        return max((each.score for each in plain.analyze(text, language="nb", entities=[entity])), default=0)

    assert score(f"{FNR}", "NO_FODSELSNUMMER") == 1  # no other number passes
    assert 0 < score(f"Kontoret {ACCOUNT}", "NO_KONTONUMMER") < 0.5  # no account in an office
    assert 0 < score(f"Tallet {ORGANISATION}", "NO_ORGANISASJONSNUMMER") < 0.5
    assert score(f"Tallet {KID}", "NO_KID") == 0
    assert score(f"KID 1234567, beløp {KID}", "NO_KID") == 0  # the word belongs to the other number


def test_words_that_hold_for_the_whole_text_count(plain: AnalyzerEngine) -> None:
    assert found(plain, KID, entities=["NO_KID"], context=["kid"]) == {("NO_KID", KID)}


def test_a_national_id_is_no_account_though_it_has_the_control_digit(plain: AnalyzerEngine) -> None:
    assert found(plain, f"Konto {FNR}") == {("NO_FODSELSNUMMER", FNR)}


@pytest.mark.parametrize("recognizer", IDENTIFIER_RECOGNIZERS, ids=lambda each: each.ENTITY)
@given(st.data())
@settings(max_examples=40)
def test_a_number_with_a_wrong_digit_is_none(recognizer: Any, data: Any) -> None:
    number = {each[0]: each[1] for each in IDENTIFIERS}[recognizer.ENTITY]
    number = "1234567897" if recognizer is NoKidRecognizer else number  # modulo 10; see the next line
    place = data.draw(st.integers(0, len(number) - 1))
    wrong = (
        number[:place] + str((int(number[place]) + data.draw(st.integers(1, 9))) % 10) + number[place + 1 :]
    )
    verdict = recognizer("nb").validate_result(wrong)
    if recognizer is not NoKidRecognizer or not is_modulo_11(wrong):  # the other rule may allow it
        assert verdict is False


def is_modulo_11(kid: str) -> bool:
    """The rule for KID, written in another way."""
    return sum(int(digit) * (1 if not place else 2 + (place - 1) % 6)
               for place, digit in enumerate(reversed(kid))) % 11 == 0  # fmt: skip


@given(st.text(st.sampled_from("0123456789 .-:KIDonrkt\u00a0å\n"), max_size=80))
@settings(max_examples=60)
def test_any_text_with_numbers_is_analysed(plain: AnalyzerEngine, text: str) -> None:
    results = plain.analyze(text, language="nb")
    assert all(0 <= each.start < each.end <= len(text) and 0 < each.score <= 1 for each in results)
    AnonymizerEngine().anonymize(text, results)


# ---------------------------------------------------------------- engines

CONFIGURATION = """
supported_languages: [nb, nn]
nlp_configuration:
  nlp_engine_name: no_op
  models:
    - {lang_code: nb, model_name: none}
    - {lang_code: nn, model_name: none}
recognizer_registry:
  recognizers:
    - {name: NorwegianNameRecognizer, type: predefined}
    - {name: NoFodselsnummerRecognizer, type: predefined}
    - {name: NoKidRecognizer, type: predefined, supported_languages: [{language: nb, context: [referanse]}]}
    - {name: EmailRecognizer, type: predefined}
"""


def test_an_engine_is_configured_by_yaml(tmp_path: Path) -> None:
    (tmp_path / "analyzer.yaml").write_text(CONFIGURATION, "utf-8")
    engine = AnalyzerEngineProvider(analyzer_engine_conf_file=tmp_path / "analyzer.yaml").create_engine()
    text = f"Kari Nordmann ({FNR}), kari@example.no, referanse {KID}"
    expected = {("PERSON", "Kari Nordmann"), ("NO_FODSELSNUMMER", FNR), ("NO_KID", KID)}
    assert expected | {("EMAIL_ADDRESS", "kari@example.no")} <= found(engine, text)


def test_the_recognizers_stand_beside_those_of_presidio(plain: AnalyzerEngine) -> None:
    registry = RecognizerRegistry(supported_languages=["nb", "nn"])
    engine = no_op()
    engine.load()
    registry.load_predefined_recognizers(languages=["nb", "nn"], nlp_engine=engine)
    add_norwegian_recognizers(registry)
    both = AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=["nb", "nn"])
    text = "Kari Nordmann skriv til kari@example.no frå Bergen."
    assert found(both, text) >= found(plain, text) | {("EMAIL_ADDRESS", "kari@example.no")}


def test_many_texts_are_analysed(plain: AnalyzerEngine) -> None:
    texts = ["Kari sov.", "", f"fnr. {FNR}"]
    results = BatchAnalyzerEngine(plain).analyze_iterator(texts, language="nb")
    assert [[each.entity_type for each in here] for here in results] == [["PERSON"], [], ["NO_FODSELSNUMMER"]]
