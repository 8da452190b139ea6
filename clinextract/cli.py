"""The command line: each command is a few lines over what `import clinextract` offers.

What is slow to import is imported in the command that needs it, so that `--help` is there at once. No message repeats
what may be a transcript. With CLINEXTRACT_DEBUG=1 an unexpected error shows its traceback, which may.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
from collections.abc import Sequence
from importlib.metadata import version as installed
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.constrain import Constrain
from rich.padding import Padding
from rich.text import Text

from clinextract.errors import ClinExtractError, RecordInvalid

DEBUG = "CLINEXTRACT_DEBUG"
READABLE = 100
"""Columns beyond which running text is tiring to read."""

app = typer.Typer(
    name="clinextract",
    help="Clinical features from the transcript of a call, on a model that runs on this machine.",
    add_completion=False,
    pretty_exceptions_enable=False,  # they show local variables, and so transcripts
    context_settings={"help_option_names": ["-h", "--help"]},
)

Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        help="Which model reads the transcript; see `clinextract models`. "
        "Without it: the one that $CLINEXTRACT_MODEL names, else the embedded one.",
        show_default=False,
    ),
]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: What follows the program's name; by default what the shell gave.

    Returns:
        The exit code: 0 if all went well, 2 for a mistake of the user, 1 for a failure.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # Persian on a stream that cannot hold it is escaped, and no error
            stream.reconfigure(errors="backslashreplace")
    try:
        return int(app(args=given or ["--help"], prog_name="clinextract", standalone_mode=False) or 0)
    except ClinExtractError as error:
        return _complain(error.message, error.hint, 2 if error.usage else 1)
    except typer.Abort:
        return 130
    except Exception as error:  # the last door: whatever it is, no traceback with a patient's words
        if hasattr(error, "format_message"):
            return _complain(_safe_message(error, given), "See: clinextract --help", 2)
        if os.environ.get(DEBUG) == "1":
            raise
        hint = f"This is a fault of clinextract. With {DEBUG}=1 it shows where; that output may hold a patient's words."
        return _complain(f"something unexpected happened: {type(error).__name__}", hint, 1)


def _version(asked: bool) -> None:  # noqa: FBT001 - typer's way to call it
    if asked:
        typer.echo(f"clinextract {installed('clinextract')}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Show the version.")
    ] = False,
) -> None:
    pass


@app.command()
def extract(
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
) -> None:
    """Read one transcript and show which of the thirteen features it states."""
    import clinextract  # noqa: PLC0415
    from clinextract import rows, tables  # noqa: PLC0415

    document = clinextract.Document(_read(transcript))
    with _busy():
        extractor = clinextract.Extractor(clinextract.PalliativeCall, model, decoding=decoding, order=order)
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
    with _busy():
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


@app.command()
def models() -> None:
    """Show which models are here, and how a model is named."""
    from clinextract import inventory, tables  # noqa: PLC0415

    console = Console(highlight=False)
    console.print(tables.inventory(inventory.found()))
    device, dtype = inventory.hardware()
    console.print(f"\n Models run here on {device}, in {dtype}. --model takes:")
    for spelling, about in inventory.SPELLINGS:
        console.print(Text.assemble("   ", (f"{spelling:<26}", "bold"), about))
    console.print(" Whether a model is fit for use: clinextract doctor MODEL")


@app.command()
def doctor(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="[MODEL]", help="Which model; without it the one that extract would use.", show_default=False
        ),
    ] = None,
) -> None:
    """Load a model, measure it on the shipped transcripts, and say whether it is fit for use."""
    import clinextract  # noqa: PLC0415
    from clinextract import doctor as examination  # noqa: PLC0415
    from clinextract import tables  # noqa: PLC0415

    with _busy():
        loaded = clinextract.load_model(model)
        findings = examination.examine(loaded)
    console = Console(highlight=False)
    console.print(tables.examination(findings))
    faults = [finding.name for finding in findings if not finding.ok]
    verdict = f"is not fit for use: {', '.join(faults)}." if faults else "is fit for use on this machine."
    console.print(Text(f"\n The model {loaded.info.name} {verdict}", "bold red" if faults else "bold green"))
    console.print(Text(" How often its answers are right was not examined: that takes labelled calls.", "dim"))
    if faults:
        raise typer.Exit(1)


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


def _safe_message(error: Any, given: Sequence[str]) -> str:
    """A mistake in the command line, without what may be a transcript: anything with a blank in it."""
    option = getattr(error, "option_name", "")
    if re.fullmatch(r"--[a-z-]{1,20}", option):
        return f"there is no option {option}"
    if any(len(one.split()) > 1 for one in given):
        return "this command line cannot be understood; a transcript that begins with - is given as: extract -- TEXT"
    message: str = error.format_message()
    return message[:1].lower() + message[1:].rstrip(".")


def _complain(message: str, hint: str, code: int) -> int:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(Text.assemble(("Error: ", "bold red"), message))
    if hint:
        console.print(Text(hint, "dim"))
    return code


def _busy() -> Any:
    """A sign of life on a terminal while a model is loaded; nothing where nobody looks."""
    return Console(stderr=True).status("loading the model")
