"""Cases 01, 02, 17: which column is the token and which the label is told by the form, or by options."""

import os
from io import BytesIO

import pytest

from bilstm_crf.errors import InputError, InputWarning
from bilstm_crf.formats import FORMATS, FormatOptions
from bilstm_crf.formats.columns import read, render
from bilstm_crf.labels import read_spans
from bilstm_crf.sentence import Sentence, TokenSpan

KARI = [("Kari", "B-PER"), ("Moe", "I-PER"), ("sov", "O")]


def sentences(content: str, **options: str) -> list[Sentence]:
    return [s for s in read(BytesIO(content.encode()), "in.x", FormatOptions(**options)) if s.tokens]


def pairs(content: str, **options: str) -> list[tuple[str, str]]:
    return [
        pair for s in sentences(content, **options) for pair in zip(s.tokens, s.labels or (), strict=True)
    ]


FORMS = {
    "UNER": "# text = Kari Moe sov\n1\tKari\tB-PER\tO\tx\n2\tMoe\tI-PER\tO\tx\n3\tsov\tO\tO\tx\n\n",
    "GermEval": "#\thttp://a.example\t[2014]\n1\tKari\tB-PER\tO\n2\tMoe\tI-PER\tB-LOC\n3\tsov\tO\tO\n\n",
    "NeuroNLP2": "1 Kari NNP I-NP B-PER\n2 Moe NNP I-NP I-PER\n3 sov VBZ I-VP O\n\n",
    "counted from 0": "0 Kari B-PER\n1 Moe I-PER\n2 sov O\n\n",
    "counted through the file": "1 Kari B-PER\n2 Moe I-PER\n\n3 sov O\n\n",
    "counted, with a multi-word token": "1\tKari\tB-PER\n2-3\tMoesov\t_\n2\tMoe\tI-PER\n3\tsov\tO\n\n",
    "CoNLL-U Plus": (
        "# global.columns = ID FORM X:NER UPOS\n1\tKari\tB-PER\tN\n2\tMoe\tI-PER\tN\n3\tsov\tO\tV\n\n"
    ),
    "OntoNotes": (
        "#begin document (nw/a); part 000\nnw/a 0 0 Kari N (S* - - - - (PER* (1)\n"
        "nw/a 0 1 Moe N *) - - - - *) -\nnw/a 0 2 sov V *) x - - - * (ARG0*) -\n\n#end document\n"
    ),
    "WikiANN": "no:Kari\tB-PER\nno:Moe\tI-PER\nno:sov\tO\n\n",
    "spaCy": "Kari|B-PER Moe|I-PER sov|O\n",
    "spaCy with parts of speech": "Kari|N|B-PER Moe|N|I-PER sov|V|O\n",
    "a token a line": "Kari|B-PER\nMoe|I-PER\nsov|O\n",
    "labels first": "B-PER\tKari\nI-PER\tMoe\nO\tsov\n\n",
    "conlleval": "Kari N B-PER B-PER\nMoe N I-PER O\nsov V O O\n\n",
    "conlleval, nothing found": "Kari B-PER O\nMoe I-PER O\nsov O O\n\n",
    "confidence": "Kari\tB-PER\t0.99\nMoe\tI-PER\t0.5\nsov\tO\t1\n\n",
    "chunks before": "Kari N B-NP B-PER\nMoe N I-NP I-PER\nsov V B-VP O\n\n",
    "chunks before, no entity in the last column yet": "Kari B-PER N\nMoe I-PER N\nsov O V\n\n",
    "header": "word\tlabel\nKari\tB-PER\nMoe\tI-PER\nsov\tO\n\n",
    "header and empty line": "Word\tPOS\tTag\n\nKari\tN\tB-PER\nMoe\tN\tI-PER\nsov\tV\tO\n\n",
    "header that says where": "id ner token\n1 B-PER Kari\n2 I-PER Moe\n3 O sov\n\n",
    "header twice, as in concatenated files": "word label\nKari B-PER\nMoe I-PER\n\nword label\nsov O\n\n",
}


