"""`bilstm-crf embeddings`: inspect, fetch and train word vectors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from bilstm_crf.commands.options import Group, NumberRange, format_options, reading_options
from bilstm_crf.commands.output import require_suffix, write_json, write_text
from bilstm_crf.embeddings import names
from bilstm_crf.errors import UsageError, did_you_mean
from bilstm_crf.util.files import require_apart, require_files
from bilstm_crf.util.progress import clock, human, say
from bilstm_crf.util.system import cores


@click.group(cls=Group)
def command() -> None:
    """Fetch, inspect and train word vectors.

    Names are searched in --embeddings-dir, $BILSTM_CRF_EMBEDDINGS and embeddings/, as NAME.bin, .txt, .vec,
    .zip, .model, .bin.gz …; then in the NLPL repository.

    \b
    Examples
      bilstm-crf embeddings list
      bilstm-crf embeddings fetch sg600
      bilstm-crf embeddings info sg600 --corpus no_bokmaal-ud-dev.conllu
      bilstm-crf embeddings train avis.txt -o embeddings/avis.bin --dim 100
      bilstm-crf embeddings cache --clear
    """  # noqa: D301


embeddings_dir_option = click.option(
    "--embeddings-dir",
    metavar="DIR",
    help="Search DIR first for names.  [$BILSTM_CRF_EMBEDDINGS, embeddings/]",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@command.command("list", short_help="List the known names and where their files are.")
@embeddings_dir_option
@json_option
def list_(embeddings_dir: str | None, as_json: bool) -> None:
    """List the known names, what each is, and where its file is.

    \b
    Example
      bilstm-crf embeddings list
    """  # noqa: D301
    paths = {name: names.find(name, embeddings_dir) for name in names.KNOWN}
    corpora = {False: "Bokmål", True: "Bokmål + Nynorsk"}
    if as_json:
        write_json(
            [
                {"name": name, "algorithm": known.algorithm, "dim": known.dim, "corpus": corpora[known.joint],
                 "file": None if paths[name] is None else str(paths[name])}
                for name, known in names.KNOWN.items()
            ]
        )  # fmt: skip
        return
    for name, known in names.KNOWN.items():
        where = paths[name] or f"not here: bilstm-crf embeddings fetch {name}"
        write_text(f"{name:<12} {known.algorithm:<9} {known.dim:>4}  {corpora[known.joint]:<17} {where}\n")
    write_text(f"{names.NONE:<12} no vectors: words of 100 random dimensions\n")


@command.command(short_help="Download vectors from the NLPL repository.")
@click.argument("name")
@embeddings_dir_option
def fetch(name: str, embeddings_dir: str | None) -> None:
    """Download the vectors NAME from the NLPL repository, unless they are here.

    The entry is found in the repository's catalogue by language, algorithm, dimensions and corpus. An
    interrupted download is resumed; its checksums are verified. $BILSTM_CRF_NLPL names another catalogue.

    \b
    Examples
      bilstm-crf embeddings fetch sg600
      bilstm-crf embeddings fetch joint-sg600 --embeddings-dir /data/vectors
    """  # noqa: D301
    from bilstm_crf.embeddings import catalogue

    if name not in names.KNOWN:
        raise UsageError(
            f"{name} is not a known name.{did_you_mean(name, names.KNOWN)}",
            hint=f"known: {' '.join(names.KNOWN)}",
        )
    path = catalogue.find_whole(name, embeddings_dir)
    if path is not None:
        say(f"{name} is here already")
    else:
        path = catalogue.fetch(name, embeddings_dir)
    write_text(f"{path}\n")


@command.command(short_help="Show size, format, source and coverage of vectors.")
@click.argument("name_or_path", metavar="NAME|PATH")
@click.option(
    "--corpus",
    "corpora",
    multiple=True,
    metavar="FILE",
    help="Show the coverage of this file's words; repeatable.",
)
@reading_options
@embeddings_dir_option
@json_option
def info(
    name_or_path: str, corpora: tuple[str, ...], embeddings_dir: str | None, as_json: bool, **options: Any
) -> None:
    """Show words, dimensions, format and source of vectors, and their coverage of a corpus.

    A word is looked up with its own digits, then with digits as 0 (the only form that models look up):
    as it is, then lower-cased, then by its character n-grams.

    \b
    Examples
      bilstm-crf embeddings info sg600
      bilstm-crf embeddings info cc.no.300.bin --corpus dev.conllu
    """  # noqa: D301
    from bilstm_crf.embeddings.coverage import coverage
    from bilstm_crf.embeddings.read import describe

    vectors = describe(name_or_path, embeddings_dir)
    if vectors is None or vectors.source is None:
        raise UsageError(
            "none has nothing to show: its words are random", hint="try: bilstm-crf embeddings list"
        )
    counted = coverage(_count_words(corpora, options), vectors, "own_first") if corpora else None
    if as_json:
        report = {"name": vectors.name, **asdict(vectors.source), "subword": vectors.ngrams is not None}
        write_json(report if counted is None else {**report, "coverage": asdict(counted)})
        return
    write_text(f"{vectors.summary()}\n")
    write_text(f"SHA-256  {vectors.source.sha256}\n")
    write_text(f"First words  {' '.join(vectors.words[:12])}\n")
    write_text(f"Other words  {'from character n-grams' if vectors.ngrams else 'no vector'}\n")
    if counted is not None:
        write_text(f"{counted.table()}\n")


def _count_words(paths: tuple[str, ...], options: dict[str, Any]) -> Counter[str]:
    from bilstm_crf import formats

    reading = format_options(options, keep_raw=False)
    return Counter(
        word
        for path in paths
        for sentence in formats.read(path, options["format_name"], reading)
        for word in sentence.tokens
    )


@command.command("cache", short_help="List or remove converted vectors.")
@click.option("--clear", is_flag=True, help="Remove all converted vectors; the next use converts again.")
@json_option
def cache_(clear: bool, as_json: bool) -> None:
    """List the vectors that were converted for memory-mapping: size, age, and their file.

    They are kept in the platform's cache folder, or in $BILSTM_CRF_CACHE.

    \b
    Examples
      bilstm-crf embeddings cache
      bilstm-crf embeddings cache --clear
    """  # noqa: D301
    from bilstm_crf.embeddings import cache

    if clear and as_json:
        raise UsageError("--clear and --json exclude each other: nothing is left to list")
    if clear:
        say(f"Removed {human(cache.clear())}")
        return
    kept = list(cache.entries())
    if as_json:
        write_json([{**asdict(each), "folder": str(each.folder)} for each in kept])
        return
    for each in kept:
        source = each.path or f"damaged: {each.folder}"
        write_text(f"{human(each.bytes):>10}  {_age(each.seconds):>8}  {source}\n")
    places = " and ".join(sorted({str(each.folder.parent) for each in kept})) or cache.places()[0]
    say(f"{len(kept)} converted, {human(sum(each.bytes for each in kept))}, in {places}")


def _age(seconds: float) -> str:
    """Return the time in its largest unit: `3 days`."""
    units = {"days": 86_400, "hours": 3_600, "min": 60}
    unit, size = next(((unit, size) for unit, size in units.items() if seconds >= size), ("s", 1))
    return f"{int(seconds / size)} {unit}"


# Whole numbers of `train`: default and help; all but the seed are 1 or more.
NUMBERS = {
    "dim": (100, "Dimensions of the vectors."),
    "epochs": (5, "Passes over the text."),
    "window": (5, "Context words on each side."),
    "min_count": (5, "Words that occur less often get no vector."),
    "buckets": (200_000, "Rows of the hashed n-gram table."),
    "seed": (42, "Seed of the random numbers."),
}


def _number_options(function: Callable[..., None]) -> Callable[..., None]:
    for name, (default, text) in reversed(NUMBERS.items()):
        kind = click.INT if name == "seed" else click.IntRange(1, 10_000 if name == "dim" else None)
        option = f"--{name.replace('_', '-')}"
        function = click.option(option, type=kind, default=default, show_default=True, help=text)(function)
    return function


@command.command(short_help="Train vectors on your own text.")
@click.argument("raw", metavar="RAW.txt", type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="File to write.")
@click.option(
    "--algorithm",
    type=click.Choice(["skipgram", "cbow"]),
    default="skipgram",
    show_default=True,
    help="Training objective.",
)
@_number_options
@click.option(
    "--learning-rate",
    type=NumberRange(0, 1, min_open=True),
    default=0.05,
    show_default=True,
    help="Learning rate at the start; it falls linearly.",
)
@click.option(
    "--sample",
    type=NumberRange(0, 1, max_open=True),
    default=1e-4,
    show_default=True,
    help="Sample words down that are more frequent than this share of the text; 0: none.",
)
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=cores,
    show_default="processor cores",
    help="Threads; only 1 gives the same bytes again.",
)
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["word2vec", "native"]),
    default="word2vec",
    show_default=True,
    help="word2vec binary, or gensim's own format with the n-grams.",
)
def train(raw: Path, output: Path, format_name: str, **settings: Any) -> None:
    """Train vectors on RAW.txt: tokenised text, one sentence per line, tokens separated by blanks.

    Uses gensim's FastText, on all processor cores. With --workers 1, the same text, settings and seed give
    the same bytes.

    \b
    Examples
      bilstm-crf embeddings train avis.txt -o avis.bin --dim 100
      bilstm-crf embeddings train avis.txt -o avis.bin --dim 100 --workers 1
      bilstm-crf embeddings train small.txt.gz -o small.bin --dim 50 --epochs 20
    """  # noqa: D301
    from bilstm_crf.embeddings import train as training

    if str(raw) == "-":
        raise UsageError("the text is read several times, so it must be a file")
    require_files([raw])
    require_apart([str(output)], [raw])
    text = dict.fromkeys((".txt", ".vec"), "")
    if format_name == "word2vec":
        others = dict.fromkeys((".model", ".kv"), "--format native") | text
        require_suffix(str(output), "word2vec's binary format", (".bin",), others)
    else:
        others = {".bin": "--format word2vec"} | text
        require_suffix(str(output), "gensim's own format", (".model", ".kv"), others)
    if not output.parent.is_dir():
        raise UsageError(f"-o {output}: there is no folder {output.parent}")
    trained = training.train(raw, training.Settings(**settings))
    vectors = trained.model.wv
    write = training.write_word2vec if format_name == "word2vec" else training.write_native
    write(output, vectors)
    rare = trained.tokens - trained.learned
    epochs, speed = settings["epochs"], settings["epochs"] * trained.tokens / trained.seconds
    say(f"{epochs} epochs of {trained.tokens:,} tokens in {clock(trained.seconds)}, {speed:,.0f} tokens/s")
    say(
        f"{output}  {len(vectors):,} words, {vectors.vector_size} dimensions, from {trained.learned:,} of "
        f"{trained.tokens:,} tokens"
        + (f" ({rare:,} are of words that occur fewer than {settings['min_count']} times)" if rare else "")
    )
