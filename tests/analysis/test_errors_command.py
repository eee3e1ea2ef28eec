import json
from pathlib import Path

import pytest

from pages import Reader
from runs import DEV, TRAIN

GOLD = """-DOCSTART- O

Kari B-PER
Nordmann I-PER
bor O
i O
Oslo B-GPE_LOC

NRK B-ORG
"""
A = """-DOCSTART- O

Kari B-PER
Nordmann O
bor O
i O
Oslo B-LOC

NRK B-ORG
"""
B = """-DOCSTART- O

Kari B-PER
Nordmann I-PER
bor B-ORG
i O
Oslo B-LOC

NRK O
"""


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    written = {}
    for name, content in {"gold": GOLD, "a": A, "b": B}.items():
        path = tmp_path / f"{name}.conll"
        path.write_text(content, "utf-8")
        written[name] = str(path)
    return written


def test_the_terminal_gets_counts_that_add_up_and_examples_with_their_lines(cli, files):
    done = cli("errors", "--gold", files["gold"], "--predicted", files["a"])
    assert done.status == 0, done.err
    out = done.out.decode()
    rows = [line.split() for line in out.splitlines()[5:13]]
    assert rows == [
        ["What", "became", "of", "the", "entities"],
        ["gold", "predicted"],
        ["correct", "1", "1"],
        ["wrong", "type", "1", "1"],
        ["wrong", "boundary", "1", "1"],
        ["wrong", "both", "0", "0"],
        ["missed", "0", "–"],
        ["spurious", "–", "0"],
    ]
    assert f"{files['gold']}:3  [{{Kari}} Nordmann] bor i Oslo" in out
    assert f"{files['gold']}:7  Kari Nordmann bor i [{{Oslo}}]" in out
    assert "strict|illegal:O|labels:full|" in out


def test_json_names_every_error_and_every_breakdown(cli, files, tmp_path):
    output = tmp_path / "errors.json"
    arguments = ("--gold", files["gold"], "--predicted", files["a"], "--train", files["b"], "--json")
    done = cli("errors", *arguments, "-o", output)
    assert (done.status, done.out) == (0, b"")
    found = json.loads(output.read_text("utf-8"))
    assert list(found) == [
        "about", "sentences", "words", "total", "breakdowns", "labels", "confusion", "confusions", "errors",
        "comparison",
    ]  # fmt: skip
    assert list(found["breakdowns"]) == ["type", "name", "vocabulary", "length", "genre", "document"]
    assert found["total"]["gold"] == {
        "correct": 1, "wrong_type": 1, "wrong_boundary": 1, "wrong_both": 0, "missed": 0,
    }  # fmt: skip
    assert [error["category"] for error in found["errors"]] == ["wrong_boundary", "wrong_type"]
    assert found["errors"][1]["gold"] == {"start": 4, "end": 5, "type": "GPE_LOC", "text": "Oslo"}
    names = {group["name"]: group["gold"]["correct"] for group in found["breakdowns"]["name"]}
    assert names == {"seen with this type": 0, "seen with other types only": 0, "unseen": 1}
    assert found["comparison"] is None


def test_words_are_looked_up_in_train_and_in_the_vectors(cli, files, tmp_path):
    vectors, train = tmp_path / "v.txt", tmp_path / "train.conll"
    vectors.write_text("1 2\nOslo 0.5 1.5\n", "utf-8")
    train.write_text("NRK B-ORG\n", "utf-8")
    known = ("--embeddings", vectors, "--train", train)
    done = cli("errors", "--gold", files["gold"], "--predicted", files["a"], *known, "--json")
    groups = json.loads(done.out)["breakdowns"]["vocabulary"]
    assert [(group["name"], group["score"]["gold"], group["score"]["correct"]) for group in groups] == [
        ("all in train", 1, 1),
        ("one in the vectors only", 1, 0),
        ("one in neither", 1, 0),
    ]


def test_the_label_set_decides_what_is_an_error(cli, files):
    done = cli("errors", "--gold", files["gold"], "--predicted", files["a"], "--labels", "6", "--json")
    found = json.loads(done.out)
    assert [error["category"] for error in found["errors"]] == ["wrong_boundary"]


def test_two_systems_are_set_against_each_other(cli, files):
    arguments = ("--gold", files["gold"], "--predicted", files["a"], "--predicted", files["b"])
    found = json.loads(cli("errors", *arguments, "--json").out)["comparison"]
    whole = found["total"]
    assert [whole[cell] for cell in ("gold", "both_right", "only_a", "only_b", "both_wrong")] == [
        3,
        0,
        1,
        1,
        1,
    ]
    assert (whole["wrong_predictions_a"], whole["wrong_predictions_b"]) == (1, 1)
    assert whole["wrong_predictions_both"] == 1
    assert [each["gold"]["text"] for each in found["only_a"]] == ["NRK"]
    scores = found["scores"]["micro"]
    assert (scores["f1_a"], scores["f1_b"]) == (pytest.approx(1 / 3), pytest.approx(1 / 3))
    assert scores["p_value"] == 1.0
    assert [each["category"] for each in found["only_b"]] == ["wrong_boundary"]
    out = cli("errors", *arguments).out.decode()
    assert "Only A is right; what B predicts" in out
    assert "[NRK]   missed, gold ORG" in out


def test_context_and_examples_are_as_many_as_asked_for(cli, files):
    arguments = ("--gold", files["gold"], "--predicted", files["a"], "--context", 1, "--examples", 1)
    assert "… i [{Oslo}]   wrong type" in cli("errors", *arguments).out.decode()
    done = cli("errors", "--gold", files["gold"], "--predicted", files["a"], "--examples", 0, "--json")
    assert all(each["examples"] == [] for each in json.loads(done.out)["confusions"])


