"""The same person gets the same pseudonym, in every form of the name; everything else stays."""

from __future__ import annotations

import re

import pytest
from lexicon import run

from bilstm_crf.pseudonyms.mapping import Mapping
from bilstm_crf.pseudonyms.names import name_lists

KARI = {"Kari Nordmann": "PER", "Nordmann": "PER", "Nordmanns": "PER", "Kari Nordmanns": "PER", "Kari": "PER"}


def test_a_full_name_a_surname_and_a_given_name_are_one_person_of_a_document() -> None:
    result = run("Kari Nordmann kom. Nordmann sov. Kari gikk. Kari Nordmanns bil, Nordmanns hus.", KARI)
    given, surname = result.pseudonym("Kari Nordmann").split(" ")
    assert result.text == (
        f"{given} {surname} kom. {surname} sov. {given} gikk. {given} {surname}s bil, {surname}s hus."
    ).replace(f"{surname}s", surname + ("'" if surname[-1] in "sxz" else "s"))
    assert len(result.mapping.identities) == 1


def test_the_same_full_name_is_the_same_person_in_every_file_and_every_run() -> None:
    first = run(["Kari Nordmann kom.", "I går sov Kari Nordmann."], KARI)
    assert len(first.mapping.identities) == 1
    later = run("Nå er Kari Nordmann her.", KARI, mapping=first.mapping)
    assert later.pseudonym("Kari Nordmann") == first.pseudonym("Kari Nordmann")
    assert first.pseudonym("Kari Nordmann") in later.text


def test_a_double_surname_alone_is_the_person_of_its_document_who_has_it() -> None:
    names = {"Anna Maria Vik Hauge": "PER", "Vik Hauge": "PER", "Hauge": "PER"}
    result = run("Anna Maria Vik Hauge kom. Vik Hauge sov. Hauge gikk.", names, style="number")
    assert result.text == "[PER-1] kom. [PER-1] sov. [PER-1] gikk."
    two = run(
        "Anna Vik Hauge og Ola Vik Hauge kom. Vik Hauge sov.",
        {**names, "Anna Vik Hauge": "PER", "Ola Vik Hauge": "PER"},
    )
    assert len(two.mapping.identities) == 3


def test_a_surname_of_two_people_gets_a_pseudonym_of_its_own_and_the_report_says_so() -> None:
    names = {"Kari Nordmann": "PER", "Ola Nordmann": "PER", "Nordmann": "PER"}
    result = run("Kari Nordmann og Ola Nordmann kom. Nordmann gikk.", names)
    pseudonyms = [result.pseudonym(name) for name in names]
    assert len({name.split(" ")[-1] for name in pseudonyms}) == 3
    assert "several people" in result.outcome.unsure[0].what


def test_a_surname_alone_is_not_joined_to_somebody_of_another_file() -> None:
    result = run(["Kari Nordmann kom.", "Nordmann sov."], KARI)
    assert result.pseudonym("Nordmann") != result.pseudonym("Kari Nordmann").split(" ")[1]


@pytest.mark.parametrize("style", ["name", "number", "label"])
def test_what_is_no_name_stays(style: str) -> None:
    text = "\ufeffStatsråd Kari\u00a0Nordmann,  «Kari» –\tsa: nei…\r\n\r\n Nordmann.\n"
    result = run(text, KARI, style=style)  # type: ignore[arg-type]
    pattern = r"^\ufeffStatsråd (.+),  «(.+)» –\tsa: nei…\r\n\r\n (.+)\.\n$"
    assert re.match(pattern, result.text)
    assert "Kari" not in result.text
    assert "Nordmann" not in result.text


def test_numbers_and_labels_keep_the_genitive() -> None:
    assert run("Kari Nordmanns bil og Nordmann.", KARI, style="number").text == "[PER-1]s bil og [PER-1]."
    assert run("Kari Nordmanns bil og Nordmann.", KARI, style="label").text == "[PER]s bil og [PER]."


