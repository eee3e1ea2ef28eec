import json
from hashlib import sha256
from pathlib import Path

import pytest

from bilstm_crf.commands.main import run

GOLD = """Kari B-PER
bor O
i O
Oslo B-GPE_LOC

NRK B-ORG
"""
PREDICTED = """Kari B-PER
bor O
i O
Oslo B-LOC

NRK O
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    gold, predicted = tmp_path / "gold.conll", tmp_path / "theirs.conll"
    gold.write_text(GOLD, "utf-8")
    predicted.write_text(PREDICTED, "utf-8")
    return str(gold), str(predicted)


def evaluate(*arguments: str) -> int:
    return run(["evaluate", *arguments])


def micro(output: str) -> list[str]:
    return next(line.split()[1:] for line in output.splitlines() if line.startswith("micro "))


def test_a_systems_output_is_scored_against_gold(files, capsys):
    assert evaluate("--gold", files[0], "--predicted", files[1]) == 0
    output = capsys.readouterr().out
    assert micro(output) == ["50.0", "33.3", "40.0", "3", "2"]
    data = sha256(GOLD.encode()).hexdigest()[:8]
    assert f"strict|illegal:O|labels:full|misc:O|one-to-one|data:{data}|bilstm_crf:" in output


def test_a_hyphen_is_standard_output(files, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert evaluate("--gold", files[0], "--predicted", files[1], "-o", "-") == 0
    assert micro(capsys.readouterr().out) == ["50.0", "33.3", "40.0", "3", "2"]
    assert not (tmp_path / "-").exists()


def test_the_label_set_is_that_of_the_option(files, capsys):
    assert evaluate("--gold", files[0], "--predicted", files[1], "--labels", "6") == 0
    assert micro(capsys.readouterr().out) == ["100.0", "66.7", "80.0", "3", "2"]


def test_json_holds_every_scheme_and_goes_to_a_file(files, tmp_path, capsys):
    output = tmp_path / "scores.json"
    assert evaluate("--gold", files[0], "--predicted", files[1], "--json", "-o", str(output)) == 0
    scores = json.loads(output.read_text("utf-8"))
    assert scores["strict"]["micro"]["f1"] == pytest.approx(0.4)
    assert sorted(scores["semeval"]) == ["exact", "partial", "strict", "type"]
    assert scores["confusion"]["types"][-1] == "O"
    assert capsys.readouterr().out == ""


def test_markdown_shows_every_scheme_and_the_confusion(files, capsys):
    arguments = ["--markdown", "--scheme", "all", "--confusion"]
    assert evaluate("--gold", files[0], "--predicted", files[1], *arguments) == 0
    output = capsys.readouterr().out
    assert output.count("### ") == 6
    assert "semeval-2013-original|lenient|" in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "expected a model and files, or gold and predicted files"),
        (["--gold", "GOLD"], "expected a model and files, or gold and predicted files"),
        (["--model", "m"], "expected a model and files"),
        (["GOLD"], "expected a model and files"),
        (["--model", "m", "--gold", "GOLD", "--predicted", "GOLD"], "expected a model and files"),
        (
            ["--gold", "GOLD", "--predicted", "GOLD", "--keep-misc"],
            "--keep-misc goes with --labels full, 7 or 6",
        ),
        (["--gold", "GOLD", "--predicted", "GOLD", "--labels", "ful"], "Did you mean full?"),
        (["--gold", "GOLD", "--predicted", "GOLD", "--json", "--markdown"], "one of the two"),
        (["--gold", "GOLD", "--predicted", "none.conll"], "does not exist"),
        (["--gold", "GOLD", "--predicted", "GOLD", "--scheme", "lenient"], "lenient"),
        (["--model", "no-such-folder", "GOLD"], "no-such-folder"),
    ],
)
def test_what_cannot_be_is_said_with_exit_status_2(files, capsys, arguments, message):
    assert evaluate(*[files[0] if argument == "GOLD" else argument for argument in arguments]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""


def test_an_output_is_absent_where_the_input_is_wrong(files, tmp_path, capsys):
    Path(files[1]).write_text("Ola B-PER\n", "utf-8")
    output = tmp_path / "scores.txt"
    assert evaluate("--gold", files[0], "--predicted", files[1], "-o", str(output)) == 2
    assert "line 1: 'Ola' (sentence 1, word 1), expected 'Kari'" in capsys.readouterr().err
    assert not output.exists()


def save_model(folder: Path, type_: str, labels: str) -> None:
    """A model of the smallest sizes, to which every word is a span of one type."""
    import torch

    from bilstm_crf.features.vocabulary import Vocabulary
    from bilstm_crf.labels import ENCODINGS, LabelSet
    from bilstm_crf.model.architecture import Architecture
    from bilstm_crf.model.model_folder import Model, save_model
    from bilstm_crf.model.network import BiLSTMCRF
    from bilstm_crf.sentence import Sentence

    names = ENCODINGS["iob"].labels([type_])
    vocabulary = Vocabulary.of_corpus([Sentence(["Kari", "bor", "i", "Oslo", "NRK"])], names)
    architecture = Architecture(character_dim=2, character_filters=2, hidden=4)
    weights = torch.zeros(len(vocabulary.words) + 1, 3)
    network = BiLSTMCRF(architecture, len(vocabulary.characters), len(names), weights)
    with torch.no_grad():
        network.members[0].to_labels.bias[names.index(f"B-{type_}")] = 100.0
    save_model(Model(network, architecture, vocabulary, "iob", LabelSet.named(labels), {}), folder, None)


def test_a_model_is_scored_with_the_label_set_it_was_trained_with(files, tmp_path, capsys):
    save_model(tmp_path / "model", "GPE", "7")
    assert evaluate("--model", str(tmp_path / "model"), files[0], files[0]) == 0
    output = capsys.readouterr().out
    assert micro(output) == ["20.0", "33.3", "25.0", "6", "10"]  # Oslo is right, twice
    assert "|labels:7|misc:O|" in output


def test_a_model_of_the_full_set_can_be_scored_as_a_smaller_one_but_not_the_other_way(
    files, tmp_path, capsys
):
    save_model(tmp_path / "full", "GPE_LOC", "full")
    assert evaluate("--model", str(tmp_path / "full"), files[0], "--labels", "6") == 0
    assert micro(capsys.readouterr().out) == ["20.0", "33.3", "25.0", "3", "5"]
    save_model(tmp_path / "seven", "GPE", "7")
    assert evaluate("--model", str(tmp_path / "seven"), files[0], "--labels", "full") == 2
    assert "a model with the labels 7 cannot be scored in the label set full" in capsys.readouterr().err
