"""Options that several commands take, spelled once."""

from __future__ import annotations

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


def busy() -> Any:
    """A sign of life on a terminal while a model is loaded; nothing where nobody looks."""
    return Console(stderr=True).status("loading the model")
