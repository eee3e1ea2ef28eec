"""`bilstm-crf serve`: the tagger over HTTP, and a page."""

from __future__ import annotations

from typing import Any

import click

from bilstm_crf.commands.options import CORES, Command, NumberRange, device_option, encoder_option, find_model
from bilstm_crf.util.extras import optional_import
from bilstm_crf.util.progress import Waiting, say


@click.command("serve", cls=Command)
@click.option(
    "--model",
    metavar="[NAME=]MODEL",
    multiple=True,
    help="Folder, or fetched OWNER/NAME, and what to call it; repeat, the first is the default.  [the box]",
)
@click.option(
    "--host",
    metavar="ADDRESS",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen at; 0.0.0.0 lets other machines ask.",
)
@click.option(
    "--port",
    metavar="N",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="0: any free one.",
)
@click.option(
    "--token",
    metavar="TOKEN",
    envvar="BILSTM_CRF_TOKEN",
    help="Secret that clients must send. Other users see options: better set $BILSTM_CRF_TOKEN.",
)
@click.option(
    "--max-body",
    metavar="MB",
    type=NumberRange(0.001, 1_000),
    default=4.0,
    show_default=True,
    help="Largest request in JSON, in megabytes.",
)
@click.option(
    "--max-stream",
    metavar="MB",
    type=NumberRange(0.001),
    default=1_000.0,
    show_default=True,
    help="Largest file, in megabytes; files are tagged while they arrive.",
)
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=NumberRange(1, 3_600),
    default=60.0,
    show_default=True,
    help="Longest wait: for a client, for a result, and at the end for what is not finished.",
)
@click.option(
    "--threads",
    type=click.IntRange(1),
    default=CORES,
    show_default="number of cores, up to 4",
    help="Number of threads that tag.",
)
@encoder_option
@device_option
@click.option("--quiet", is_flag=True, help="Do not show the address.")
def command(model: tuple[str, ...], **options: Any) -> int:
    """Serve the tagger over HTTP: a page in the browser, and an interface for programs.

    Open the address that it shows. Programs post text, words or whole files to /v1/tag; /openapi.json
    describes everything. Ctrl-C or SIGTERM stops, once all that was asked is answered. Nothing that is
    tagged is logged or kept.

    \b
    Examples
      bilstm-crf serve
      bilstm-crf serve --model best=runs/joint --model box=bilstm_crf/box
      curl localhost:8000/v1/tag -H "Content-Type: application/json" \\
        -d '{"text": "Kari Nordmann flytta til Bergen."}'
      curl localhost:8000/v1/tag -H "Content-Type: text/x-conllu" \\
        --data-binary @in.conllu -o out.conllu

    Needs the extra `serve`: pip install "bilstm_crf[serve]".
    """  # noqa: D301
    with optional_import():
        from bilstm_crf.server.run import bind, run
    from bilstm_crf.inference.tagger import Tagger
    from bilstm_crf.server.settings import MEGABYTE, Settings, named_models

    folders = {name: each and find_model(each) for name, each in named_models(model).items()}
    settings = Settings(
        host=options["host"],
        token=options["token"],
        max_body=int(options["max_body"] * MEGABYTE),
        max_stream=int(options["max_stream"] * MEGABYTE),
        timeout=options["timeout"],
        threads=options["threads"],
    )
    bound = bind(settings.host, options["port"])
    if settings.token is None and not settings.on_loopback:
        say("warning: anyone who reaches this machine can use the server: --token demands a secret")
    taken = ("encoder", "trust_remote_code", "device")

    def load_all() -> dict[str, Tagger]:
        with Waiting("Loading the models"):
            given = {name: options[name] for name in taken}
            return {name: Tagger.load(folder, **given) for name, folder in folders.items()}

    run(settings, bound, load_all, quiet=options["quiet"])
    return 0
