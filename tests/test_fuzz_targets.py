"""Every reader keeps its promise on the fuzz targets' own seeds, and on each seed cut short or damaged."""

import random

import pytest

from fuzz.seeds import SEEDS
from fuzz.targets import TARGETS, model_folder

pytestmark = pytest.mark.filterwarnings("ignore::bilstm_crf.errors.InputWarning")


def damaged(seed: bytes, random_: random.Random) -> bytes:
    """The seed with one byte changed, left out or doubled, or cut short."""
    at = random_.randrange(len(seed))
    new = random_.choice([bytes([random_.randrange(256)]), b"", seed[at : at + 1] * 2, b"\n", b"\t", b" "])
    return seed[:at] if random_.random() < 0.1 else seed[:at] + new + seed[at + 1 :]


def test_every_target_has_seeds() -> None:
    assert SEEDS.keys() == TARGETS.keys()


@pytest.mark.parametrize("name", TARGETS)
def test_a_reader_keeps_its_promise(name: str) -> None:
    seeds = SEEDS[name]
    if name == "model_json":
        seeds = [*seeds, (model_folder() / "model.json").read_bytes()]
    random_ = random.Random(0)
    for seed in seeds:
        TARGETS[name](seed)
        for _ in range(10):
            TARGETS[name](damaged(seed, random_))
