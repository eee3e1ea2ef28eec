"""Options of commands that tag: probabilities, n best label sequences, and which names are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import click

from bilstm_crf.commands.options import options_group
from bilstm_crf.errors import UsageError
from bilstm_crf.output import WRITERS, Writer

if TYPE_CHECKING:
    from bilstm_crf.inference.decoding import Decoding

PROBABILITY = click.FloatRange(0, 1)
NO_SCORES = ("conll2003", "doccano")  # outputs that have no place for scores
ALTERNATIVES = ("jsonl",)  # outputs that have one for several ways to label a sentence

to_option = click.option(
    "--to",
    metavar="NAME",
    help=f"Output: {', '.join(list(WRITERS)[:-1])} or text.  [by the output's suffix; as the input; jsonl]",
)

decoding_options = options_group(
    click.option("--scores", is_flag=True, help="Write the probability of each name."),
    click.option(
        "--min-score",
        metavar="T",
        type=PROBABILITY,
        default=0.0,
        help="Leave out names that are less probable than T, from 0 to 1.",
    ),
    click.option(
        "--recall",
        metavar="T",
        type=PROBABILITY,
        help="Add names that are at least this probable, though the best labels lack them (0 to 1).",
    ),
    click.option(
        "--nbest",
        metavar="K",
        type=click.IntRange(1, 100),
        default=1,
        help="JSONL: add the K best ways to label each sentence (up to 100), with probabilities.",
    ),
)


def decoding_of(options: Mapping[str, Any]) -> Decoding:
    """Return the decoding that the options describe."""
    from bilstm_crf.inference.decoding import Decoding

    return Decoding(**{name: options[name] for name in ("scores", "nbest", "min_score", "recall")})


def require_place(options: Mapping[str, Any], targets: Iterable[Writer]) -> None:
    """Raise UsageError for scores or alternatives that an output cannot hold."""
    for target in targets:
        if options["scores"] and target.name in NO_SCORES:
            raise UsageError(
                f"--scores: there is no place for scores in {target.kind}",
                hint="choose another output, such as --to csv; --min-score and --recall need no --scores",
            )
        if options["nbest"] > 1 and target.name not in ALTERNATIVES:
            raise UsageError(f"--nbest: {target.kind} holds one label per word", hint="choose --to jsonl")
