"""Find well-known identifiers of people in text by checked patterns; no model, no other module needed.

Text comes in; places with a kind come out. Norwegian numbers are checked by their control digits, so a
number that merely has 11 digits is not a `NATIONAL_ID`. What has the form but not the digits is returned
with `is_certain` false: for a report, not for replacing.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import NamedTuple

KINDS = ("EMAIL", "URL", "HANDLE", "NATIONAL_ID", "ACCOUNT", "PHONE", "ORG_NUMBER")
DEFAULT_KINDS = KINDS[:-1]  # the number of an organisation is public and identifies no person


class Identifier(NamedTuple):
    """A place in the text, in code points, and what stands there."""

    start: int
    end: int
    kind: str
    is_certain: bool = True
    is_test: bool = False  # a synthetic national id, as in Skatteetaten's Tenor


def find_identifiers(text: str, kinds: Collection[str] = DEFAULT_KINDS) -> list[Identifier]:
    """Return the identifiers of these kinds in their order, without overlap.

    >>> [(each.kind, each.start) for each in find_identifiers("Ring 22 12 34 56 eller kari@example.no")]
    [('PHONE', 5), ('EMAIL', 23)]
    """
    found: list[Identifier] = []
    for kind in KINDS:  # an earlier kind has the right of way
        if kind in kinds:
            for each in _FINDERS[kind](text):
                if not any(each.start < other.end and other.start < each.end for other in found):
                    found.append(each)
    return sorted(found)


def normalise(kind: str, text: str) -> str:
    """Return the form in which two spellings of an identifier are equal: digits alone, lower case.

    >>> normalise("PHONE", "+47 22 12 34 56") == normalise("PHONE", "22123456")
    True
    """
    if kind in ("EMAIL", "URL", "HANDLE"):
        return text.casefold()
    digits = re.sub(r"[^\dA-Z+]", "", text)
    return re.sub(r"^(?:\+|00)47(?=\d{8}$)", "", digits)


# ---------------------------------------------------------------- control digits


def is_modulo_11(digits: str, weights: tuple[int, ...]) -> bool:
    """Return whether the weighted sum of the digits is a multiple of 11; the last weight is 1.

    >>> is_modulo_11("12345678903", ACCOUNT_WEIGHTS)
    True
    """
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True)) % 11 == 0


def is_modulo_10(digits: str) -> bool:
    """Return whether the last digit is the control digit of the others by Luhn's algorithm.

    >>> is_modulo_10("1234566"), is_modulo_10("1234567")
    (True, False)
    """
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(number // 10 + number % 10 for number in doubled) % 10 == 0


FIRST_WEIGHTS = (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)
SECOND_WEIGHTS = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)
ACCOUNT_WEIGHTS = SECOND_WEIGHTS
ORGANISATION_WEIGHTS = (3, 2, 7, 6, 5, 4, 3, 2, 1)
MIN_KID, MAX_KID = 2, 25  # digits of a KID, with the control digit
_KID_WEIGHTS = (*((7, 6, 5, 4, 3, 2) * 4), 1)


def is_national_id(digits: str) -> bool:
    """Return whether 11 digits are a fødselsnummer, D-number or synthetic number: date and control digits.

    A D-number adds 40 to the day; synthetic numbers add 80 (Tenor), 65 or 40 to the month.
    """
    return (
        len(digits) == 11
        and birth_date(digits) is not None
        and is_modulo_11(digits[:10], FIRST_WEIGHTS)
        and is_modulo_11(digits, SECOND_WEIGHTS)
    )


def is_d_number(digits: str) -> bool:
    """Return whether 11 digits are a D-number, the national id of people without a fødselsnummer.

    >>> is_d_number("41819012359"), is_d_number("17912099997")
    (True, False)
    """
    return is_national_id(digits) and int(digits[:2]) > 40


def is_account_number(digits: str) -> bool:
    """Return whether 11 digits have the control digit of a Norwegian bank account, and are not all 0."""
    return len(digits) == 11 and bool(digits.strip("0")) and is_modulo_11(digits, ACCOUNT_WEIGHTS)


def is_organisation_number(digits: str) -> bool:
    """Return whether 9 digits have the control digit of an organisation number.

    >>> is_organisation_number("923609016"), is_organisation_number("923609017")
    (True, False)
    """
    return len(digits) == 9 and is_modulo_11(digits, ORGANISATION_WEIGHTS)


def is_kid(text: str) -> bool:
    """Return whether digits are a KID, the reference of a payment: 2 to 25 with one of two control digits.

    The payee chooses modulo 10 or modulo 11; the latter writes `-` for 10. One of five numbers passes, so
    only what stands around a number can tell that it is a KID.

    >>> is_kid("1234566"), is_kid("1234560"), is_kid("37-"), is_kid("1234567")
    (True, True, True, False)
    """
    body, control = text[:-1], text[-1:]
    if not MIN_KID <= len(text) <= MAX_KID or not body.isdecimal() or not text.strip("0"):
        return False
    if control == "-":
        return _kid_sum(body + "0") % 11 == 1
    return control.isdecimal() and (is_modulo_10(text) or _kid_sum(text) % 11 == 0)


def _kid_sum(digits: str) -> int:
    weights = _KID_WEIGHTS[-len(digits) :]
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True))


def birth_date(digits: str) -> datetime.date | None:
    """Return the date of birth that 11 digits of a national id tell; None if there is no such date."""
    day, month, year, individual = int(digits[:2]), int(digits[2:4]), int(digits[4:6]), int(digits[6:9])
    day -= 40 if day > 40 else 0
    month -= _month_shift(month)
    if individual < 500 or (individual >= 900 and year >= 40):
        year += 1900
    elif year < 40:
        year += 2000
    elif individual < 750 and year >= 54:
        year += 1800
    else:
        return None
    try:
        return datetime.date(year, month, day)
    except ValueError:
        return None


def is_test_id(digits: str) -> bool:
    """Return whether a national id is synthetic, made for tests.

    >>> is_test_id("17912099997")
    True
    """
    return _month_shift(int(digits[2:4])) > 0


def _month_shift(month: int) -> int:
    return next((shift for shift in (80, 65, 40) if shift < month <= shift + 12), 0)


def is_iban(text: str) -> bool:
    """Return whether letters and digits without blanks are an IBAN: the remainder by 97 is 1."""
    turned = text[4:] + text[:4]
    return int("".join(str(int(character, 36)) for character in turned)) % 97 == 1


# ---------------------------------------------------------------- patterns

_BLANK = "[ \u00a0\u2009\u202f]"  # also no-break and thin spaces
_START = r"(?<![\w+])(?<!\d[.,:/-])"
_END = r"(?!\w)(?![.,:/-]\d)"
# Neither do other groups of digits stand before or after
_BEFORE = _START + r"(?<!\d" + _BLANK + ")"
_AFTER = _END + r"(?!" + _BLANK + r"\d)"

_EMAIL = re.compile(
    r"(?<![\w.+-])[\w.+'-]{1,64}(?:@|[ ]?[(\[](?:at|a|krøllalfa)[)\]][ ]?)"
    r"(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w@])",
    re.IGNORECASE,
)
_SITES = (
    r"facebook\.com|fb\.com|instagram\.com|twitter\.com|x\.com|linkedin\.com/(?:in|pub)|tiktok\.com|threads\.net"
    r"|github\.com|gitlab\.com|snapchat\.com/add|t\.me|youtube\.com/(?:user|c|@)|vimeo\.com|flickr\.com/people"
    r"|medium\.com|reddit\.com/u(?:ser)?|vk\.com|soundcloud\.com|pinterest\.com|strava\.com/athletes"
)
_URL = re.compile(
    r"(?<![\w@.])(?:https?://)?(?:(?:[\w-]{1,30}\.)?(?:" + _SITES + r")/?@?[\w.%+-]*\w[^\s<>\"«»”“)\]]{0,500}"
    r"|[\w.-]{3,100}/~\w[^\s<>\"«»”“)\]]{0,500})(?<![.,;:!?])"
    r"|https?://[^\s/@:<>]{1,64}(?::[^\s/@<>]{0,64})?@[^\s<>\"«»”“)\]]{1,500}(?<![.,;:!?])",
    re.IGNORECASE,
)
_HANDLE = re.compile(r"(?<![\w@./-])@(?=\w*[^\W\d])\w{2,30}(?![\w@])")
NATIONAL_ID_PATTERN = _START + r"\d{6}(?:" + _BLANK + r"|-)?\d{5}" + _END
ACCOUNT_PATTERN = _START + rf"\d{{4}}(\.|{_BLANK}|)\d{{2}}\1\d{{5}}" + _END
DOTTED_ACCOUNT_PATTERN = _START + r"\d{4}\.\d{2}\.\d{5}" + _END
ORGANISATION_PATTERN = _BEFORE + rf"[2389]\d{{2}}({_BLANK}?)\d{{3}}\1\d{{3}}(?:(?=MVA\b)|{_AFTER})"
# Shorter ones are allowed, but none is in use
KID_PATTERN = _START + rf"\d{{4,{MAX_KID - 1}}}[\d-](?!-)" + _END
_ELEVEN = re.compile(NATIONAL_ID_PATTERN)
_ACCOUNT = re.compile(ACCOUNT_PATTERN)
_IBAN = re.compile(rf"(?<!\w)NO\d{{2}}(?:{_BLANK}?\d{{4}}){{2}}{_BLANK}?\d{{3}}(?!\w)")
_ORGANISATION = re.compile(ORGANISATION_PATTERN)

_LOCAL = rf"(?:[2-9]\d(?:{_BLANK}\d{{2}}){{3}}|[2-9]\d{{2}}{_BLANK}\d{{2}}{_BLANK}\d{{3}})"
_TOGETHER = r"[2-9]\d{7}"
_NORWEGIAN_PHONE = re.compile(
    rf"(?<!\w)(?:\(\+47\)|\+47|0047)[ .\u00a0-]?"
    rf"(?:{_LOCAL}|{_TOGETHER}|\d{{4}}{_BLANK}\d{{4}}|\d{{2}}(?:[.-]\d{{2}}){{3}}|\d{{3}}[.-]\d{{2}}[.-]\d{{3}})"
    + _AFTER
)
_PHONE = re.compile(_BEFORE + _LOCAL + _AFTER + "|" + _START + _TOGETHER + _END)
_FOREIGN_PHONE = re.compile(
    rf"(?<![\w+])\+(?!47)[1-9]\d{{0,2}}(?:(?:{_BLANK}|[.-])?(?:\(0\))?\d{{1,4}}){{2,6}}" + _AFTER
)
# What makes 8 digits an amount or a number of something else
_AMOUNT_BEFORE = re.compile(
    r"(?:\b(?:kr|nok|sek|dkk|eur|usd|gbp|isbn|issn|nr|sak|side)\b\.?|[$€£§])[ \u00a0]*\Z", re.I
)
_AMOUNT_AFTER = re.compile(
    r"[ \u00a0]*(?:%|,-|kr\b|kroner\b|nok\b|euro?\b|dollar\b|tonn\b|meter\b|km\b|kg\b|liter\b|fat\b|aksjer\b"
    r"|innbygg\w+|menneske\w*|person\w*|milli\w+)",
    re.I,
)
_PHONE_BEFORE = re.compile(
    r"(?:tlf|telefon\w*|mobil\w*|mob|ring|sms|fax|faks|phone)\b[.: \u00a0]*(?:nr\.?[ ]*)?\Z", re.I
)
_NEAR = 24  # characters before a number that can tell what it is


def _emails(text: str) -> Iterator[Identifier]:
    if "@" in text or "(" in text or "[" in text:
        yield from _all(_EMAIL, "EMAIL", text)


def _all(pattern: re.Pattern[str], kind: str, text: str) -> Iterator[Identifier]:
    return (Identifier(*match.span(), kind) for match in pattern.finditer(text))


def _national_ids(text: str) -> Iterator[Identifier]:
    for match in _ELEVEN.finditer(text):
        digits = re.sub(r"\D", "", match[0])
        if is_national_id(digits):
            yield Identifier(*match.span(), "NATIONAL_ID", is_test=is_test_id(digits))
        elif birth_date(digits) is not None and not is_modulo_11(digits, ACCOUNT_WEIGHTS):
            yield Identifier(*match.span(), "NATIONAL_ID", is_certain=False)


def _accounts(text: str) -> Iterator[Identifier]:
    for match in _ACCOUNT.finditer(text):
        digits = re.sub(r"\D", "", match[0])
        if is_account_number(digits):
            yield Identifier(*match.span(), "ACCOUNT")
    for match in _IBAN.finditer(text):
        if is_iban(re.sub(r"\W", "", match[0])):
            yield Identifier(*match.span(), "ACCOUNT")


def _organisation_numbers(text: str) -> Iterator[Identifier]:
    for match in _ORGANISATION.finditer(text):
        if is_organisation_number(re.sub(r"\D", "", match[0])):
            yield Identifier(*match.span(), "ORG_NUMBER")


def _phones(text: str) -> Iterator[Identifier]:
    found = [*_all(_NORWEGIAN_PHONE, "PHONE", text), *_all(_FOREIGN_PHONE, "PHONE", text)]
    yield from found
    for match in _PHONE.finditer(text):
        start, end = match.span()
        if any(other.start < end and start < other.end for other in found):
            continue
        before = text[max(0, start - _NEAR) : start]
        if _PHONE_BEFORE.search(before) or not (
            _AMOUNT_BEFORE.search(before) or _AMOUNT_AFTER.match(text, end) or _is_date(match[0])
        ):
            yield Identifier(start, end, "PHONE")


def _is_date(digits: str) -> bool:
    """Return whether 8 digits without blanks are a date of 1900 to 2099, year first or last.

    >>> _is_date("20261129"), _is_date("24121999"), _is_date("22123456")
    (True, True, False)
    """
    for order in ("%Y%m%d", "%d%m%Y"):
        try:
            if len(digits) == 8 and 1900 <= datetime.datetime.strptime(digits, order).year <= 2099:
                return True
        except ValueError:
            continue
    return False


_FINDERS: dict[str, Callable[[str], Iterator[Identifier]]] = {
    "EMAIL": _emails,
    "URL": partial(_all, _URL, "URL"),
    "HANDLE": partial(_all, _HANDLE, "HANDLE"),
    "NATIONAL_ID": _national_ids,
    "ACCOUNT": _accounts,
    "PHONE": _phones,
    "ORG_NUMBER": _organisation_numbers,
}
