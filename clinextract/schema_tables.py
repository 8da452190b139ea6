"""A schema as a person sees it in a terminal: the form to fill in, and what was found in its file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from clinextract.errors import Mistake
from clinextract.schema.specs import FieldSpec
from clinextract.schema_files.checking import SchemaCheck

_BOX = "☐"
_LINE = "______"


def form(fields: Sequence[FieldSpec], languages: Sequence[str]) -> Table:
    """The questions as somebody would fill them in by hand, in every language."""
    table = Table(box=box.SIMPLE_HEAD, show_lines=True, pad_edge=False)
    table.add_column("feature", ratio=3, overflow="fold")
    table.add_column("answer", ratio=2, overflow="fold")
    table.add_column("what it means", ratio=5, overflow="fold")
    for field, depth in _all(fields):
        table.add_row(_name(field, languages, depth), _answer(field, languages), _meaning(field, languages))
    return table


def checked(found: SchemaCheck) -> RenderableType:
    """Mistakes and warnings as a compiler tells them, then what the schema costs."""
    parts: list[RenderableType] = [_told(one, "mistake", "bold red") for one in found.mistakes]
    parts += [_told(one, "warning", "bold yellow") for one in found.warnings]
    parts.append(_verdict(found))
    if found.compiled is not None:
        parts.append(_cost(found))
    return Group(*parts)


def _told(one: Mistake, kind: str, style: str) -> RenderableType:
    where = f"{one.file}:{one.line}:{one.column}" if one.line else one.file
    entry = f"{one.path}: " if one.path else ""
    head = Text.assemble((f"{where}: ", "bold"), (f"{kind}: ", style), entry, one.message)
    return Group(head, Text(f"    {one.remedy}", "dim")) if one.remedy else head


def _verdict(found: SchemaCheck) -> Text:
    warned = _counted(len(found.warnings), "warning")
    if found.mistakes:
        told = f"\n{found.name} cannot be used yet: {_counted(len(found.mistakes), 'mistake')}, {warned}."
        return Text(told, "bold red")
    gap = "\n" if found.warnings else ""
    return Text(f"{gap}{found.name} can be used: no mistake, {warned}.", "bold green")


def _cost(found: SchemaCheck) -> Text:
    compiled = found.compiled
    assert compiled is not None
    assert found.schema is not None
    told = f"{_counted(len(found.schema.model_fields), 'feature')}, compiled in {compiled.seconds:.1f} s "
    if not compiled.knows:
        told += (
            f"for the vocabulary of the model {compiled.model}.\nThat model was trained for other features and cannot "
            "answer these: name one that follows instructions with --model."
        )
        return Text(told, "dim")
    prompts = ", ".join(f"{tokens:,} ({language})" for language, tokens in compiled.prompt_tokens.items())
    told += f"for the model {compiled.model}: a prompt of {prompts} tokens, and an answer of at most "
    return Text(f"{told}{compiled.answer_tokens:,}.", "dim")


def _all(fields: Sequence[FieldSpec], depth: int = 0) -> Iterator[tuple[FieldSpec, int]]:
    for field in fields:
        yield field, depth
        yield from _all(field.fields[0].fields if field.kind == "list" else field.fields, depth + 1)


def _name(field: FieldSpec, languages: Sequence[str], depth: int) -> RenderableType:
    labels = [text for code in languages if (text := field.label.get(code))] or [field.labelled("en")]
    lines = [Text(labels[0], "bold"), *(Text(label) for label in labels[1:]), Text(field.name, "dim")]
    return Padding(Group(*lines), (0, 0, 0, 2 * depth))


def _meaning(field: FieldSpec, languages: Sequence[str]) -> RenderableType:
    parts: list[Text] = [Text(text) for code in languages if (text := field.definition.get(code))]
    for said, phrases in (("Counts", field.counts), ("Does not count", field.does_not_count)):
        parts += [Text(f"{said}: {'; '.join(phrases[code])}", "dim") for code in languages if phrases.get(code)]
    for verb, rules in (("Then also", field.implies), ("Never with", field.excludes)):
        parts += [
            Text(f"{f'{value}: ' if value else ''}{verb}: {', '.join(conditions)}", "dim")
            for value, conditions in rules.items()
        ]
    if field.codes:
        parts.append(Text(", ".join(f"{system} {code}" for system, code in field.codes.items()), "dim"))
    return Group(*parts)


def _answer(field: FieldSpec, languages: Sequence[str]) -> Text:
    none = f"\n{_BOX} not said" if field.nullable or None in field.values else ""
    match field.kind:
        case "boolean":
            return Text(f"{_BOX} yes  {_BOX} no")
        case "choice" | "several":
            shown = "\n".join(
                f"{_BOX} {_choice(field, value, languages)}" for value in field.values if value is not None
            )
            head = f"up to {field.maximum}:\n" if field.kind == "several" else ""
            return Text(head + shown + none)
        case "integer" | "decimal":
            values = [value for value in field.values if value is not None]
            low, high = (values[0], values[-1]) if values else (field.minimum, field.maximum)
            return Text(f"{_LINE} {field.unit}".rstrip() + f"\n{low} to {high}{none}")
        case "date":
            first, last = (date.fromordinal(int(day)) for day in (field.minimum, field.maximum))
            return Text(f"{_LINE}\n{first} to {last}{none}")
        case "list":
            item = field.fields[0]
            what = "of the following" if item.kind == "group" else f"{_text(item)}"
            return Text(f"up to {field.maximum} {what}")
        case "group":
            return Text(f"the following{none}")
        case _:
            return Text(_text(field) + none)


def _text(field: FieldSpec) -> str:
    kind = "words of the transcript" if field.kind == "quote" else "short text"
    return f"{kind}, at most {field.maximum} letters"


def _choice(field: FieldSpec, value: object, languages: Sequence[str]) -> str:
    said = field.choice_labels.get(str(value), {})
    labels = [text for code in languages if (text := said.get(code)) and text != value]
    shown = {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
    return f"{shown} ({' · '.join(labels)})" if labels else shown


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number or 'no'} {noun}s"
