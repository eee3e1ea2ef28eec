"""Presidio: recognizers for Norwegian names and identifiers (extra `presidio`). docs/presidio.md shows how.

text ─► Tagger ─► PERSON, LOCATION, ORGANIZATION with their probabilities
text ─► patterns and control digits of pseudonyms/identifiers.py ─► words around ─► NO_FODSELSNUMMER, …

No recognizer here uses the tokens or lemmas of Presidio's NLP engine, so an engine without a Norwegian model
(`no_op`, or a blank spaCy pipeline) is as good as any.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from bilstm_crf.errors import UsageError, did_you_mean
from bilstm_crf.hub.fetch import find
from bilstm_crf.inference.decoding import Decoding
from bilstm_crf.inference.tagger import Tagger
from bilstm_crf.pseudonyms import identifiers
from bilstm_crf.util.extras import optional_import

with optional_import():
    from presidio_analyzer import (
        AnalysisExplanation,
        LocalRecognizer,
        Pattern,
        PatternRecognizer,
        RecognizerRegistry,
        RecognizerResult,
    )

LANGUAGES = ("nb", "nn", "no")

# Presidio's entity for each entity type. Products, events and derived words (DRV) name no person or place.
ENTITIES = {
    "PER": "PERSON",
    "ORG": "ORGANIZATION",
    "LOC": "LOCATION",
    "GPE_LOC": "LOCATION",
    "GPE_ORG": "LOCATION",
    "GPE": "LOCATION",
}

_SURROGATE = re.compile("[\ud800-\udfff]")


def add_norwegian_recognizers(
    registry: RecognizerRegistry,
    *,
    model: str | Path | Tagger | None = None,
    entities: Mapping[str, str] | None = None,
    min_score: float = 0.0,
    recall: float | None = None,
    languages: Iterable[str] | None = None,
) -> None:
    """Add the recognizers of names and identifiers, for each Norwegian language of the registry.

    `model`, `entities`, `min_score` and `recall` are those of `NorwegianNameRecognizer`; `languages` by
    default those of the registry that are nb, nn or no. Raises UsageError if there are none, and for a
    language that the registry does not have.
    """
    if languages is None:
        languages = [each for each in registry.supported_languages if each in LANGUAGES]
    languages = [languages] if isinstance(languages, str) else list(languages)
    unknown = [each for each in languages if each not in registry.supported_languages]
    if unknown or not languages:
        found, wanted = ", ".join(registry.supported_languages), (*unknown, "nb or nn")[0]
        raise UsageError(
            f"the registry's languages are {found}, expected {wanted} among them",
            hint='RecognizerRegistry(supported_languages=["nb", "nn"])',
        )
    for language in languages:
        names = NorwegianNameRecognizer(
            language, model=model, entities=entities, min_score=min_score, recall=recall
        )
        registry.add_recognizer(names)
        for identifier in IDENTIFIER_RECOGNIZERS:
            registry.add_recognizer(identifier(language))


# ---------------------------------------------------------------- names


@cache  # the recognizers of two languages share a model
def _load(model: str | Path | None) -> Tagger:
    return Tagger.load(None if model is None else find(model))


class NorwegianNameRecognizer(LocalRecognizer):
    """Finds names with a trained model; scores are the probabilities of the spans."""

    name: str

    def __init__(
        self,
        supported_language: str = "nb",
        *,
        model: str | Path | Tagger | None = None,
        entities: Mapping[str, str] | None = None,
        min_score: float = 0.0,
        recall: float | None = None,
        name: str | None = None,
        context: list[str] | None = None,
    ) -> None:
        """`model`: a folder, OWNER/NAME (a model of the hub, fetched before) or a tagger; by default the box.

        `entities` maps entity types to Presidio's entities; other types are left out. By default `ENTITIES`.
        `min_score` and `recall` are those of `Tagger.tag`. Raises UsageError for options out of bounds and
        for types that the model does not find, and what `hub.fetch.find` and `Tagger.load` raise.
        """
        if isinstance(model, Tagger):
            self._tagger = model
        else:
            self._tagger = _load(model)
        self._entities = _known(self._tagger.entity_types, entities)
        self._min_score, self._recall = min_score, recall
        Decoding(min_score=min_score, recall=recall)  # raises now, not at the first text
        super().__init__(
            supported_entities=sorted(set(self._entities.values())),
            supported_language=supported_language,
            name=name or type(self).__name__,
            context=context,
        )

    def load(self) -> None:
        """Do nothing: the model is loaded already."""

    def analyze(self, text: str, entities: list[str], nlp_artifacts: object = None) -> list[RecognizerResult]:
        """Return the names of a text whose entities are asked for; places count code points of the text."""
        types = {type_: entity for type_, entity in self._entities.items() if entity in entities}
        if not types:
            return []
        document = self._tagger.tag(
            _SURROGATE.sub("\ufffd", text),  # half a character, as JSON can hold; it stays one code point
            min_score=self._min_score,
            recall=self._recall,
            recall_types=frozenset(types),
        )
        spans = [span for span in document.spans if span.label in types]
        return [
            self._result(types[span.label], span.label, span.start, span.end, span.score or 0.0)
            for span in spans
        ]

    def _result(self, entity: str, type_: str, start: int, end: int, score: float) -> RecognizerResult:
        explanation = AnalysisExplanation(
            recognizer=self.name,
            original_score=score,
            textual_explanation=f"{type_} with probability {score:.3f} by bilstm_crf",
        )
        metadata = {
            RecognizerResult.RECOGNIZER_NAME_KEY: self.name,
            RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: self.id,
        }
        return RecognizerResult(entity, start, end, score, explanation, metadata)


def _known(types: Collection[str], entities: Mapping[str, str] | None) -> dict[str, str]:
    """Return the entities of the types that a model finds. Raises UsageError for other types."""
    if entities is None:
        return {type_: entity for type_, entity in ENTITIES.items() if type_ in types}
    for type_ in entities:
        if type_ not in types:
            found = f"entities has the type {type_!r}, which the model does not find."
            raise UsageError(found + did_you_mean(type_, types), hint=" ".join(sorted(types)))
    return dict(entities)


# ---------------------------------------------------------------- identifiers

CONTEXT_SCORE = 0.85  # of a number with the right control digits, and a word near it that says what it is
_WORD = re.compile(r"\w+(?:[.-]\w+)*")
_REACH = 120  # characters before and after a number that are searched for words
_WHOLE = 5  # letters of context words that must be whole words; longer ones may be part of one


class NorwegianIdentifierRecognizer(PatternRecognizer):
    """The base of the recognizers below: a pattern, control digits, and words around that tell what it is.

    The words are sought in the text itself. Presidio's own way needs lemmas, which no engine has that lacks
    a Norwegian model.
    """

    COUNTRY_CODE = "no"
    ENTITY: ClassVar[str] = ""
    PATTERNS: ClassVar[dict[str, float]] = {}  # with their scores, if no word around says what it is
    CONTEXT: ClassVar[tuple[str, ...]] = ()  # Bokmål and Nynorsk, since texts of one quote the other
    WORDS_BEFORE: ClassVar[int] = 5
    WORDS_AFTER: ClassVar[int] = 2
    NEEDS_CONTEXT: ClassVar[bool] = False

    def __init__(
        self,
        supported_language: str = "nb",
        supported_entity: str | None = None,
        context: list[str] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(
            supported_entity=supported_entity or self.ENTITY,
            name=name or type(self).__name__,
            supported_language=supported_language,
            patterns=[Pattern(self.ENTITY, regex, score) for regex, score in self.PATTERNS.items()],
            context=list(self.CONTEXT) if context is None else context,
        )

    def enhance_using_context(
        self,
        text: str,
        raw_recognizer_results: list[RecognizerResult],
        other_raw_recognizer_results: list[RecognizerResult],
        nlp_artifacts: object = None,
        context: list[str] | None = None,
    ) -> list[RecognizerResult]:
        """Raise the score of a number near one of `self.context`; `context` has words that hold anywhere.

        Where a word is needed, numbers without any are left out.
        """
        kept = []
        for result in raw_recognizer_results:
            around = [*self._words_around(text, result.start, result.end), *map(_plain, context or [])]
            word = next((each for each in self.context or [] if _stands_in(_plain(each), around)), None)
            if word is not None:
                result.score = max(result.score, CONTEXT_SCORE)
                result.recognition_metadata[RecognizerResult.IS_SCORE_ENHANCED_BY_CONTEXT_KEY] = True
                if result.analysis_explanation is not None:
                    result.analysis_explanation.set_supportive_context_word(word)
                    result.analysis_explanation.set_improved_score(result.score)
            if word is not None or not self.NEEDS_CONTEXT:
                kept.append(result)
        return kept

    def _words_around(self, text: str, start: int, end: int) -> list[str]:
        """Return the words near a number, in plain form."""
        before = _WORD.findall(_plain(text[max(0, start - _REACH) : start]))
        after = _WORD.findall(_plain(text[end : end + _REACH]))
        if self.NEEDS_CONTEXT:  # what stands before another number belongs to that
            numbers = [place for place, word in enumerate(before) if word[-1].isdecimal()]
            before = before[numbers[-1] + 1 :] if numbers else before
        return before[max(0, len(before) - self.WORDS_BEFORE) :] + after[: self.WORDS_AFTER]


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


def _stands_in(word: str, around: list[str]) -> bool:
    return word in around or (len(word) > _WHOLE and any(word in each for each in around))


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


class NoFodselsnummerRecognizer(NorwegianIdentifierRecognizer):
    """Fødselsnummer: a date of birth and two control digits. Synthetic ones, made for tests, as well."""

    ENTITY = "NO_FODSELSNUMMER"
    PATTERNS: ClassVar = {identifiers.NATIONAL_ID_PATTERN: 0.5}
    CONTEXT = ("fødselsnummer", "fødselsnr", "fnr", "personnummer", "personnr", "født", "fødd")

    def validate_result(self, pattern_text: str) -> bool | None:
        """Return True or False: no other number passes by chance."""
        digits = _digits(pattern_text)
        return identifiers.is_national_id(digits) and not identifiers.is_d_number(digits)


class NoDNummerRecognizer(NorwegianIdentifierRecognizer):
    """D-number: a fødselsnummer with 40 added to the day, for people who are not registered as resident."""

    ENTITY = "NO_D_NUMMER"
    PATTERNS: ClassVar = {identifiers.NATIONAL_ID_PATTERN: 0.5}
    CONTEXT = ("d-nummer", "dnummer", "d-nr", "dnr")

    def validate_result(self, pattern_text: str) -> bool | None:
        """Return True or False: no other number passes by chance."""
        return identifiers.is_d_number(_digits(pattern_text))


class NoKontonummerRecognizer(NorwegianIdentifierRecognizer):
    """Bank account: eleven digits, one of them a control digit. Presidio's `IbanRecognizer` finds IBANs."""

    ENTITY = "NO_KONTONUMMER"
    PATTERNS: ClassVar = {identifiers.DOTTED_ACCOUNT_PATTERN: 0.6, identifiers.ACCOUNT_PATTERN: 0.3}
    CONTEXT = (
        "konto",
        "kontoen",
        "bankkonto",
        "lønnskonto",
        "sparekonto",
        "kontonummer",
        "kontonr",
        "giro",
        "overfør",
        "innbetal",
        "utbetal",
    )

    def validate_result(self, pattern_text: str) -> bool | None:
        """Return False for wrong control digits; else None, since one number of eleven passes by chance.

        A national id has the control digit of an account as well, by the same weights: False for it.
        """
        digits = _digits(pattern_text)
        is_account = identifiers.is_account_number(digits) and not identifiers.is_national_id(digits)
        return None if is_account else False


