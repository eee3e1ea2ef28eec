"""Identifiers: found with the right control digits, left alone without. All numbers are invented."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bilstm_crf.pseudonyms.identifiers import (
    KINDS,
    birth_date,
    find_identifiers,
    is_account_number,
    is_d_number,
    is_kid,
    is_modulo_10,
    is_national_id,
    is_organisation_number,
    is_test_id,
    normalise,
)

# Synthetic, as in Skatteetaten's Tenor: 80 is added to the month
TENOR, D_NUMBER, OTHER_SYNTHETIC = "17912099997", "41819012359", "01418510095"


def found(text: str, *kinds: str) -> list[tuple[str, str]]:
    return [
        (each.kind, text[each.start : each.end])
        for each in find_identifiers(text, kinds or KINDS)
        if each.is_certain
    ]


@pytest.mark.parametrize("digits", [TENOR, D_NUMBER, OTHER_SYNTHETIC, "29820050043"])
def test_a_synthetic_national_id_is_found_in_every_spelling(digits: str) -> None:
    for spelling in (digits, f"{digits[:6]} {digits[6:]}", f"{digits[:6]}-{digits[6:]}"):
        assert found(f"Fødselsnummer: {spelling}.") == [("NATIONAL_ID", spelling)]
    assert is_test_id(digits)


@given(st.sampled_from([TENOR, D_NUMBER]), st.integers(0, 10), st.integers(1, 9))
def test_a_national_id_with_one_wrong_digit_is_none(digits: str, place: int, change: int) -> None:
    wrong = digits[:place] + str((int(digits[place]) + change) % 10) + digits[place + 1 :]
    assert not is_national_id(wrong)


@pytest.mark.parametrize("digits", ["29820150064", "32819012345", "01931012345"])
def test_a_date_that_does_not_exist_is_no_birth_date(digits: str) -> None:
    assert birth_date(digits) is None
    assert not is_national_id(digits)


def test_eleven_digits_with_a_date_and_wrong_control_digits_are_uncertain() -> None:
    (only,) = find_identifiers("17912099998", ["NATIONAL_ID"])
    assert not only.is_certain


@pytest.mark.parametrize(
    "number",
    [
        "22 12 34 56",
        "912 34 567",
        "22123456",
        "+47 22 12 34 56",
        "+4791234567",
        "+47 2212 3456",
        "(+47) 912 34 567",
        "0047 22 12 34 56",
        "+47 22.12.34.56",
        "+46 70 123 45 67",
        "22\xa012\xa034\xa056",
    ],
)
def test_a_phone_number_is_found(number: str) -> None:
    assert found(f"Ring {number}, takk.") == [("PHONE", number)]


@pytest.mark.parametrize(
    "text",
    [
        "kr 22 12 34 56",
        "22123456 kroner",
        "22123456,- i alt",
        "20261129",
        "24121999",
        "i 2019 2020 2021 2022",
        "12 345 678 tilskuere",
        "22 23 24 25 26 27 28",
        "9.22 12 34 56",
        "12 34 56 78",  # no number begins with 1
        "sak 22123456",
        "ISBN 978-82-03-12345-6",
        "07.12.2019 12 30",
    ],
)
def test_amounts_years_dates_and_rows_of_numbers_are_no_phone_numbers(text: str) -> None:
    assert found(text, "PHONE") == []


@pytest.mark.parametrize("number", ["1234.56.78903", "1234 56 78903", "12345678903", "NO93 8601 1117 947"])
def test_an_account_number_is_found(number: str) -> None:
    assert found(f"Konto {number}.") == [("ACCOUNT", number)]


@pytest.mark.parametrize("number", ["1234.56.78904", "1234.56 78903", "NO93 8601 1117 948", "0000.00.00000"])
def test_an_account_number_with_wrong_digits_is_none(number: str) -> None:
    assert found(f"Konto {number}.", "ACCOUNT") == []


def test_an_organisation_number_is_an_option() -> None:
    assert found("Org.nr. 923 609 016") == [("ORG_NUMBER", "923 609 016")]
    assert found("NO 923609016MVA") == [("ORG_NUMBER", "923609016")]
    assert find_identifiers("Org.nr. 923 609 016") == []
    assert found("Org.nr. 923 609 017") == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("kari.nordmann@example.no", "EMAIL"),
        ("kåre_ø+avis@post.example.com", "EMAIL"),
        ("ola [at] example.com", "EMAIL"),
        ("https://www.facebook.com/kari.nordmann.5", "URL"),
        ("linkedin.com/in/kari-nordmann", "URL"),
        ("http://folk.example.no/~karin/side.html", "URL"),
        ("@karinord", "HANDLE"),
    ],
)
def test_addresses_that_name_a_person_are_found(text: str, kind: str) -> None:
    assert found(f"Se {text}, sa hun.") == [(kind, text)]


@pytest.mark.parametrize(
    "text", ["www.example.no/sport", "https://example.no/a/b?c=d", "5 @ 3", "a@b", "kl. 12@"]
)
def test_other_addresses_stay(text: str) -> None:
    assert found(text) == []


def test_spellings_of_one_number_are_one() -> None:
    assert (
        len({normalise("PHONE", each) for each in ("+47 22 12 34 56", "0047 22123456", "22 12 34 56")}) == 1
    )
    assert normalise("EMAIL", "Kari@Example.no") == "kari@example.no"


@given(st.text(st.sampled_from("0123456789 .+-()@ab\u00a0krNO"), max_size=60))
def test_identifiers_lie_in_the_text_in_order_without_overlap(text: str) -> None:
    reached = 0
    for each in find_identifiers(text, KINDS):
        assert reached <= each.start < each.end <= len(text)
        reached = each.end


def test_numbers_in_a_row_are_each_found() -> None:
    assert found(f"{TENOR} {D_NUMBER}") == [("NATIONAL_ID", TENOR), ("NATIONAL_ID", D_NUMBER)]
    assert found("12345678903 12345678903", "ACCOUNT") == [("ACCOUNT", "12345678903")] * 2
    assert found("22123456 91234567") == [("PHONE", "22123456"), ("PHONE", "91234567")]


# ---------------------------------------------------------------- control digits

# Computed by hand. 123456, modulo 10: 6·2 = 12 → 3, 5, 4·2 = 8, 3, 2·2 = 4, 1; their sum is 24, so 6.
# 123456, modulo 11: 6·2 + 5·3 + 4·4 + 3·5 + 2·6 + 1·7 = 77 = 7·11, so 0.
# 37, modulo 11: 7·2 + 3·3 = 23 = 2·11 + 1, so 10, which is written as -.
# 1234567, modulo 11: 14 + 18 + 20 + 20 + 18 + 14 + 1·2 = 106 = 9·11 + 7, so 4; modulo 10: 26, so 4 as well.
KIDS = ["1234566", "1234560", "37-", "12345674"]


@pytest.mark.parametrize("kid", KIDS)
def test_a_kid_has_a_control_digit_by_modulo_10_or_11(kid: str) -> None:
    assert is_kid(kid)


@pytest.mark.parametrize(
    "text", ["1234567", "37", "36-", "-", "", "0", "0000", "6", "12345a6", "1-2345", "0" * 19 + "1234566"]
)
def test_what_is_no_kid(text: str) -> None:
    assert not is_kid(text)


def modulo_11(digits: str) -> str:
    """The control digit as the rules for KID put it: weights 2 to 7 from the right, over and over."""
    total = sum(int(digit) * (2 + place % 6) for place, digit in enumerate(reversed(digits)))
    return {10: "-", 11: "0"}.get(11 - total % 11, str(11 - total % 11))


@given(st.text("0123456789", min_size=1, max_size=24).filter(lambda digits: digits.strip("0")))
def test_any_digits_and_their_control_digit_are_a_kid(digits: str) -> None:
    assert is_kid(digits + modulo_11(digits))
    assert sum(is_modulo_10(digits + control) for control in "0123456789") == 1


# 923609016: 27 + 4 + 21 + 36 + 0 + 36 + 0 + 2 = 126 = 11·11 + 5, so 6.
# 12345678903: 5 + 8 + 9 + 8 + 35 + 36 + 35 + 32 + 27 + 0 = 195 = 17·11 + 8, so 3.
CHECKED = [
    (is_modulo_10, "1234566"),
    (is_modulo_10, "12345674"),
    (is_organisation_number, "923609016"),
    (is_account_number, "12345678903"),
    (is_d_number, D_NUMBER),
    (is_national_id, TENOR),
]


@given(st.sampled_from(CHECKED), st.data())
def test_one_changed_digit_is_refused(
    checked: tuple[Callable[[str], bool], str], data: st.DataObject
) -> None:
    is_valid, number = checked
    assert is_valid(number)
    place = data.draw(st.integers(0, len(number) - 1))
    digit = data.draw(st.sampled_from("0123456789").filter(lambda digit: digit != number[place]))
    assert not is_valid(number[:place] + digit + number[place + 1 :])


def test_a_d_number_is_a_national_id_whose_day_has_40_more() -> None:
    assert is_d_number(D_NUMBER)
    assert is_national_id(D_NUMBER)
    assert birth_date(D_NUMBER) == birth_date("0" + D_NUMBER[1:])
    assert not is_d_number(TENOR)


@pytest.mark.parametrize("is_valid", [is_national_id, is_d_number, is_account_number, is_organisation_number])
@given(st.text("0123456789", max_size=14).filter(lambda digits: len(digits) not in (9, 11)))
def test_a_number_of_another_length_is_refused(is_valid: Callable[[str], bool], digits: str) -> None:
    assert not is_valid(digits)
