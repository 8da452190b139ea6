"""The one application that the commands belong to, and the last door for every error."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Sequence
from importlib.metadata import version as installed
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from clinextract.errors import ClinExtractError
from clinextract.tabular import may_be_text

DEBUG = "CLINEXTRACT_DEBUG"

app = typer.Typer(
    name="clinextract",
    help="Clinical features from the transcript of a call, on a model that runs on this machine.",
    add_completion=False,
    pretty_exceptions_enable=False,  # they show local variables, and so transcripts
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
        return _complain(_without(given, error.message), _without(given, error.hint), 2 if error.usage else 1)
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


def _safe_message(error: Any, given: Sequence[str]) -> str:
    """A mistake in the command line, without what may be a transcript: anything with a blank in it."""
    option = getattr(error, "option_name", "")
    if re.fullmatch(r"--[a-z-]{1,20}", option):
        return f"there is no option {option}"
    if any(len(one.split()) > 1 for one in given):
        return "this command line cannot be understood; a transcript that begins with - is given as: extract -- TEXT"
    message: str = error.format_message()
    return message[:1].lower() + message[1:].rstrip(".")


def _without(given: Sequence[str], said: str) -> str:
    """A message without any argument that may be a transcript; errors mostly leave it out themselves."""
    for one in given:
        value = one.partition("=")[2] if one.startswith("--") else one
        if may_be_text(value):
            for spelling in (value, repr(value)[1:-1]):
                said = said.replace(spelling, "(a text with blanks)")
    return said


def _complain(message: str, hint: str, code: int) -> int:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(Text.assemble(("Error: ", "bold red"), message))
    if hint:
        console.print(Text(hint, "dim"))
    return code
