"""The benchmarks' pure parts: what they read and write is right. What they measure is nobody's assertion."""

import importlib
import itertools
import random
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from bilstm_crf.corpus.labelled import read_labelled
from bilstm_crf.labels import LabelSet
from runs import DEV

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"

LOG = """\
     pretrain word:66009, prefect match:27168, case_match:599, oov:6724, oov%:0.19494375507364026
Epoch: 0/1
     Instance: 500; Time: 5.17s; loss: 6312.9341; acc: 7011/7829=0.8955
Epoch: 0 training finished. Time: 31.06s, speed: 96.59st/s,  total loss: 11502.4
totalloss: 11502.4
Right token =  33907  All token =  36369  acc =  0.932305
Dev: time: 3.55s, speed: 681.25st/s; acc: 0.9323, p: 0.5204, r: 0.3720, f: 0.4339
Test: time: 0.02s, speed: 560.10st/s; acc: 0.9100, p: 0.5000, r: 0.3000, f: 0.3750
"""


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch):
    """A module of benchmarks/, which is no package."""

    def load(name: str) -> ModuleType:
        monkeypatch.syspath_prepend(BENCHMARKS)
        monkeypatch.syspath_prepend(BENCHMARKS / "peers")
        return importlib.import_module(name)

    return load


@pytest.mark.parametrize(
    "script", ["compare.py", "scale.py", "roofline.py", "tokenising.py", "confidence.py", "vectors.py"]
)
def test_help_runs(script: str) -> None:
    done = subprocess.run([sys.executable, BENCHMARKS / script, "--help"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--output" in done.stdout


def test_ncrfpp_speeds_are_those_of_training_and_of_dev(module) -> None:
    assert module("ncrfpp").read_log(LOG) == (96.59, 681.25)


def test_a_log_without_speeds_is_an_error(module) -> None:
    with pytest.raises(ValueError, match="no line"):
        module("ncrfpp").read_log("\n".join(LOG.splitlines()[:3]))


def test_a_log_without_vectors_is_an_error(module) -> None:
    with pytest.raises(ValueError, match="no word"):
        module("ncrfpp").read_log(LOG.replace("match:27168", "match:0"))


def test_columns_hold_the_labels_that_our_own_reader_finds(module, tmp_path: Path) -> None:
    convert, common = module("convert"), module("common")
    ours = read_labelled([DEV], LabelSet.named("full"))
    path = convert.write_columns(map(convert.to_columns, convert.blocks(DEV)), tmp_path / "dev")
    theirs = common.read_columns(path)
    assert [[word for word, _ in sentence] for sentence in theirs] == [s.tokens for s in ours.sentences]
    assert [common.spans(sentence) for sentence in theirs] == [s.token_spans for s in ours.sentences]


def test_white_space_in_a_word_never_makes_a_third_column(module) -> None:
    line = "1\t10\u00a0000 kr\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No|name=B-MISC"
    assert module("convert").to_columns(line) == [("10_000_kr", "O")]


def test_ranges_and_empty_nodes_are_no_words(module) -> None:
    lines = [f"{number}\tx" + "\t_" * 8 for number in ("1-2", "1", "1.1", "2")]
    assert module("convert").to_columns("# text = x x\n" + "\n".join(lines)) == [("x", "O")] * 2


def test_a_part_of_an_epoch_keeps_the_whole_vocabulary(module, tmp_path: Path) -> None:
    vectors = tmp_path / "vectors"
    vectors.write_text("1 2\nord 0.5 0.5\n")
    train = [[(f"w{number}", "O")] for number in range(300)]
    ncrfpp = module("ncrfpp")
    config = ncrfpp.prepare(tmp_path / "work", train, 5, [[("dev", "O")]], vectors)
    assert "word_emb_dim=2\n" in config.read_text()
    assert (tmp_path / "work" / "vectors").read_text() == "ord 0.5 0.5\n"  # it knows no header
    assert len(module("common").read_columns(tmp_path / "work" / "train")) == 5
    *_, dropped = module("common").read_columns(tmp_path / "work" / "words")
    assert dropped == [column for sentence in train for column in sentence]
    assert len(dropped) >= ncrfpp.MAX_LENGTH


def test_a_ratio_above_one_means_that_ours_is_better(module) -> None:
    compare = module("compare")
    rates = [
        compare.Row("s", "m", system, compare.PER_SECOND, [v]) for system, v in (("a", 200.0), ("b", 50.0))
    ]
    times = [compare.Row("s", "m", system, "ms", [v]) for system, v in (("a", 2.0), ("b", 8.0))]
    assert rates[1].as_dict(rates[0])["ours_is_better"] == 4.0
    assert times[1].as_dict(times[0])["ours_is_better"] == 4.0
    assert rates[0].as_dict(rates[0])["ours_is_better"] is None


def test_a_process_that_fails_says_what_it_said(module) -> None:
    measure = module("measure")
    with pytest.raises(measure.FailedError, match="status 3:\nbroken"):
        measure.run([sys.executable, "-c", "import sys; print('broken'); sys.exit(3)"], threads=1)


def test_peak_memory_is_that_of_the_process(module) -> None:
    run = module("measure").run([sys.executable, "-c", "x = b'1' * (300 << 20)"], threads=1)
    assert run.peak_mib > 300


def test_the_time_of_a_process_is_that_of_its_processor(module) -> None:
    run = module("measure").run([sys.executable, "-c", "sum(range(10**7))"], threads=1)
    assert run.cpu_seconds > 0


def test_every_point_of_the_scale_differs_from_the_base_in_its_axis_alone(module) -> None:
    scale = module("scale")
    for each in scale.points(["threads", "labels"], "tag", 0, 100):
        assert {**each["point"], "task": "train", each["axis"]: scale.BASE[each["axis"]]} == scale.BASE


def test_documents_are_laid_out_with_the_treebanks_offsets(module) -> None:
    tokenising = module("tokenising")
    sentences = [[("Kari", " "), ("vann", " ")], [("Ola", " "), ("tapte", ""), (".", " ")] * 9]
    for layout in tokenising.LAYOUTS:
        golds = tokenising.lay_out(sentences, layout, random.Random(1))
        found = [[gold.text[a:b] for a, b in places] for gold in golds for places in gold.sentences]
        assert found == [[form for form, _ in sentence] for sentence in sentences]
        assert max(len(line) for gold in golds for line in gold.text.split("\n")) <= 200


def test_the_schedule_of_the_most_probable_spans_is_that_of_all_subsets(module) -> None:
    best = module("confidence").best_schedule
    chance = random.Random(3)
    for _ in range(50):
        starts = [chance.randrange(8) for _ in range(6)]
        spans = [(start, start + chance.randrange(1, 4)) for start in starts]
        weights = [chance.random() for _ in spans]

        def apart(chosen: tuple[int, ...], spans: list[tuple[int, int]] = spans) -> bool:
            places = [place for n in chosen for place in range(*spans[n])]
            return len(places) == len(set(places))

        subsets = (each for size in range(7) for each in itertools.combinations(range(6), size))
        most = max(sum(weights[n] for n in each) for each in subsets if apart(each))
        found = best(spans, weights)
        assert apart(tuple(found))
        assert sum(weights[n] for n in found) == pytest.approx(most)


def test_a_sample_of_text_has_whole_lines_and_is_the_same_again(module, tmp_path: Path) -> None:
    vectors = module("vectors")
    lines = [f"a{number} b c\n" for number in range(100)]
    (tmp_path / "raw.txt").write_text("".join(lines))
    tokens, digest = vectors.write_sample(tmp_path / "raw.txt", 50, tmp_path / "one")
    assert vectors.write_sample(tmp_path / "raw.txt", 50, tmp_path / "two") == (tokens, digest)
    written = (tmp_path / "one").read_text().splitlines(keepends=True)
    assert (tokens, len(written)) == (48, 16)
    assert set(written) < set(lines)
    assert written != lines[:16]


def test_vectors_are_like_themselves_turned_and_unlike_others(module, tmp_path: Path) -> None:
    vectors, draw = module("vectors"), np.random.default_rng(1)
    words = [f"ord{number}" for number in range(300)]
    one = draw.normal(size=(300, 8)).astype(np.float32)
    turned = one @ np.linalg.qr(draw.normal(size=(8, 8)))[0].astype(np.float32)
    other = draw.normal(size=(300, 8)).astype(np.float32)
    made = {}
    for name, matrix in {"one": one, "turned": turned, "other": other}.items():
        path = tmp_path / f"{name}.txt"
        lines = [f"{word} {' '.join(map(str, row))}" for word, row in zip(words, matrix, strict=True)]
        path.write_text("\n".join(["300 8", *lines]) + "\n")
        made[name] = [path]
    found = {each["systems"]: each for each in vectors.compare(made, None)}
    assert found["one", "turned"]["correlation"] > 0.999
    assert found["one", "turned"]["shared neighbours"] > 0.99
    assert abs(found["one", "other"]["correlation"]) < 0.2
    assert found["one", "other"]["shared neighbours"] < 0.2