@pytest.mark.filterwarnings("ignore::bilstm_crf.errors.InputWarning")
@pytest.mark.parametrize("content", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_a_form_is_recognised_and_comes_back(content: str, end: str) -> None:
    content = content.replace("\n", end)
    assert pairs(content) == KARI
    again = list(read(BytesIO(content.encode()), "in.x"))
    assert b"".join(map(render, again)) == content.encode()


@pytest.mark.parametrize("name", ["UNER", "NeuroNLP2", "OntoNotes", "WikiANN", "conlleval", "labels first"])
def test_what_was_assumed_is_said_once_with_the_way_to_choose(name: str) -> None:
    with pytest.warns(InputWarning) as caught:
        sentences(FORMS[name] * 3)
    assert len(caught) == 1
    assert str(caught[0].message).startswith("in.x: ")
    assert "-column" in str(caught[0].message)


@pytest.mark.filterwarnings("error::bilstm_crf.errors.InputWarning")
@pytest.mark.parametrize("name", ["chunks before", "header", "spaCy", "header and empty line"])
def test_what_is_plain_needs_no_warning(name: str) -> None:
    assert pairs(FORMS[name]) == KARI


TABLE = "Ord\tMerke\tEtikett\nKari\tB-LOC\tB-PER\nsov\tO\tO\n\n"


def test_columns_are_chosen_by_name_or_number() -> None:
    assert pairs(TABLE, token_column="ord", label_column="Merke") == [("Kari", "B-LOC"), ("sov", "O")]
    assert pairs("x Kari y B-PER z\n", token_column="2", label_column="4") == [("Kari", "B-PER")]
    assert pairs(FORMS["UNER"], token_column="2", label_column="3") == KARI


ROWS = "# x\nKari N O\nsov V O\n"


@pytest.mark.parametrize(
    ("content", "option", "given", "fragment"),
    [
        (TABLE, "label_column", "Etiket", "Did you mean Etikett"),
        ("word pos ner\nKari N O\n", "token_column", "Ord", "expected one of word pos ner"),
        ("word pos ner\nKari N O\n", "token_column", "4", "expected one of word pos ner"),
        (ROWS, "label_column", "4", "expected a number from 1 to 3"),
        (ROWS, "label_column", "-1", "no column -1"),
        (ROWS, "token_column", "ner", "no name in the first line"),
        (ROWS, "label_column", "1", "the token and the label"),
        ("# x\nKari|O sov|O\n", "token_column", "2", "word|label"),
    ],
)
def test_a_column_that_is_not_there_is_an_error_with_those_that_are(content, option, given, fragment) -> None:
    line = 2 if content.startswith("#") else 1
    with pytest.raises(InputError, match=rf"in\.x, line {line}: ") as caught:
        sentences(content, **{option: given})
    assert fragment in str(caught.value)
    assert caught.value.found == content.split("\n")[line - 1]


COUNTING = ["1\tB-PER\n2\tI-PER\n3\tO\n\n", "1\n2\n3\n", "1 O\n2 O\n\n1 O\n", "0\n1\n2\n"]


@pytest.mark.parametrize("content", COUNTING)
def test_numbers_that_only_count_are_no_tokens(content: str) -> None:
    with pytest.raises(InputError, match="counts") as caught:
        sentences(content)
    assert "--token-column" in (caught.value.hint or "")
    assert (
        [token for token, _ in pairs(content, token_column="1", label_column="last")] if "O" in content else 1
    )


def test_a_sentence_of_numbers_among_others_is_one() -> None:
    assert [s.tokens for s in sentences("Kari O\nsov O\n\n1 O\n2 O\n3 O\n")] == [
        ["Kari", "sov"],
        ["1", "2", "3"],
    ]
    assert [s.tokens for s in sentences("1 O\n\n1 O\n\nKari O\n")] == [["1"], ["1"], ["Kari"]]


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        ("1\tKari" + "\t_" * 7 + "\tname=B-PER\n2\tsov" + "\t_" * 7 + "\tname=O\n\n", "--format conllu"),
        ("#FORMAT=WebAnno TSV 3.2\n\n#Text=Kari sov\n1-1\t0-4\tKari\tPER\n", "export"),
        ("Kari|N sov|V\nOla|N\n", "--format text"),
    ],
)
def test_what_is_no_columns_at_all_is_refused_with_the_way_out(content: str, hint: str) -> None:
    with pytest.raises(InputError, match=r"in\.x, line 1: ") as caught:
        sentences(content)
    assert hint in (caught.value.hint or "")


