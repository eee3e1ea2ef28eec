import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from bilstm_crf.commands.main import run
from bilstm_crf.evaluation.comparison import counts_of
from bilstm_crf.evaluation.significance import compare
from bilstm_crf.sentence import TokenSpan

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
        (["--model", "m", "--gold", "GOLD", "--predicted", "GOLD"], "expected a model and files"),
        (
            ["--gold", "GOLD", "--predicted", "GOLD", "--keep-misc"],
            "--keep-misc goes with --labels full, 7 or 6",
        ),
        (["--gold", "GOLD", "--predicted", "GOLD", "--labels", "ful"], "Did you mean full?"),
        (["--gold", "GOLD", "--predicted", "GOLD", "--json", "--markdown"], "--json and --markdown"),
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


THIRD = GOLD.replace("Kari B-PER", "Kari O")


@pytest.fixture
def systems(files, tmp_path: Path) -> list[str]:
    """Arguments: gold and two systems, the second of which gets more right."""
    (tmp_path / "third.conll").write_text(THIRD, "utf-8")
    return ["--gold", files[0], "--predicted", files[1], "--predicted", str(tmp_path / "third.conll")]


def test_two_systems_are_compared_with_difference_interval_and_p(systems, capsys):
    assert evaluate(*systems, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    first, second = found["systems"]
    assert (first["name"], second["name"]) == (systems[3], systems[5])
    assert first["strict"]["micro"]["f1"] == pytest.approx(0.4)
    assert second["strict"]["micro"]["f1"] == pytest.approx(0.8)
    (comparison,) = found["comparisons"]
    assert (comparison["a"], comparison["b"]) == (systems[3], systems[5])
    difference = comparison["micro"]
    assert difference["difference"] == pytest.approx(-0.4)
    assert difference["interval"]["low"] <= -0.4 <= difference["interval"]["high"]
    gold = [[TokenSpan(0, 1, "PER"), TokenSpan(3, 4, "GPE_LOC")], [TokenSpan(0, 1, "ORG")]]
    ours = [[TokenSpan(0, 1, "PER"), TokenSpan(3, 4, "LOC")], []]
    theirs = [[TokenSpan(3, 4, "GPE_LOC")], [TokenSpan(0, 1, "ORG")]]
    assert difference["p_value"] == compare(counts_of(gold, theirs), counts_of(gold, ours)).p_value
    assert comparison["types"]["PER"]["difference"] == 1.0


@pytest.mark.parametrize("arguments", [[], ["--markdown"], ["--latex"], ["--csv"]])
def test_a_comparison_is_shown_in_every_format(systems, arguments, capsys):
    assert evaluate(*systems, *arguments) == 0
    output = capsys.readouterr().out
    for expected in ("theirs.conll", "third.conll", "difference", "micro", "macro"):
        assert expected in output
    assert {"--markdown": "−40.00", "--latex": "$-$40.00", "--csv": "-0.4"}.get(
        "".join(arguments), "−40.0"
    ) in output


def test_the_first_of_many_systems_is_compared_with_each_of_the_others(systems, files, capsys):
    assert evaluate(*systems, "--predicted", files[0]) == 0
    output = capsys.readouterr().out
    assert "theirs.conll − third.conll" in output
    assert "theirs.conll − gold.conll" in output
    assert "p (Holm)" in output


def test_what_was_asked_for_of_each_system_follows_the_comparison(systems, capsys):
    assert evaluate(*systems, "--confusion", "--markdown") == 0
    output = capsys.readouterr().out
    assert "### theirs.conll: Confusion of spans" in output
    assert "### third.conll: Strict" in output


def test_csv_and_latex_hold_the_same_scores(files, capsys):
    assert evaluate("--gold", files[0], "--predicted", files[1], "--csv") == 0
    assert "Strict,micro,0.5,0.333" in capsys.readouterr().out
    assert evaluate("--gold", files[0], "--predicted", files[1], "--latex") == 0
    assert "micro & 50.00 & 33.33 & 40.00 & 3 & 2" in capsys.readouterr().out


def test_neither_scoring_nor_comparing_needs_scipy_torch_or_seqeval(systems, tmp_path):
    code = (
        "import sys\n"
        "for name in ('scipy', 'torch', 'seqeval', 'sklearn', 'gensim', 'spacy'): sys.modules[name] = None\n"
        "from bilstm_crf.commands.main import run\n"
        f"arguments = {systems!r}\n"
        "sys.exit(run(['evaluate', *arguments]) or run(['errors', *arguments, '--html', '-o', 'e.html']))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "e.html").exists()


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
    label_set = LabelSet.named(labels)
    save_model(Model(architecture, vocabulary, "iob", label_set, network.weights(), {}), folder, None)


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


def test_a_model_can_be_compared_with_a_systems_output(files, tmp_path, capsys):
    save_model(tmp_path / "model", "GPE_LOC", "full")
    assert evaluate("--model", str(tmp_path / "model"), files[0], "--predicted", files[0]) == 0
    output = capsys.readouterr().out
    assert micro(output)[:2] == ["25.0", "100.0"]
    assert evaluate("--model", "m", files[0], files[0], "--predicted", files[0]) == 2
    assert "--predicted with 2 gold files" in capsys.readouterr().err
