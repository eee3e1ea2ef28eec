"""Case 03: a comment is no token and comes back, however many pieces it has; a token `#` stays one."""

from io import BytesIO

import pytest

from bilstm_crf.errors import InputWarning
from bilstm_crf.formats import FormatOptions
from bilstm_crf.formats.columns import read, render
from bilstm_crf.sentence import TokenSpan

FOUR = "Kari N I-NP I-PER\nsov V I-VP O\n"


def tagged(content: str, choice: str) -> tuple[list[list[str]], str]:
    """The tokens of each sentence, and the file with a name at each first token."""
    options = FormatOptions(label_column=choice)
    sentences = list(read(BytesIO(content.encode()), "x", options))
    for sentence in sentences:
        sentence.token_spans = [TokenSpan(0, 1, "PER")] if sentence.tokens else []
    out = b"".join(render(sentence, options) for sentence in sentences).decode()
    return [s.tokens for s in sentences if s.tokens], out


COMMENTS = {
    "as many pieces as columns": ("# sent_id = 1\n", FOUR),
    "tabs": ("# sent_id = 1\n", FOUR.replace(" ", "\t")),
    "a tab in the comment": ("# id 0a1b\tdomain=nn\n", FOUR),
    "two columns": ("# doc1\n", "Kari B-PER\nsov O\n"),
    "two columns without labels": ("# omtale\n", "Kari N\nsov V\n"),
    "a label as its value": ("# sent_id = O\n", FOUR),
    "a label as its value, tabs": ("# note = O\n", FOUR.replace(" ", "\t")),
    "no blank": ("#text=Kari sov\n", FOUR),
    "two lines": ("# a b c\n# newpar\n", FOUR),
    "of OntoNotes": ("#begin document (x); part 000\n", "Kari a b c d\nsov a b c d\n"),
    "a bar": ("# a|O\n", "Kari B-PER\nsov O\n"),
}


@pytest.mark.parametrize("choice", ["auto", "last", "append"])
@pytest.mark.parametrize(("comment", "rows"), COMMENTS.values(), ids=COMMENTS)
def test_a_comment_comes_back_and_is_no_token(comment: str, rows: str, choice: str) -> None:
    content = f"{comment}{rows}\n{rows}\n{comment}{rows}\n\n{comment}"
    tokens, out = tagged(content, choice)
    assert tokens == [["Kari", "sov"]] * 3
    assert out.count(comment) == 3
    assert out.replace(comment, "").count("#") == 0


TOKENS = {
    "first": "# O\nbyen O\n\nKari B-PER\n",
    "second sentence": "Hei O\n\n# O\nbyen O\n",
    "the only one": "#\tO\n",
    "three columns": "# x O\nbyen x O\n",
    "in a sentence without labels": "Nr. N\n# S\n1 C\n",
    "one column": "Nr.\n#\n1\n",
    "a hashtag": "#bergen O\nsov O\n",
    "a hashtag without labels": "#bergen N\nsov V\n",
    "words with blanks": "# 1\tB-PER\nsov\tO\n",
}


@pytest.mark.parametrize("content", TOKENS.values(), ids=TOKENS)
def test_a_hash_with_the_columns_of_a_token_is_one(content: str) -> None:
    tokens, out = tagged(content, "append")
    rows = [row for row in content.split("\n") if row]
    assert sum(map(len, tokens)) == len(rows)
    assert [row.split(" ")[0].split("\t")[0] for row in out.split("\n") if row] == [
        row.split(" ")[0].split("\t")[0] for row in rows
    ]


def test_a_line_that_may_have_lost_its_label_is_said_to_be_a_comment() -> None:
    with pytest.warns(InputWarning, match=r"x, line 2: .*comment"):
        tokens, _ = tagged("Kari N O\n# a comment\nOla N B-PER\n", "auto")
    assert tokens == [["Kari", "Ola"]]
