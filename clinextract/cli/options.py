"""Options that several commands take, spelled once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

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


Calibration = Annotated[
    Path | None,
    typer.Option(
        "--calibration",
        help="A file that `clinextract calibrate` wrote for this model: calibrated probabilities, thresholds and "
        "review bands.",
        show_default=False,
    ),
]


Evidence = Annotated[
    bool, typer.Option("--evidence", help="Ask for the lines of the transcript that each answer rests on.")
]


def names_of(given: str | None) -> list[str] | None:
    """Names that were given with commas between them; None where none were."""
    return [name for part in (given or "").split(",") if (name := part.strip())] or None


def busy() -> Any:
    """A sign of life on a terminal while a model is loaded; nothing where nobody looks."""
    return Console(stderr=True).status("loading the model")