HOSTILE = [
    "<script>alert(1)</script>",
    "אבג",
    "\u202eoslo",
    "👩\u200d💻",
    "&lt;",
    "\x1b[31mrød",
    '"><img src=x>',
    "]]>",
]


@pytest.fixture
def hostile(tmp_path: Path) -> tuple[str, str]:
    """A gold file and a prediction whose every word is an error, and whose document's name is no better."""
    gold = [f"{n}\t{word}" + "\t_" * 7 + "\tname=B-PER" for n, word in enumerate(HOSTILE, 1)]
    text = "\n".join(["# newdoc id = <script>d</script>", "# sent_id = <b>1</b>", *gold]) + "\n\n"
    paths = str(tmp_path / "gold.conllu"), str(tmp_path / "predicted.conllu")
    Path(paths[0]).write_text(text, "utf-8")
    Path(paths[1]).write_text(text.replace("name=B-PER", "name=B-<b>X</b>"), "utf-8")
    return paths


def test_a_page_shows_hostile_words_as_words(cli, hostile, tmp_path):
    output = tmp_path / "errors.html"
    arguments = ("--gold", hostile[0], "--predicted", hostile[1], "--predicted", hostile[0])
    assert cli("errors", *arguments, "--html", "--examples", 20, "-o", output).status == 0
    content = output.read_text("utf-8")
    reader = Reader(content)
    assert not {"script", "img", "b"} & set(reader.names)
    assert "://" not in content
    shown = " ".join(reader.text)
    for word in HOSTILE:
        assert word.replace("\x1b", "\N{REPLACEMENT CHARACTER}") in shown
    assert "<script>d</script>" in shown
    assert "<b>X</b>" in shown


def test_a_terminal_is_not_steered_by_words(cli, hostile):
    out = cli("errors", "--gold", hostile[0], "--predicted", hostile[1], "--examples", 20).out.decode()
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "\\x1b[31mrød" in out
    assert "👩\u200d💻" in out


@pytest.mark.parametrize("output", ["--json", "--html", "--examples=3"])
def test_a_files_name_may_be_no_utf8(cli, files, tmp_path, output):
    gold = Path(files["gold"]).rename(tmp_path / "\udcff.conll")
    done = cli("errors", "--gold", gold, "--predicted", files["a"], output)
    assert done.status == 0, done.err
    assert done.out.decode("utf-8")
    if output == "--json":
        assert json.loads(done.out)["about"]["gold"] == str(gold)


def test_the_errors_of_a_model_are_those_of_its_output(cli, tiny_model, tmp_path):
    tagged = tmp_path / "tagged.conllu"
    assert cli("tag", "--model", tiny_model, DEV, "-o", tagged).status == 0
    of_model = cli("errors", "--model", tiny_model, DEV, "--train", TRAIN, "--json")
    assert of_model.status == 0, of_model.err
    of_files = cli(
        "errors", "--gold", DEV, "--predicted", tagged, "--train", TRAIN, "--labels", "full", "--json"
    )
    one, other = json.loads(of_model.out), json.loads(of_files.out)
    assert one["about"].pop("a") == f"model {tiny_model}"
    assert other["about"].pop("a") == str(tagged)
    assert one == other
    assert one["errors"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "expected a model and files, or gold and predicted files"),
        (["--gold", "gold"], "expected a model and files, or gold and predicted files"),
        (["--gold", "gold", "--predicted", "a", "gold"], "expected a model and files"),
        (["--gold", "gold", "--predicted", "a", "--json", "--html"], "--json and --html"),
        (["--gold", "gold", "--predicted", "a", "--labels", "ful"], "Did you mean full?"),
        (["--gold", "gold", "--predicted", "a", "--documents", "b"], "no column sent_id"),
        (["--gold", "gold", "--predicted", "a", "--embeddings", "sg6OO"], "Did you mean sg600?"),
        (["--model", "m", "gold", "a", "--predicted", "b"], "--predicted with 2 gold files"),
    ],
)
def test_what_cannot_be_is_said_with_exit_status_2(cli, files, arguments, message):
    done = cli("errors", *[files.get(argument, argument) for argument in arguments])
    assert (done.status, done.out) == (2, b"")
    assert message in done.err


def test_an_output_is_absent_where_the_input_is_wrong(cli, files, tmp_path):
    Path(files["a"]).write_text("Ola B-PER\n", "utf-8")
    output = tmp_path / "errors.html"
    done = cli("errors", "--gold", files["gold"], "--predicted", files["a"], "--html", "-o", output)
    assert done.status == 2
    assert not output.exists()


def test_norne_has_nine_genres_of_bokmaal_in_dev(cli, shared):
    folder = shared / "norne" / "nob"
    dev = folder / "no_bokmaal-ud-dev.conllu"
    done = cli("errors", "--gold", dev, "--predicted", dev, "--documents", folder / "documents.tsv", "--json")
    assert done.status == 0, done.err
    found = json.loads(done.out)
    genres = {group["name"]: group["score"]["gold"] for group in found["breakdowns"]["genre"]}
    assert set(genres) == {"ap", "blogg-bm", "bt", "db", "kk", "nou", "sp-bm", "st", "vg"}
    assert sum(genres.values()) == found["total"]["score"]["gold"] == found["total"]["gold"]["correct"]
    assert len(found["breakdowns"]["document"]) == 26
    assert found["errors"] == []
