"""`bilstm-crf embeddings`: look at, fetch and train word vectors."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from bilstm_crf.commands.options import Group, format_options, reading_options
from bilstm_crf.commands.output import require_suffix, write_json, write_text
from bilstm_crf.embeddings import names
from bilstm_crf.errors import UsageError, did_you_mean
from bilstm_crf.util.files import require_apart, require_files
from bilstm_crf.util.progress import say


@click.group(cls=Group)
def command() -> None:
    """Fetch, look at and train word vectors.

    Names are looked for in --embeddings-dir, $BILSTM_CRF_EMBEDDINGS and embeddings/, as NAME.bin, .txt,
    .vec, .zip, .model, .bin.gz …; else they come from the NLPL repository.

    \b
    Examples
      bilstm-crf embeddings list                     the names, and which are here
      bilstm-crf embeddings fetch sg600              from the network into embeddings/
      bilstm-crf embeddings info sg600 --corpus no_bokmaal-ud-dev.conllu
      bilstm-crf embeddings train avis.txt -o embeddings/avis.bin --dim 100
      bilstm-crf embeddings cache                    what was converted for memory-mapping, and its size
    """  # noqa: D301


embeddings_dir_option = click.option(
    "--embeddings-dir",
    metavar="DIR",
    help="Look for names here first (else $BILSTM_CRF_EMBEDDINGS, embeddings/).",
)


@command.command("list")
@embeddings_dir_option
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def list_(embeddings_dir: str | None, as_json: bool) -> None:
    """List the known names, what each is, and where its file lies.

    \b
    Example
      bilstm-crf embeddings list
    """  # noqa: D301
    rows: list[dict[str, Any]] = []
    for name, known in names.KNOWN.items():
        path = names.find(name, embeddings_dir)
        corpus = "Bokmål + Nynorsk" if known.joint else "Bokmål"
        rows.append(
            {"name": name, "algorithm": known.algorithm, "dim": known.dim, "corpus": corpus,
             "file": None if path is None else str(path)}
        )  # fmt: skip
    if as_json:
        write_json(rows)
        return
    for row in rows:
        where = row["file"] or f"not here: bilstm-crf embeddings fetch {row['name']}"
        write_text(f"{row['name']:<12} {row['algorithm']:<9} {row['dim']:>4}  {row['corpus']:<17} {where}\n")
    write_text(f"{names.NONE:<12} no vectors: words of 100 random dimensions\n")


@command.command()
@click.argument("name")
@embeddings_dir_option
def fetch(name: str, embeddings_dir: str | None) -> None:
    """Fetch the vectors NAME from the NLPL repository, unless they are here.

    The entry is found in the repository's catalogue by language, algorithm, dimensions and corpus; the
    download is resumed where it broke off, and verified. $BILSTM_CRF_NLPL names another catalogue.

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


