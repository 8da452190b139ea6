"""Options that several commands take, spelled once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console

PALLIATIVE = "palliative_care"
"""The schema that is meant where none is named."""

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


Schema = Annotated[
    str,
    typer.Option(
        "--schema",
        help="Which features: a schema file, or the name of one that `clinextract schema list` shows.",
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


Translate = Annotated[
    str | None,
    typer.Option(
        "--translate",
        metavar="SPEC",
        help="Translate into English before the model reads: a folder or hub name of a chat model or of NLLB, MADLAD, "
        "M2M100 or Marian, or http://127.0.0.1:8000/v1#model-name.",
        show_default=False,
    ),
]


TranslateFailures = Annotated[
    Literal["fail", "original"],
    typer.Option(
        "--translate-failures",
        help="Of a transcript whose translation fails its checks: fail it, or read the original.",
    ),
]


def translating(spec: str | None, failures: Literal["fail", "original"]) -> list[Any]:
    """The middleware that the two options above ask for."""
    if spec is None:
        return []
    import clinextract  # noqa: PLC0415

    return [clinextract.TranslateFirst(spec, on_failure=failures)]


def schema_of(given: str) -> Any:
    """The model class that the option above names."""
    from clinextract.schema_files.loading import load_schema  # noqa: PLC0415

    if given == PALLIATIVE:
        from clinextract.palliative import PalliativeCall  # noqa: PLC0415

        return PalliativeCall  # the same, without a file to read
    return load_schema(given)


def names_of(given: str | None) -> list[str] | None:
    """Names that were given with commas between them; None where none were."""
    return [name for part in (given or "").split(",") if (name := part.strip())] or None


def busy() -> Any:
    """A sign of life on a terminal while a model is loaded; nothing where nobody looks."""
    return Console(stderr=True).status("loading the model")
