"""`calibrate`: from labelled calls to probabilities that mean what they say, thresholds, and review bands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from clinextract.cli.app import app
from clinextract.errors import CalibrationError

if TYPE_CHECKING:
    from clinextract.calibration.calibrator import Calibrator, FieldCalibration, Quality


@app.command()
def calibrate(  # noqa: PLR0913 - each is an option of the command
    predictions: Annotated[
        Path,
        typer.Argument(
            metavar="PREDICTIONS",
            help="What `clinextract run` wrote for labelled calls, without a calibration.",
            show_default=False,
        ),
    ],
    gold: Annotated[
        Path, typer.Argument(metavar="GOLD", help="The labels: csv, jsonl or parquet.", show_default=False)
    ],
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The file to write the calibration to.", show_default=False)
    ],
    method: Annotated[
        Literal["temperature", "platt", "isotonic"],
        typer.Option(
            help="temperature: one number a feature, and no answer changes; platt: with a bias, for features that are "
            "found too often or too seldom; isotonic: any rising curve, for many labels."
        ),
    ] = "temperature",
    sensitivity: Annotated[
        float | None,
        typer.Option(help="Choose each feature's threshold for this sensitivity, such as 0.9.", show_default=False),
    ] = None,
    best_mcc: Annotated[
        bool, typer.Option("--best-mcc", help="Choose it for the best Matthews correlation. With neither it is 0.5.")
    ] = False,
    error_rate: Annotated[
        float, typer.Option(help="Share of wrong answers that may stay outside the review bands.")
    ] = 0.02,
    id: Annotated[str, typer.Option(help="The column of the ids in both files.")] = "id",  # noqa: A002
    features: Annotated[
        str | None, typer.Option(help="Only these features, separated by commas.", show_default=False)
    ] = None,
    blank: Annotated[Literal["error", "no", "unlabelled"], typer.Option(help="What an empty label means.")] = "error",
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Leave out calls that only one of the two files has.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUTPUT where it exists.")] = False,
) -> None:
    """Fit a calibration on labelled calls, for `run --calibration` and `extract --calibration`."""
    if output.exists() and not overwrite:
        raise CalibrationError(f"{str(output)!r} exists", hint="Give another file, or --overwrite.")

    from clinextract.evaluation.calibrate import calibrate as fit  # noqa: PLC0415
    from clinextract.evaluation.labels import read_gold, read_predictions  # noqa: PLC0415

    names = None if features is None else [name.strip() for name in features.split(",") if name.strip()]
    predicted = read_predictions(predictions, features=names, id=id)
    known = read_gold(gold, features=names or predicted.features or None, id=id, blank=blank)
    try:
        made = fit(
            predicted, known, method=method, sensitivity=sensitivity, best_mcc=best_mcc, error_rate=error_rate,
            allow_missing=allow_missing,
        )  # fmt: skip
    except ValueError as error:
        raise CalibrationError(str(error), hint="See: clinextract calibrate --help") from None
    made.save(output)
    _show(made, output)


def _show(made: Calibrator, output: Path) -> None:
    console = Console(highlight=False)
    console.print(_probabilities(made))
    console.print()
    console.print(_answers(made))
    console.print()
    quality = made.quality
    assert quality is not None  # there was something to fit on
    console.print(
        Text(
            f" All features: Brier score {_before_after(quality, 'brier')}, calibration error "
            f"{_before_after(quality, 'ece')}. {_percent(made.reviewed)} of the answers go to a person; of the others "
            f"{_percent(made.risk)} are wrong, where {made.error_rate:.1%} was asked for. All figures are "
            "cross-validated: each answer is judged by a calibration that was fitted without it."
        )
    )
    for name, field in made.fields.items():
        for note in field.notes:
            console.print(Text.assemble((f" {name}: ", "yellow"), note))
    console.print(Text.assemble("\n The calibration is in ", (str(output), "bold"), "."))


def _probabilities(made: Calibrator) -> Table:
    """How good the probabilities are, before and after."""
    table = _frame("feature", "labels", "(yes)", "method", "Brier score", "calibration\nerror")
    for name, field in made.fields.items():
        quality = field.quality
        changes = [] if quality is None else [_before_after(quality, key, "→") for key in ("brier", "ece")]
        table.add_row(name, str(field.labelled), f"({field.positives})", field.method, *changes)
    return table


def _answers(made: Calibrator) -> Table:
    """What becomes of the answers."""
    headings = (
        "feature",
        "yes from",
        "review band",
        "to a\nperson",
        "wrong\noutside",
        "sensi-\ntivity",
        "speci-\nficity",
    )
    table = _frame(*headings)
    for name, field in made.fields.items():
        shares = (field.reviewed, field.risk, field.sensitivity, field.specificity)
        table.add_row(name, f"{field.threshold:.2f}", _band(field), *map(_percent, shares))
    return table


def _frame(first: str, *headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, collapse_padding=True, header_style="dim", pad_edge=False)
    table.add_column(first, overflow="fold")
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "method" else "right", no_wrap=True)
    return table


def _band(field: FieldCalibration) -> str:
    return "none" if field.low == field.high else f"{field.low:.2f}–{field.high:.2f}"


def _before_after(quality: Quality, key: str, arrow: str = " → ") -> str:
    return f"{getattr(quality, f'{key}_before'):.3f}{arrow}{getattr(quality, f'{key}_after'):.3f}"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"
