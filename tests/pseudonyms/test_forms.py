"""Genitive, case and initials of names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bilstm_crf.pseudonyms.forms import is_initial, split_genitive, with_case_of, with_genitive


@pytest.mark.parametrize(
    ("word", "following", "stem"),
    [
        ("Nordmanns", "bil", "Nordmann"),
        ("Nordmanns", "«Bilen»", "Nordmann"),
        ("Moss'", "havn", "Moss"),
        ("Marx’", "bok", "Marx"),
        ("Kari's", "bil", "Kari"),
        ("NORDMANNS", "BIL", "NORDMANN"),
        ("Jens", "bil", "Jens"),
        ("Foss", "bil", "Foss"),
        ("Tveitnes", "sa", "Tveitnes"),
        ("Magnus", "kom", "Magnus"),
        ("Hellas", "treng", "Hellas"),
        ("Holms", "og", "Holms"),  # nothing that somebody could own
        ("Nordmann", "bil", "Nordmann"),
        ("Os", "bil", "Os"),
    ],
)
def test_the_genitive_is_told_from_names_in_s(word: str, following: str, stem: str) -> None:
    assert split_genitive(word, following).stem == stem


def test_a_name_that_occurs_without_s_decides() -> None:
    assert split_genitive("Holms", "og", {"holm"}).stem == "Holm"
    assert split_genitive("Obamas", ",", {"obama"}).stem == "Obama"


@pytest.mark.parametrize(
    ("name", "ending", "genitive"),
    [
        ("Viken", "s", "Vikens"),
        ("Tveitnes", "s", "Tveitnes'"),
        ("Marx", "s", "Marx'"),
        ("Viken", "'", "Vikens"),
        ("Tveitnes", "’", "Tveitnes’"),
        ("VIKEN", "S", "VIKENS"),
        ("[PER-1]", "s", "[PER-1]s"),
        ("Viken", "", "Viken"),
    ],
)
def test_the_pseudonym_stands_in_the_same_case(name: str, ending: str, genitive: str) -> None:
    assert with_genitive(name, ending) == genitive


@given(st.sampled_from(["Viken", "Moe", "Tveitnes", "Anne"]), st.sampled_from(["bil", "hus", None, "."]))
def test_a_genitive_that_was_made_is_read_again(name: str, following: str | None) -> None:
    assert split_genitive(with_genitive(name, "s"), following, {name.casefold()}).stem == name


def test_capitals_stay_capitals() -> None:
    assert with_case_of("NORDMANN", "Viken") == "VIKEN"
    assert with_case_of("nordmann", "Viken") == "viken"
    assert with_case_of("MacDonald", "Viken") == "Viken"
    assert with_case_of("Å", "Viken") == "Viken"  # one letter tells nothing


def test_initials() -> None:
    assert all(map(is_initial, ["K.", "K", "J.R.", "A.-B."]))
    assert not any(map(is_initial, ["Bo", "Kr.", "", "12"]))
