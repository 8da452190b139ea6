"""`run`: a table of transcripts, and a row of results for each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from clinextract.cli.app import app
from clinextract.cli.options import (
    PALLIATIVE,
    Calibration,
    Evidence,
    Model,
    Schema,
    Translate,
    TranslateFailures,
    busy,
    schema_of,
    translating,
)

if TYPE_CHECKING:
    from clinextract.running import RunSummary


@app.command()
def run(  # noqa: PLR0913 - each is an option of the command
    source: Annotated[
        Path,
        typer.Argument(metavar="INPUT", help="The transcripts: csv, jsonl or parquet, by suffix.", show_default=False),
    ],
    target: Annotated[
        Path, typer.Argument(metavar="OUTPUT", help="Where the results go: any of these kinds.", show_default=False)
    ],
    *,
    text: Annotated[str, typer.Option(help="The column of the transcripts.")] = "transcript",
    id: Annotated[  # noqa: A002
        str | None, typer.Option(help="The column of the ids. [default: id, else the row's number]", show_default=False)
    ] = None,
    language_column: Annotated[
        str | None,
        typer.Option(help="A column with language codes; without it each text's is found out.", show_default=False),
    ] = None,
    schema: Schema = PALLIATIVE,
    model: Model = None,
    order: Annotated[
        Literal["joint", "independent"] | None,
        typer.Option(help="Whether an answer knows those before it, or stands alone.", show_default=False),
    ] = None,
    calibration: Calibration = None,
    evidence: Evidence = False,
    translate: Translate = None,
    translate_failures: TranslateFailures = "fail",
    batch_size: Annotated[int, typer.Option(min=1, help="Transcripts that are decoded at once.")] = 8,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUTPUT where it is there.")] = False,
    without_text: Annotated[bool, typer.Option("--without-text", help="Leave the transcripts out of OUTPUT.")] = False,
) -> None:
    """Extract from every row of a table; a row that cannot be done is marked as failed, and the rest goes on."""
    import clinextract  # noqa: PLC0415
    from clinextract.running import Columns, check  # noqa: PLC0415

    where = Columns(text, id, language_column)
    table, _ = check(source, target, where, overwrite=overwrite)  # a model may take minutes to load
    count = table.count
    calibrator = None if calibration is None else clinextract.Calibrator.load(calibration)
    with busy():
        extractor = clinextract.Extractor(
            schema_of(schema),
            model,
            order=order,
            middleware=translating(translate, translate_failures),
            calibrator=calibrator,
            evidence=evidence,
        )
    try:
        with _progress(count) as advance:
            summary = clinextract.run(
                extractor,
                source,
                target,
                where,
                batch_size=batch_size,
                overwrite=overwrite,
                keep_text=not without_text,
                on_result=lambda _: advance(),
            )
    except KeyboardInterrupt:
        _console().print(Text(f"Stopped. {target} holds the rows that were done.", "yellow"))
        raise typer.Exit(130) from None
    _tell(summary, target)
    if summary.failed:
        raise typer.Exit(1)


def _console() -> Console:
    return Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def _progress(count: int | None) -> Iterator[Any]:
    """A bar with the rate and the time left, where somebody looks at it."""
    console = _console()
    bar = Progress(
        SpinnerColumn(), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"), TimeRemainingColumn(),
        console=console, transient=True, disable=not console.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task("", total=count, rate="")

        def advance() -> None:
            bar.advance(task)
            one = bar.tasks[0]  # its own speed is that of a burst: results come a few batches at a time
            bar.update(task, rate=f"{one.completed / one.elapsed:.1f} a second" if one.elapsed else "")

        yield advance


def _tell(summary: RunSummary, target: Path) -> None:
    console = _console()
    done, speed = summary.rows - summary.failed, summary.rows / max(summary.seconds, 1e-9)
    console.print(
        f"{_counted(summary.rows, 'row')} in {summary.seconds:.1f} s, {speed:.1f} a second: {done} done, "
        f"{summary.failed} failed. {_counted(summary.review, 'answer')} to look at. Results: {target}",
        markup=False,
    )
    for name, count in sorted(summary.errors.items()):
        console.print(f"  {name}: {count}", markup=False)
    if summary.renamed:
        shown = ", ".join(f"{name} is now {new}" for name, new in [*summary.renamed.items()][:5])
        more = f" and {len(summary.renamed) - 5} more" if len(summary.renamed) > 5 else ""
        console.print(f"  Columns of the input with names of the results: {shown}{more}", markup=False)
    if summary.repeated_ids:
        console.print(f"  {_counted(summary.repeated_ids, 'row')} with an id that had come before.", markup=False)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
