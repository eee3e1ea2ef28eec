"""Case 22: `tag` overwrites labels of types that the model has, and no others unless it is told to."""

from io import BytesIO
from pathlib import Path

import pytest

from bilstm_crf.errors import InputError, InputWarning
from bilstm_crf.formats import FormatOptions
from bilstm_crf.formats.columns import read, render
from bilstm_crf.sentence import TokenSpan

KNOWN = frozenset({"PER", "LOC"})
CHUNKS = "Kari N B-NP\nMoe N I-NP\nsov V O\n"


def tagged(content: str, choice: str = "auto") -> str:
    options = FormatOptions(known_types=KNOWN, label_column=choice)
    sentences = list(read(BytesIO(content.encode()), "in.conll", options))
    for sentence in sentences:
        sentence.token_spans = [TokenSpan(0, 1, "PER")] if sentence.tokens else []
    return b"".join(render(sentence, options) for sentence in sentences).decode()


KEPT = {
    "chunks": CHUNKS,
    "types of another corpus": "Kari B-PERSON\nsov O\n",
    "some types of another": "Kari B-PER\nOslo B-GPE\nsov O\n",
    "another form": "Kari PER\nOla PER\nsov O\n",
    "another separator": "Kari B_PER\nsov O\n",
    "a confidence": "Kari B-PER 0.9\nsov O 0.8\n",
    "gold and predicted": "Kari B-PER B-PER\nsov O O\n",
    "nobody's type": "Kari B-PER|ANIM\nsov O\n",
    "in the middle": "Kari B-PER N\nsov O V\n",
}


@pytest.mark.parametrize("content", KEPT.values(), ids=KEPT)
def test_other_labels_are_kept_and_a_warning_says_so_once(content: str) -> None:
    twice = content + "\n" + content
    with pytest.warns(InputWarning, match=r"^in\.conll: .*appended.*--label-column") as caught:
        out = tagged(twice)
    assert len(caught) == 1
    labels = ["B-PER" if row.startswith("Kari") else "O" for row in content.splitlines()]
    rows = "".join(f"{row} {label}\n" for row, label in zip(content.splitlines(), labels, strict=True))
    assert out == rows + "\n" + rows


@pytest.mark.filterwarnings("error::bilstm_crf.errors.InputWarning")
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("Kari B-LOC\nsov I-PER\n", "Kari B-PER\nsov O\n"),
        ("Kari N B-NP O\nsov V B-VP O\n", "Kari N B-NP B-PER\nsov V B-VP O\n"),
        ("word label\nKari S-LOC\n", "word label\nKari B-PER\n"),
        ("Kari|B-LOC sov|O\n", "Kari|B-PER sov|O\n"),
        ("Kari N\nsov V\n", "Kari N B-PER\nsov V O\n"),
        ("word\tpos\nKari\tN\n", "word\tpos\tlabel\nKari\tN\tB-PER\n"),
    ],
)
def test_labels_of_the_model_are_replaced_and_others_get_a_column(content: str, expected: str) -> None:
    assert tagged(content) == expected


@pytest.mark.filterwarnings("ignore::bilstm_crf.errors.InputWarning")
def test_a_column_of_conllu_plus_is_named_and_lines_without_a_token_get_a_cell() -> None:
    content = "# global.columns = ID FORM UPOS\n1-2\tvåmo\t_\n1\två\tX\n2\tmo\tX\n2.1\te\tX\n\n"
    assert tagged(content) == (
        "# global.columns = ID FORM UPOS BILSTM_CRF:NER\n"
        "1-2\tvåmo\t_\t_\n1\två\tX\tB-PER\n2\tmo\tX\tO\n2.1\te\tX\t_\n\n"
    )


SEVERAL = {
    "UNER": "1\tKari\tB-GPE\tO\tx\n2\tsov\tO\tO\tx\n\n",
    "GermEval": "1\tKari\tB-GPE\tO\n2\tsov\tO\tB-GPE\n\n",
    "header": "word\tlabel\nKari\tB-GPE\nsov\tO\n",
    "CoNLL-U Plus": "# global.columns = ID FORM X:NER\n1\tKari\tB-GPE\n2\tsov\tO\n",
    "OntoNotes": "a 0 0 Kari N (S* - - - - (GPE) -\na 0 1 sov V *) - - - - * -\n",
    "CoNLL-2003": "Kari N B-NP B-GPE\nsov V B-VP O\n",
    "confidence": "Kari\tB-GPE\t0.9\nsov\tO\t0.8\n",
}


@pytest.mark.filterwarnings("ignore::bilstm_crf.errors.InputWarning")
@pytest.mark.parametrize("content", SEVERAL.values(), ids=SEVERAL)
def test_what_was_appended_is_read_as_predicted_and_what_was_there_as_gold(content: str) -> None:
    options = FormatOptions(side="predicted")
    (predicted,) = [s for s in read(BytesIO(tagged(content).encode()), "x", options) if s.tokens]
    assert (predicted.tokens, predicted.labels) == (["Kari", "sov"], ["B-PER", "O"])
    (gold,) = [s for s in read(BytesIO(content.encode()), "x") if s.tokens]
    assert gold.labels == ["B-GPE", "O"]


def test_told_to_it_overwrites() -> None:
    assert tagged(CHUNKS, "last") == "Kari N B-PER\nMoe N O\nsov V O\n"
    assert tagged(CHUNKS, "2") == "Kari B-PER B-NP\nMoe O I-NP\nsov O O\n"


@pytest.mark.parametrize("late", ["B-NP", "NNP", "b-PER", "B-PER|X"])
def test_a_late_label_of_another_type_is_an_error_and_not_lost(late: str) -> None:
    content = "Kari N B-PER\nsov V O\n\n" * 2000 + f"Ola N {late}\n"
    with pytest.raises(InputError, match=r"in\.conll, line 6001: ") as caught:
        tagged(content)
    assert caught.value.found == f"Ola N {late}"
    for way in ("--label-column append", "--label-column 3"):
        assert way in (caught.value.hint or "")
    assert tagged(content, "append").endswith(f"Ola N {late} B-PER\n")


def test_bars_have_no_place_for_a_second_label() -> None:
    with pytest.raises(InputError, match="GPE") as caught:
        tagged("Kari|B-PER Oslo|B-GPE\n")
    assert "--to conllu" in (caught.value.hint or "")


def test_tag_keeps_chunks_and_another_format_takes_no_label_along(cli, tiny_model, tmp_path: Path) -> None:
    path = tmp_path / "chunks.conll"
    path.write_text(CHUNKS)
    done = cli("tag", "--model", tiny_model, path)
    assert done.status == 0
    assert [line.rsplit(b" ", 1)[0] for line in done.out.splitlines()] == CHUNKS.encode().splitlines()
    assert "--label-column last" in done.err
    done = cli("tag", "--model", tiny_model, path, "--to", "jsonl")
    assert (done.status, done.err) == (0, "")
