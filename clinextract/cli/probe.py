"""`probe`: what a model's answers hang on besides the transcript."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from clinextract.cli.app import app
from clinextract.cli.options import Model, busy

if TYPE_CHECKING:
    from clinextract.records import Document


@app.command()
def probe(  # noqa: PLR0913 - each is an option of the command
    source: Annotated[
        Path,
        typer.Argument(
            metavar="INPUT", help="Transcripts, without labels: csv, jsonl or parquet, by suffix.", show_default=False
        ),
    ],
    *,
    text: Annotated[str, typer.Option(help="The column of the transcripts.")] = "transcript",
    id: Annotated[  # noqa: A002
        str | None,
        typer.Option(
            help="The column of the ids; without it: id where there is one, else the row's number.", show_default=False
        ),
    ] = None,
    model: Model = None,
    orders: Annotated[int, typer.Option(min=1, help="Shuffled orders of the fields.")] = 5,
    seed: Annotated[int, typer.Option(min=0, help="Of the orders.")] = 0,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Only the first N transcripts.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write the JSON to a file as well.", show_default=False),
    ] = None,
) -> None:
    """Measure whether answers flip with the order of the fields, with a negation, or with a repetition."""
    import clinextract  # noqa: PLC0415
    from clinextract.evaluation.probes import tables  # noqa: PLC0415
    from clinextract.evaluation.probes.files import check_place, write_probes  # noqa: PLC0415

    if output is not None:
        check_place(output)
    documents = _documents(source, text, id, limit)  # a model may take minutes to load
    with busy() as status:
        extractor = clinextract.Extractor(clinextract.PalliativeCall, model)
        found = clinextract.probe(
            extractor,
            documents,
            orders=orders,
            seed=seed,
            on_probe=lambda name: status.update(f"probing: {name}"),
        )
    if output is not None:
        write_probes(found, output)
    if as_json:
        typer.echo(found.model_dump_json(indent=1))
    else:
        Console(highlight=False).print(tables.probes(found))


def _documents(source: Path, text: str, id: str | None, limit: int | None) -> list[Document]:  # noqa: A002
    """The first transcripts; rows that have none are told of and left out."""
    from clinextract.errors import RecordInvalid  # noqa: PLC0415
    from clinextract.records import Document  # noqa: PLC0415
    from clinextract.running import Columns, documents  # noqa: PLC0415

    rows = list(islice(documents(source, Columns(text, id)), limit))
    found = [one for one in rows if isinstance(one, Document)]
    if not found:
        raise RecordInvalid(f"no row of {source.name!r} has a transcript", hint="Name the column with --text.")
    if len(found) < len(rows):
        Console(stderr=True, highlight=False).print(f"{len(rows) - len(found)} of {len(rows)} rows have no transcript.")
    return found