class NoOrganisasjonsnummerRecognizer(NorwegianIdentifierRecognizer):
    """Organisation number: nine digits, one of them a control digit; public, but perhaps one person's."""

    ENTITY = "NO_ORGANISASJONSNUMMER"
    PATTERNS: ClassVar = {identifiers.ORGANISATION_PATTERN: 0.3}
    CONTEXT = ("organisasjonsn", "orgnr", "org.nr", "org", "foretak", "føretak", "mva", "brønnøysund")

    def validate_result(self, pattern_text: str) -> bool | None:
        """Return False for wrong control digits; else None, since one number of eleven passes by chance."""
        return None if identifiers.is_organisation_number(_digits(pattern_text)) else False


class NoKidRecognizer(NorwegianIdentifierRecognizer):
    """KID, the reference of a payment: only after a word for it, since every fifth number could be one."""

    ENTITY = "NO_KID"
    PATTERNS: ClassVar = {identifiers.KID_PATTERN: 0.05}
    CONTEXT = (
        "kid",
        "kid-nummer",
        "kid-nr",
        "kidnummer",
        "kidnr",
        "kundeidentifikasjon",
        "betalingsreferanse",
    )
    WORDS_BEFORE = 4
    WORDS_AFTER = 0
    NEEDS_CONTEXT = True

    def validate_result(self, pattern_text: str) -> bool | None:
        """Return False for wrong control digits, else None."""
        return None if identifiers.is_kid(pattern_text) else False


IDENTIFIER_RECOGNIZERS: tuple[Any, ...] = (
    NoFodselsnummerRecognizer,
    NoDNummerRecognizer,
    NoKontonummerRecognizer,
    NoOrganisasjonsnummerRecognizer,
    NoKidRecognizer,
)