def test_the_possessive_sin_follows_the_name() -> None:
    assert run("Kari Nordmann sin bil.", KARI, style="number").text == "[PER-1] sin bil."


def test_capitals_initials_hyphens_and_titles_keep_their_form() -> None:
    names = {
        **KARI,
        "KARI NORDMANN": "PER",
        "K. Nordmann": "PER",
        "Anne-Grete Moe-Hansen": "PER",
        "Fru Nordmann": "PER",
    }
    text = "Kari Nordmann. KARI NORDMANN! K. Nordmann? Anne-Grete Moe-Hansen. Fru Nordmann."
    result = run(text, names)
    given, surname = result.pseudonym("Kari Nordmann").split(" ")
    assert f"{given.upper()} {surname.upper()}!" in result.text
    assert f"{given[0]}. {surname}?" in result.text
    assert f"Fru {surname}." in result.text
    double = result.pseudonym("Anne-Grete Moe-Hansen")
    assert re.fullmatch(r"[^ -]+(-[^ -]+)+ [^ -]+-[^ -]+", double)
    assert len(result.mapping.identities) == 2


def test_invented_given_names_keep_the_gender() -> None:
    lists = name_lists()
    names = {"Kari Nordmann": "PER", "Ola Hansen": "PER", "Ingrid Moe": "PER", "Per Olsen": "PER"}
    result = run("Kari Nordmann, Ola Hansen, Ingrid Moe, Per Olsen.", names)
    genders = [lists.gender(result.pseudonym(name).split(" ")[0]) for name in names]
    assert genders == ["female", "male", "female", "male"]


def test_no_pseudonym_occurs_in_the_corpus() -> None:
    lists = name_lists()
    kept = set(lists.surnames[::50])
    taken = " ".join(each for each in lists.surnames if each not in kept)
    text = f"Kari Nordmann og Ola Hansen. {taken} {' '.join(lists.given['female'][5:])}"
    result = run(text, {"Kari Nordmann": "PER", "Ola Hansen": "PER"})
    assert result.pseudonym("Kari Nordmann").split(" ")[1] in kept
    assert result.pseudonym("Kari Nordmann").split(" ")[0] in lists.given["female"][:5]


def test_when_every_invented_surname_occurs_two_are_joined() -> None:
    lists = name_lists()
    result = run(f"Kari Nordmann. {' '.join(lists.surnames)}", {"Kari Nordmann": "PER"})
    assert "-" in result.pseudonym("Kari Nordmann")
    assert " " + result.pseudonym("Kari Nordmann").split(" ")[1] not in " ".join(lists.surnames)


def test_the_secret_decides_and_nothing_else() -> None:
    one, two, other = Mapping("name", "a" * 64), Mapping("name", "a" * 64), Mapping("name", "b" * 64)
    texts = [run("Kari Nordmann kom.", KARI, mapping=mapping).text for mapping in (one, two, other)]
    assert texts[0] == texts[1] != texts[2]


def test_people_get_different_pseudonyms() -> None:
    names = {f"Kari {chr(65 + at // 26)}{chr(97 + at % 26)}dal": "PER" for at in range(300)}
    result = run(", ".join(names) + ".", names)
    assert len({result.pseudonym(name).split(" ")[1] for name in names}) == 300


def test_middle_names_and_particles() -> None:
    names = {"Kari Anne von Nordmann": "PER", "Kari von Nordmann": "PER", "Nordmann": "PER"}
    result = run("Kari Anne von Nordmann. Kari von Nordmann. Nordmann.", names)
    words = result.pseudonym("Kari Anne von Nordmann").split(" ")
    assert words[2] == "von"
    assert result.text == f"{' '.join(words)}. {words[0]} von {words[3]}. {words[3]}."


