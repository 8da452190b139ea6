"""`extract` and `demo`: one transcript at a time."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.constrain import Constrain
from rich.padding import Padding
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
from clinextract.errors import RecordInvalid

READABLE = 100
"""Columns beyond which running text is tiring to read."""


@app.command()
def extract(  # noqa: PLR0913 - each is an option of the command
    transcript: Annotated[
        list[str],
        typer.Argument(
            metavar="TEXT_OR_FILE_OR_-",
            help="The transcript in quotation marks, a text file that holds it, or - for standard input.",
            show_default=False,
        ),
    ],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One row of JSON instead of a table.")] = False,
    schema: Schema = PALLIATIVE,
    model: Model = None,
    decoding: Annotated[
        Literal["skeleton", "outlines"],
        typer.Option(help="skeleton is fast; outlines writes the answer token by token, for comparison."),
    ] = "skeleton",
    order: Annotated[
        Literal["joint", "independent"] | None,
        typer.Option(
            help="joint: each answer knows those before it; independent: each stands alone. "
            "Without it: what is better for the model.",
            show_default=False,
        ),
    ] = None,
    calibration: Calibration = None,
    evidence: Evidence = False,
    translate: Translate = None,
    translate_failures: TranslateFailures = "fail",
) -> None:
    """Read one transcript and show which of the thirteen features it states."""
    import clinextract  # noqa: PLC0415
    from clinextract import rows, tables  # noqa: PLC0415

    document = clinextract.Document(_read(transcript))
    calibrator = None if calibration is None else clinextract.Calibrator.load(calibration)
    with busy():
        extractor = clinextract.Extractor(
            schema_of(schema),
            model,
            decoding=decoding,
            order=order,
            middleware=translating(translate, translate_failures),
            calibrator=calibrator,
            evidence=evidence,
        )
        result = extractor(document)
    if as_json:
        typer.echo(json.dumps(rows.to_row(result), ensure_ascii=False))
    else:
        Console().print(tables.whole(result))


@app.command()
def demo(model: Model = None) -> None:
    """Read the six shipped transcripts, which are invented, in English and Persian."""
    import clinextract  # noqa: PLC0415
    from clinextract import samples, tables  # noqa: PLC0415

    console = Console()
    started = perf_counter()
    with busy():
        extractor = clinextract.Extractor(clinextract.PalliativeCall, model)
    loaded = perf_counter()
    documents = samples.samples()
    for document in documents:
        result = extractor(document)
        console.print()
        console.rule(Text(document.id, "bold"), align="left", style="dim")
        console.print(Constrain(Padding(Text(document.text), (0, 1)), READABLE))
        console.print()
        console.print(Constrain(tables.found_only(result), READABLE))
    info = extractor.model.info
    console.print(
        Text(
            f"\n {len(documents)} transcripts in {perf_counter() - loaded:.1f} s, "
            f"after {loaded - started:.1f} s to load the model {info.name} ({info.device}, {info.dtype}).\n"
            " No word of them left this machine."
        )
    )


def _read(given: Sequence[str]) -> str:
    """The transcript that was given as text, as a file's name, or on standard input.

    Raises:
        RecordInvalid: It is several arguments, a file that is not there, or bytes that are not UTF-8.
    """
    if len(given) > 1:
        raise RecordInvalid(
            f"there is one transcript at a time, and {len(given)} arguments were given",
            hint='Put a transcript in quotation marks: clinextract extract "She slept badly."',
        )
    [one] = given
    if one == "-":
        return _decoded(sys.stdin.buffer.read(), "standard input")
    if not one.strip():  # as a path it would be the current folder
        return one
    try:
        return _decoded(Path(one).read_bytes(), "the file")
    except (IsADirectoryError, PermissionError) as error:
        fault = "is a folder" if isinstance(error, IsADirectoryError) else "may not be read"
    except (OSError, ValueError):  # no such file, or no name of a file at all
        if not _looks_like_a_path(one):
            return one
        fault = "is not there"
    named = f" {one!r}" if len(one.split()) == 1 else ""  # a run of characters without a blank is no speech
    raise RecordInvalid(
        f"the file{named} {fault}",
        hint="Give a text file with one transcript, the text in quotation marks, or - for standard input.",
    )


def _looks_like_a_path(text: str) -> bool:
    """Whether a text that names no file was meant to name one."""
    if re.search(r"\.(txt|text|md|csv|tsv|json|jsonl|parquet|docx?|pdf|rtf|srt|vtt|wav|mp3)$", text, re.IGNORECASE):
        return "\n" not in text
    return len(text.split()) == 1 and bool(re.search(r"[/\\]|\.[A-Za-z0-9]{1,5}$", text))


def _decoded(content: bytes, source: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise RecordInvalid(
            f"{source} is not UTF-8 text: byte {error.start + 1} of {len(content)} cannot be read",
            hint="Save the transcript as plain text in UTF-8.",
        ) from None