@pytest.mark.filterwarnings("ignore::bilstm_crf.errors.InputWarning")
def test_gold_and_predicted_of_one_file_are_two_columns() -> None:
    both = FORMS["conlleval"]
    assert [label for _, label in pairs(both, side="predicted")] == ["B-PER", "O", "O"]
    named = "token pred gold\nKari O B-PER\n"
    assert pairs(named) == [("Kari", "B-PER")]
    assert pairs(named, side="predicted") == [("Kari", "O")]


def test_evaluate_scores_the_two_columns_of_one_file(cli, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "both.conll").write_text("Kari B-PER B-PER\nsov O O\ni O O\nBergen B-LOC O\n\n")
    done = cli("evaluate", "--gold", "both.conll", "--predicted", "both.conll", "--json")
    assert done.status == 0
    assert "column 2 is read as gold" in done.err
    assert "column 3 is read as predicted" in done.err
    assert b'"gold": 2' in done.out


# ---------------------------------------------------------------- OntoNotes

ONTONOTES = "d 0 0 Kari N (S* - - - - {} -\nd 0 1 Moe N *) - - - - {} (1)\nd 0 2 sov V *) - - - - {} -\n"


@pytest.mark.filterwarnings("ignore::bilstm_crf.errors.InputWarning")
@pytest.mark.parametrize(
    ("cells", "spans"),
    [
        (("(PER)", "(ORG*", "*)"), [TokenSpan(0, 1, "PER"), TokenSpan(1, 3, "ORG")]),
        (("(PER*)", "*", "*"), [TokenSpan(0, 1, "PER")]),
        (("-", "-", "-"), []),
    ],
)
def test_brackets_are_spans_and_spans_are_brackets(cells, spans) -> None:
    options = FormatOptions(label_column="11")
    given = list(read(BytesIO(ONTONOTES.format(*cells).encode()), "x", options))
    read_spans(given)
    assert [(s.token_spans, s.document) for s in given] == [(spans, "d")]
    written = render(given[0], options)
    again = list(read(BytesIO(written), "x", options))
    read_spans(again)
    assert again[0].token_spans == spans
    assert written.decode().split("\n")[1].split(" ")[:10] == ONTONOTES.split("\n")[1].split(" ")[:10]


@pytest.mark.filterwarnings("ignore::bilstm_crf.errors.InputWarning")
@pytest.mark.parametrize(
    ("cells", "line"), [(("(PER*", "(LOC)", "*)"), 2), (("*", "*)", "*"), 2), (("(A*", "*", "*"), 3),
                        (("(A(B*", "*", "*))"), 1)]
)  # fmt: skip
def test_brackets_that_do_not_close_or_overlap_are_an_error(cells, line: int) -> None:
    with pytest.raises(InputError, match=f"x, line {line}: ") as caught:
        list(read(BytesIO(ONTONOTES.format(*cells).encode()), "x"))
    assert "entity" in str(caught.value)


# ---------------------------------------------------------------- streams


@pytest.mark.filterwarnings("ignore::bilstm_crf.errors.InputWarning")
@pytest.mark.parametrize(
    "units",
    [
        ["Kari|B-PER sov|O\n", "Ola|B-PER\n", "Per|O Moe|O\n"],
        ["# a\nKari N O\nsov V O\n\n", "# b\nOla N B-PER\n\n"],
        ["1\tKari\tO\tO\n2\tsov\tO\tO\n\n", "1\tOla\tB-PER\tO\n\n"],
        ["word\tlabel\n\n", "Kari\tB-PER\n\n", "sov\tO\n\n"],
        ["-DOCSTART- O\n\n", "Kari O\n\n", "-DOCSTART- O\n\n"],
    ],
)
def test_a_sentence_is_read_before_the_next_is_written(units: list[str]) -> None:
    reading, writing = os.pipe()
    with open(reading, "rb") as stream, open(writing, "wb", buffering=0) as sink:
        found = FORMATS["conll2003"].read(stream, "pipe", FormatOptions())
        for unit in units:
            for line in unit.splitlines(keepends=True):
                sink.write(line.encode())
            assert render(next(found)) == unit.encode()  # would wait for ever for more than it needs
