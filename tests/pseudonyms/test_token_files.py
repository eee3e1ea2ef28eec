"""CoNLL-U and columns: words are replaced wherever the file repeats them, labels and all else stay."""

from __future__ import annotations

import re

import pytest
from lexicon import reread, run

NAMES = {"Kari Nordmann": "PER", "Nordmanns": "PER", "Equinor ASA": "ORG"}
CONLLU = """\
# newdoc id = ap001
# sent_id = 1
# text = Kari Nordmann  eier Nordmanns bil.
# speaker = Kari Nordmann
1\tKari\tKari\tPROPN\t_\t_\t3\tnsubj\t_\tname=B-PER
2\tNordmann\tNordmann\tPROPN\t_\t_\t1\tflat\t_\tname=I-PER
3\teier\teie\tVERB\t_\t_\t0\troot\t_\tname=O
4\tNordmanns\tNordmann\tPROPN\t_\tCase=Gen\t5\tnmod\t_\tname=B-PER
5\tbil\tbil\tNOUN\t_\t_\t3\tobj\t_\tSpaceAfter=No|name=O
6\t.\t$.\tPUNCT\t_\t_\t3\tpunct\t_\tname=O

"""


def test_form_lemma_text_and_comments_change_together() -> None:
    result = run(CONLLU, NAMES, format_name="conllu")
    given, surname = result.pseudonym("Kari Nordmann").split(" ")
    genitive = surname + ("'" if surname[-1] in "sxz" else "s")
    expected = CONLLU.replace("Nordmanns", genitive).replace("Nordmann", surname).replace("Kari", given)
    assert result.text == expected
    assert reread(result.text, "conllu")[0].labels == reread(CONLLU, "conllu")[0].labels


def test_a_number_stands_for_each_token() -> None:
    text = run(CONLLU, NAMES, format_name="conllu", style="number").text
    assert "# text = [PER-1] [PER-1]  eier [PER-1]s bil.\n" in text
    assert "2\t[PER-1]\t[PER-1]\tPROPN" in text
    assert "4\t[PER-1]s\t[PER-1]\t" in text
    assert not re.search("Kari|Nordmann", text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Kari\tB-PER\nNordmann\tI-PER\nsov\tO\n\n", "[PER-1]\tB-PER\n[PER-1]\tI-PER\nsov\tO\n\n"),
        ("Kari NNP B-PER\r\nNordmann NNP I-PER\r\nsov V O\r\n", None),
        ("Kari\tKari\tB-PER\nNordmann\tNordmann\tI-PER\nsov\tsove\tO\n\n", None),
        (
            "Kari|B-PER Nordmann|I-PER sov|O\nhan|O sov|O\n",
            "[PER-1]|B-PER [PER-1]|I-PER sov|O\nhan|O sov|O\n",
        ),
        ("-DOCSTART- O\n\nKari B-PER\nNordmann I-PER\n\nKari B-PER\nNordmann I-PER\nsov O\n\n", None),
    ],
)
def test_columns_keep_everything_but_the_words(text: str, expected: str | None) -> None:
    result = run(text, NAMES, format_name="conll2003", style="number")
    assert result.text == (expected or text.replace("Kari", "[PER-1]").replace("Nordmann", "[PER-1]"))


def test_an_invented_organisation_of_other_length_becomes_a_number() -> None:
    text = "1\tEquinor\t_\t_\t_\t_\t_\t_\t_\t_\n2\tASA\t_\t_\t_\t_\t_\t_\t_\t_\n\n"
    result = run(text, {**NAMES, "Equinor ASA": "ORG"}, format_name="conllu")
    company, form = result.pseudonym("Equinor ASA").split(" ")
    assert result.text == text.replace("Equinor", company).replace("ASA", form)
    three = "".join(
        f"{n}\t{word}\t_\t_\t_\t_\t_\t_\t_\t_\n" for n, word in enumerate(["Stor", "og", "Liten"], 1)
    )
    new = run(three + "\n", {"Stor og Liten": "ORG"}, format_name="conllu").text
    assert [line.split("\t")[1] for line in new.splitlines() if line] == ["[ORG-1]"] * 3


def test_documents_of_a_file_are_apart() -> None:
    sentence = "1\t{}\t_\t_\t_\t_\t_\t_\t_\t_\n{}\n"
    second = "2\tNordmann\t_\t_\t_\t_\t_\t_\t_\t_\n"
    text = f"# newdoc id = a\n{sentence.format('Kari', second)}{sentence.format('Nordmann', '')}"
    text += f"# newdoc id = b\n{sentence.format('Nordmann', '')}"
    result = run(text, {"Kari Nordmann": "PER", "Nordmann": "PER"}, format_name="conllu", style="number")
    ids = re.findall(r"\[(PER-\d)\]", result.text)
    assert ids == ["PER-1", "PER-1", "PER-1", "PER-2"]


def test_a_name_in_the_id_of_a_document_is_replaced() -> None:
    text = CONLLU.replace("# newdoc id = ap001", "# newdoc id = kari_nordmann_2019")
    result = run(text, NAMES, format_name="conllu")
    given, surname = result.pseudonym("Kari Nordmann").lower().split(" ")
    assert result.text.startswith(f"# newdoc id = {given}_{surname}_2019\n")
