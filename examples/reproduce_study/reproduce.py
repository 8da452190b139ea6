"""The study's configurations on a folder of calls: `python reproduce.py CALLS_FOLDER --out DIR`.

Runs those whose models are here, evaluates all against the calls' labels, writes the report, and prints the published
table beside what came out. See README.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from calls import Call, languages_of, read_calls, select, write_gold, write_transcripts
from configurations import SETTINGS, Configuration, Settings, chosen, locate, read_settings
from rich.console import Console
from table import Row, markdown, rows, terminal, warning

from clinextract import Extractor, PalliativeCall, evaluate, run
from clinextract.errors import ClinExtractError, DataError, ModelUnavailable
from clinextract.evaluation.report import write_report


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; 0 if all went well, 2 for a mistake in what was given, 1 for a failure."""
    options = _options().parse_args(arguments)
    console = Console(highlight=False, soft_wrap=True)
    try:
        failed = reproduce(options, console)
    except ClinExtractError as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(
            f"Error: {error.message}\n{error.hint}", markup=False
        )
        return 2 if error.usage else 1
    return 1 if failed else 0


def reproduce(options: argparse.Namespace, console: Console) -> bool:
    """Do what the options say; whether anything failed.

    Raises:
        ClinExtractError: Nothing could be run, or the calls cannot be used.
    """
    settings = read_settings(options.settings)
    wanted = chosen(settings, options.only)
    calls = read_calls(options.calls)
    places = locate(wanted, options.models)
    absent = _absent(wanted, places, languages_of(calls))
    ready = [one for one in wanted if one.label not in absent]
    if not ready:
        raise ModelUnavailable(
            "none of the configurations can be run here", hint="\n".join(f"{key}: {why}" for key, why in absent.items())
        )
    used, left_out = _usable(calls, ready, options)
    console.print(f"{len(used)} calls, {len(ready)} of {len(wanted)} configurations. {left_out}".strip())
    files = [one for one in ready if _predict(one, places[one.name], used, options.out, console)]
    if not files:
        return True
    report = evaluate(
        [options.out / "predictions" / f"{one.name}.jsonl" for one in files],
        write_gold(used, options.out / "gold.jsonl"),
        slices=[column for column in ("author", "form") if any(getattr(call, column) for call in used)],
    )
    page = write_report(report, options.out / "report")
    found, words = rows(wanted, report), warning(settings.study, len(used))
    text = markdown(found, absent, f"{words} {left_out}".strip(), settings.study)
    (options.out / "table.md").write_text(text, encoding="utf-8")
    _show(console, settings, absent, words, found)
    console.print(f"Table: {options.out / 'table.md'}. Report: {page}.")
    return len(files) < len(ready) or any(one.failed for one in report.evaluations)


def _show(console: Console, settings: Settings, absent: dict[str, str], words: str, found: Sequence[Row]) -> None:
    console.print()
    Console(highlight=False).print(terminal(found))
    console.print(f"\n{words}\nStudy: {settings.study.url}; table of {settings.study.table}.")
    for label, why in absent.items():
        console.print(f"Not run: {label}: {why}.", markup=False)


def _absent(wanted: Sequence[Configuration], places: dict[str, str], languages: set[str]) -> dict[str, str]:
    """By label, why a configuration cannot be run."""
    absent: dict[str, str] = {}
    for one in wanted:
        if one.language not in languages:
            absent[one.label] = f"the folder has no calls in {one.language!r}"
        elif one.name not in places:
            absent[one.label] = f"its model is not here; {one.how_to_get}"
    return absent


def _usable(
    calls: Sequence[Call], ready: Sequence[Configuration], options: argparse.Namespace
) -> tuple[list[Call], str]:
    """The calls that all configurations are judged on, and in words which were left out or should have been."""
    seen = {author for one in ready for author in one.trained_on} & {call.author for call in calls}
    without = set() if options.with_training_calls else seen
    used = select(calls, {one.language for one in ready}, without, options.limit)
    if not used:
        raise DataError(
            "no call is left to run on",
            hint="Every call is by an author that a model was trained on, or lacks a language; see README.md.",
        )
    if not seen:
        return used, ""
    models = ", ".join(sorted({one.model for one in ready if one.trained_on & seen}))
    authors = ", ".join(sorted(seen))
    if options.with_training_calls:
        return (
            used,
            f"The model {models} was trained on those of the authors {authors}: of other calls this says nothing.",
        )
    number = sum(call.author in seen for call in calls)
    return used, f"{number} calls of the authors {authors}, which the model {models} was trained on, were left out."


def _predict(one: Configuration, model: str, calls: Sequence[Call], out: Path, console: Console) -> bool:
    """Write one configuration's predictions; False where its model could not be used."""
    (out / "predictions").mkdir(parents=True, exist_ok=True)
    source = write_transcripts(calls, one.language, out / f"calls.{one.language}.jsonl")
    try:
        extractor = Extractor(PalliativeCall, model)
        summary = run(extractor, source, out / "predictions" / f"{one.name}.jsonl", overwrite=True)
    except ClinExtractError as error:
        console.print(f"{one.name}: failed: {error.message}. {error.hint}", markup=False)
        return False
    console.print(f"{one.name}: {summary.rows} calls, {summary.failed} failed, {summary.seconds:.0f} s")
    return True


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="The study's configurations on a folder of calls.")
    parser.add_argument("calls", type=Path, help="folder with the calls' *.jsonl")
    parser.add_argument("--out", type=Path, required=True, help="folder for predictions, table and report")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="this configuration alone")
    parser.add_argument("--limit", type=_positive, help="at most so many calls, drawn with a fixed seed")
    parser.add_argument("--models", type=Path, help="a folder that holds models, besides the hub's local cache")
    parser.add_argument("--settings", type=Path, default=SETTINGS, help="another file than study.toml")
    parser.add_argument("--with-training-calls", action="store_true", help="keep calls that a model was trained on")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


if __name__ == "__main__":
    sys.exit(main())