@command.command()
@click.argument("name_or_path", metavar="NAME|PATH")
@click.option(
    "--corpus",
    "corpora",
    multiple=True,
    metavar="FILE",
    help="Coverage of this file's words; may be repeated.",
)
@reading_options
@embeddings_dir_option
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def info(
    name_or_path: str,
    corpora: tuple[str, ...],
    embeddings_dir: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Show what vectors hold: words, dimensions, format, source; and their coverage of a corpus.

    A word is looked up with its own digits, then with digits as 0 (which is all that models look up, but for
    --set digits=own_first); each time as it stands, then lower-cased; else from character n-grams.

    \b
    Examples
      bilstm-crf embeddings info sg600
      bilstm-crf embeddings info cc.no.300.bin --corpus dev.conllu --corpus test.conllu
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
        report = {"name": vectors.name, **asdict(vectors.source), "subword": vectors.subword is not None}
        if counted is not None:
            report["coverage"] = counted.json()
        write_json(report)
        return
    write_text(f"{vectors.summary()}\n")
    write_text(f"SHA-256  {vectors.source.sha256}\n")
    write_text(f"First words  {' '.join(vectors.words[:12])}\n")
    write_text(f"Words outside  {'from character n-grams' if vectors.subword else 'no vector'}\n")
    if counted is not None:
        write_text(f"{counted.table()}\n")


@command.command("cache")
@click.option(
    "--clear", is_flag=True, help="Remove all converted vectors. They are converted again when next used."
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def cache_(clear: bool, as_json: bool) -> None:
    """List the vectors that were converted for memory-mapping: size, age, the file they come from.

    They are kept in the platform's cache folder, or in $BILSTM_CRF_CACHE.

    \b
    Examples
      bilstm-crf embeddings cache
      bilstm-crf embeddings cache --clear
    """  # noqa: D301
    from bilstm_crf.embeddings import cache
    from bilstm_crf.util.download import human

    if clear and as_json:
        raise UsageError("--clear and --json together: there is nothing to list once it is cleared")
    if clear:
        say(f"Removed {human(cache.clear())}")
        return
    kept = list(cache.entries())
    if as_json:
        rows = [{**asdict(each), "folder": str(each.folder)} for each in kept]
        write_json(rows)
        return
    for each in kept:
        source = each.path or f"damaged: {each.folder}"
        write_text(f"{human(each.bytes):>10}  {_age(each.seconds):>8}  {source}\n")
    places = " and ".join(sorted({str(each.folder.parent) for each in kept})) or cache.places()[0]
    say(f"{len(kept)} converted, {human(sum(each.bytes for each in kept))}, in {places}")


def _age(seconds: float) -> str:
    """The largest unit of time that fits: `3 days`."""
    units = {"days": 86_400, "hours": 3_600, "min": 60}
    unit, size = next(((unit, size) for unit, size in units.items() if seconds >= size), ("s", 1))
    return f"{int(seconds / size)} {unit}"


def _count_words(paths: tuple[str, ...], options: dict[str, Any]) -> Counter[str]:
    from bilstm_crf import formats

    reading = format_options(options, keep_raw=False)
    return Counter(
        word
        for path in paths
        for sentence in formats.read(path, options["format_name"], reading)
        for word in sentence.tokens
    )


@command.command()
@click.argument("raw", metavar="RAW.txt", type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The file to write.")
@click.option(
    "--algorithm", type=click.Choice(["skipgram", "cbow"]), default="skipgram", show_default=True, help="How."
)
@click.option("--dim", type=click.IntRange(1, 10_000), default=100, show_default=True, help="Dimensions.")
@click.option("--epochs", type=click.IntRange(1), default=5, show_default=True, help="Passes over the text.")
@click.option("--window", type=click.IntRange(1), default=5, show_default=True, help="Words on either side.")
@click.option(
    "--min-count", type=click.IntRange(1), default=5, show_default=True, help="Rarer words get no vector."
)
@click.option(
    "--buckets", type=click.IntRange(1), default=200_000, show_default=True, help="Rows of the n-gram table."
)
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Threads; 1 alone is reproducible.",
)
@click.option("--seed", type=int, default=42, show_default=True, help="Of the random numbers.")
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["word2vec", "native"]),
    default="word2vec",
    show_default=True,
    help="word2vec binary; or gensim's own, with the n-grams.",
)
def train(raw: Path, output: Path, format_name: str, **settings: Any) -> None:
    """Train vectors on RAW.txt: tokenised text, one sentence a line, words apart by spaces.

    gensim's FastText. With one worker, the same text, settings and seed give the same bytes.

    \b
    Examples
      bilstm-crf embeddings train avis.txt -o avis.bin --dim 100 --workers 4
      bilstm-crf embeddings train small.txt.gz -o small.bin --dim 50 --min-count 2 --epochs 20
    """  # noqa: D301
    from bilstm_crf.embeddings import train as training

    if str(raw) == "-":
        raise UsageError("the text is read several times, so it must be a file")
    require_files([raw])
    require_apart([str(output)], [raw])
    if format_name == "word2vec":
        others = dict.fromkeys((".model", ".kv"), "--format native") | dict.fromkeys((".txt", ".vec"), "")
        require_suffix(str(output), "word2vec's binary format", (".bin",), others)
    else:
        others = {".bin": "--format word2vec"} | dict.fromkeys((".txt", ".vec"), "")
        require_suffix(str(output), "gensim's own format", (".model", ".kv"), others)
    if not output.parent.is_dir():
        raise UsageError(f"-o {output}: there is no folder {output.parent}")
    trained = training.train(raw, training.Settings(**settings))
    vectors = trained.model.wv
    write = training.write_word2vec if format_name == "word2vec" else training.write_native
    write(output, vectors)
    rare = trained.tokens - trained.learned
    say(
        f"{output}  {len(vectors):,} words, {vectors.vector_size} dimensions, from {trained.learned:,} of "
        f"{trained.tokens:,} tokens"
        + (f" ({rare:,} are of words that occur fewer than {settings['min_count']} times)" if rare else "")
    )
