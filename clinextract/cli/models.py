"""`models` and `doctor`: what can run here, and whether it should."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from clinextract.cli.app import app
from clinextract.cli.options import busy


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

    with busy():
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
