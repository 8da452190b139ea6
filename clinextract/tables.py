"""What the command line draws: results, findings and models as rich tables.

Persian text goes out in the order in which it is stored; terminals that know right-to-left scripts reorder a line
themselves. So that such a terminal moves nothing else, no number follows a Persian word on a line: Persian labels stand
last, where a Persian reader begins.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from rich import box
from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from clinextract.doctor import Finding
from clinextract.inventory import Found
from clinextract.records import Answer, Extraction
from clinextract.schema.features import fields_of
from clinextract.schema.specs import FieldSpec

RIGHT_TO_LEFT = {"ar", "fa", "he", "ur"}


def whole(result: Extraction[Any]) -> Group:
    """Every field of a result in its order, what the answers rest on where that was asked, and how it came about."""
    fields = fields_of(type(result.features), planned=False)
    shown = [field for field in fields if result.answers[field.name].evidence_status]
    lines: list[Any] = [Text(), _evidence(result, shown)] if shown else []
    return Group(_table(result, fields), *lines, _caption(result))


def found_only(result: Extraction[Any]) -> Group:
    """The fields that are present or in doubt as a table, the others as one line of names."""
    fields = fields_of(type(result.features), planned=False)
    shown = [field for field in fields if result.answers[field.name].value or result.answers[field.name].review]
    absent = [field.labelled(result.provenance.language) for field in fields if field not in shown]
    comma = "، " if result.provenance.language in RIGHT_TO_LEFT else ", "
    others = Text.assemble(("no: " if shown else "nothing found: ", "dim bold"), (comma.join(absent), "dim"))
    parts = [_table(result, shown)] if shown else []
    return Group(*parts, *([Padding(others, (0, 1))] if absent else []), _caption(result))


def examination(findings: Iterable[Finding]) -> Table:
    """What `doctor` found, one row each."""
    table = Table.grid(padding=(0, 2, 0, 1))
    for finding in findings:
        mark = Text("✓", "green") if finding.ok else Text("✗", "bold red")
        table.add_row(mark, Text(finding.name, no_wrap=True), Text(finding.value), Text(finding.words, "dim"))
    return table


def inventory(models: Iterable[Found]) -> Table:
    """Models that are here, one row each."""
    table = _frame()
    for heading in ("", "model", "what it is"):
        table.add_column(heading, overflow="fold")
    for model in models:
        mark = Text("✓", "green") if model.usable else Text("✗", "bold red")
        table.add_row(mark, Text(model.spelling, "bold"), Text(model.about))
    return table


def _frame() -> Table:
    return Table(box=box.SIMPLE_HEAD, show_edge=False, collapse_padding=True, header_style="dim")


def _table(result: Extraction[Any], fields: Iterable[FieldSpec]) -> Table:
    language = result.provenance.language
    label_last = language in RIGHT_TO_LEFT
    table = _frame()
    fields = list(fields)
    probability = "P(yes)" if all(field.kind == "boolean" for field in fields) else "probability"
    headings = ["field", "answer", probability]
    if any(result.answers[field.name].review for field in fields):
        headings.append("review")
    headings.insert(len(headings) if label_last else 0, "feature")
    for heading in headings:
        table.add_column(heading, justify="right" if heading == probability else "left", no_wrap=heading != "feature")
    for field in fields:
        answer = result.answers[field.name]
        doubt = Text("look" if answer.review else "", "yellow")
        cells = [Text(field.name, "dim"), _answer(answer), _probability(answer), doubt][: len(headings) - 1]
        cells.insert(len(cells) if label_last else 0, Text(field.labelled(language), "bold" if answer.value else ""))
        table.add_row(*cells)
    return table


def _evidence(result: Extraction[Any], fields: Iterable[FieldSpec]) -> Table:
    """The lines that answers rest on; the words stand last, since they may run from right to left."""
    table = _frame()
    for heading in ("evidence", "line", "words"):
        table.add_column(heading, justify="right" if heading == "line" else "left", overflow="fold")
    for field in fields:
        for one in result.answers[field.name].evidence:
            table.add_row(Text(field.name), Text(str(one.line)), Text(one.text))
        if not result.answers[field.name].evidence:
            table.add_row(Text(field.name), Text("-", "dim"), Text("could not be located", "dim"))
    return table


def _answer(answer: Answer) -> Text:
    if answer.value is True:
        return Text("✓ yes", "bold green")
    if answer.value is False:
        return Text("no", "dim")
    return Text("none", "dim") if answer.value in (None, []) else Text(_words(answer.value))


def _words(value: Any) -> str:
    """A value as one reads it: lists with commas, groups as "name value" pairs."""
    if isinstance(value, BaseModel):
        return ", ".join(f"{name} {_words(inner)}" for name, inner in value if inner is not None)
    if isinstance(value, list | tuple):
        return ("; " if any(isinstance(one, BaseModel) for one in value) else ", ").join(map(_words, value))
    return ("yes" if value else "no") if isinstance(value, bool) else str(getattr(value, "value", value))


def _probability(answer: Answer) -> Text:
    p = answer.probability
    if p is None:
        return Text("")
    # Two digits; what they would round to a certainty is shown as a bound.
    return Text(">0.99" if p > 0.99 else "<0.01" if p < 0.01 else f"{p:.2f}", "" if answer.value else "dim")


def _caption(result: Extraction[Any]) -> Padding:
    provenance = result.provenance
    milliseconds = 1000 * sum(provenance.seconds.values())
    about = f"model {provenance.model} · transcript in {provenance.language} · {milliseconds:.0f} ms"
    return Padding(Text("\n".join([about, *provenance.notes]), "dim italic"), (0, 1))
