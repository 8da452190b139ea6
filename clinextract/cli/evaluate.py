"""`evaluate`: how good predictions are, with their uncertainty and the baselines beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.text import Text

from clinextract.cli.app import app
from clinextract.cli.options import names_of


@app.command()
def evaluate(  # noqa: PLR0913 - each is an option of the command
    predictions: Annotated[
        Path,
        typer.Argument(
            metavar="PREDICTIONS",
            help="What `clinextract run` wrote, or any csv, jsonl or parquet with one column a feature.",
            show_default=False,
        ),
    ],
    gold: Annotated[
        Path, typer.Argument(metavar="GOLD", help="The labels: csv, jsonl or parquet.", show_default=False)
    ],
    *,
    against: Annotated[
        list[Path] | None,
        typer.Option(help="Further predictions, each compared with the first. May be repeated.", show_default=False),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write a page, Markdown, JSON and figures there.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The whole report as JSON instead of tables.")] = False,
    features: Annotated[
        str | None, typer.Option(help="Only these features, separated by commas.", show_default=False)
    ] = None,
    id: Annotated[str, typer.Option(help="The column of the ids in all files.")] = "id",  # noqa: A002
    blank: Annotated[Literal["error", "no", "unlabelled"], typer.Option(help="What an empty label means.")] = "error",
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Evaluate the other calls where one file lacks some.")
    ] = False,
    missing: Annotated[
        Literal["excluded", "wrong"], typer.Option(help="Whether an answer that is missing is left out, or an error.")
    ] = "excluded",
    slices: Annotated[
        list[str] | None,
        typer.Option(
            "--slice",
            metavar="COLUMN",
            help="Evaluate by this column of GOLD as well. May be repeated.",
            show_default=False,
        ),
    ] = None,
    rounds: Annotated[int, typer.Option(min=0, help="Bootstrap rounds; 0 for no intervals.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 0,
    probes: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="What `clinextract probe -o` wrote, to be shown in the report. May be repeated.",
            show_default=False,
        ),
    ] = None,
    without_baselines: Annotated[
        bool, typer.Option("--without-baselines", help="Leave all-False and prevalence out.")
    ] = False,
) -> None:
    """Hold predictions against labels: the study's figures with their uncertainty, and the baselines beside them."""
    from clinextract.evaluation.evaluate import evaluate as evaluated  # noqa: PLC0415
    from clinextract.evaluation.probes.files import read_probes, with_probes  # noqa: PLC0415

    probed = [read_probes(path) for path in probes or ()]
    found = evaluated(
        [predictions, *(against or ())],
        gold,
        features=names_of(features),
        id=id,
        blank=blank,
        allow_missing=allow_missing,
        missing=missing,
        slices=slices or (),
        rounds=rounds,
        seed=seed,
        baselines=not without_baselines,
    )
    found = with_probes(found, probed)
    page = None
    if report is not None:
        from clinextract.evaluation.report import write_report  # noqa: PLC0415

        page = write_report(found, report)
    if as_json:
        typer.echo(found.model_dump_json(indent=1))
    else:
        from clinextract.evaluation_tables import whole  # noqa: PLC0415

        console = Console(highlight=False)
        console.print(whole(found, console.width))
        if page is not None:
            console.print(Text.assemble("The report is in ", (str(page), "bold"), "."), soft_wrap=True)