def test_an_organisation_keeps_its_kind_and_its_legal_form() -> None:
    names = {
        "Equinor ASA": "ORG",
        "Equinor": "ORG",
        "Universitetet i Oslo": "ORG",
        "NRK": "ORG",
        "NRKs": "ORG",
    }
    result = run("Equinor ASA eier. Equinor leter. Universitetet i Oslo. NRK og NRKs folk.", names)
    company = result.pseudonym("Equinor ASA").removesuffix(" ASA")
    assert result.text.startswith(f"{company} ASA eier. {company} leter. Universitetet i ")
    assert re.fullmatch(r"\w{3}", result.pseudonym("NRK"))
    assert f"{result.pseudonym('NRK')}s folk" in result.text


def test_types_that_were_not_asked_for_stay() -> None:
    names = {"Kari Nordmann": "PER", "Oslo": "GPE_LOC", "Equinor": "ORG"}
    result = run("Kari Nordmann i Oslo og Equinor.", names, types=["PER"])
    assert result.text.endswith(" i Oslo og Equinor.")


# ---------------------------------------------------------------- names that the tagger missed


def test_a_name_that_was_found_once_is_replaced_everywhere() -> None:
    texts = ["Kari Nordmann kom.", "KARI NORDMANN kom. Så KARI NORDMANNS bil, kari nordmann."]
    result = run(texts, {"Kari Nordmann": "PER"})
    given, surname = result.pseudonym("Kari Nordmann").split(" ")
    start, end = f"{given} {surname} kom. Så {given} {surname}".upper(), f"{given} {surname}.".lower()
    assert result.texts[1].upper().startswith(start)
    assert result.texts[1].endswith(end)
    assert run(texts, {"Kari Nordmann": "PER"}, same_names=False).texts[1] == texts[1]


def test_a_surname_and_a_compound_with_it_are_found_in_the_document_of_the_person() -> None:
    result = run("Kari Nordmann kom. Så gikk Nordmann. Nordmann-saken. nordmann", {"Kari Nordmann": "PER"})
    surname = result.pseudonym("Kari Nordmann").split(" ")[1]
    assert result.text.endswith(f"Så gikk {surname}. {surname}-saken. nordmann")


def test_a_name_of_which_the_tagger_was_never_sure_is_not_looked_for() -> None:
    result = run("Da kom Bjerk. Bjerk sto der.", {"Bjerk": ("PER", 0.1)}, style="number", types=["PER"])
    assert result.outcome.unsure[0].line == 1
    elsewhere = run(["Her kom Bjerk.", "Mange bjerk. Bjerk"], {"kom Bjerk": ("PER", 0.1)}, style="number")
    assert elsewhere.texts[1] == "Mange bjerk. Bjerk"


def test_identifiers_are_the_same_in_every_spelling() -> None:
    text = "Ring 22 12 34 56 eller +47 22123456, skriv til KARI@example.no og kari@example.no."
    new = run(text, {}).text
    assert new == "Ring [PHONE-1] eller [PHONE-1], skriv til [EMAIL-1] og [EMAIL-1]."


def test_a_name_around_an_identifier_is_replaced_too() -> None:
    names = {"Kari kari@example.no Nordmann": "PER"}
    for style in ("name", "number", "label"):
        text = run("Så Kari kari@example.no Nordmann, ja.", names, style=style).text  # type: ignore[arg-type]
        assert re.fullmatch(r"Så \S+ \[EMAIL(-1)?\] \S+, ja\.", text)
        assert not re.search("Kari|kari|Nordmann", text)


def test_a_person_whom_the_tagger_took_for_an_organisation_is_the_person() -> None:
    names = {"Kari Nordmann": "PER", "KARI NORDMANN": "ORG", "Nordmann": "ORG"}
    result = run("Kari Nordmann kom. KARI NORDMANN KOM. Så gikk Nordmann.", names, style="number")
    assert result.text == "[PER-1] kom. [PER-1] KOM. Så gikk [PER-1]."


def test_an_unlikely_name_without_capitals_is_none_where_capitals_are_written() -> None:
    names = {"bror": ("PER", 0.1), "kari": ("PER", 0.1), "Bjerk": ("PER", 0.1)}
    result = run("Dette er bror Bjerk. så kom kari hit", names, style="number")
    assert result.text == "Dette er bror [PER-1]. så kom [PER-2] hit"
