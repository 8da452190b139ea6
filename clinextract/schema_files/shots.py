"""The few-shot examples of a file: what is written under `examples:`, held against the schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, model_validator

from clinextract.errors import ClinExtractError, Mistake
from clinextract.examples import Example, mistakes_of
from clinextract.fewshot import Choose, FewShot, read_examples
from clinextract.schema.features import fields_of
from clinextract.schema.specs import FieldSpec, Json
from clinextract.schema_files.form import Form
from clinextract.schema_files.reading import Draft, validated
from clinextract.schema_files.source import Place
from clinextract.schema_files.values import Language, Text, Whole, YesNo, fault

_PLACE = ("examples",)
_YES_NO = {"yes": True, "true": True, "no": False, "false": False}


class ExampleForm(Form):
    """One example."""

    transcript: str = ""
    lines: tuple[str, ...] = ()
    answer: dict[str, Any]
    id: Text = ""
    pair: Text = ""
    language: Language | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> ExampleForm:
        if bool(self.transcript) == bool(self.lines):
            raise fault("an example has its words either behind transcript or behind lines", "Keep one of the two.")
        return self


class PoolForm(Form):
    """Examples in a file of their own, or listed, and how they are chosen."""

    file: Text = ""
    calls: tuple[Any, ...] = ()
    choose: Choose = "fixed"
    count: Whole = 3
    seed: Whole = 0
    balance: YesNo = False

    @model_validator(mode="after")
    def _one_of_both(self) -> PoolForm:
        if bool(self.file) == bool(self.calls):
            raise fault(
                "examples stand either in a file or behind calls",
                "Write `file: examples.jsonl`, or list them behind calls.",
            )
        if self.count < 1:
            raise fault("at least one example has to be shown", "Write 1 or more.", "count")
        return self


def shots(draft: Draft, schema: type[BaseModel], folder: Path) -> FewShot | None:
    """The examples of a file; None without, or where they have mistakes, which are added to the draft's.

    Args:
        draft: The file.
        schema: What was made of its features.
        folder: Where the file is: names of other files are taken from there.
    """
    raw = draft.source.raw(_PLACE)
    if raw is None:
        return None
    if isinstance(raw, list):
        pool = tuple(_listed(raw, _PLACE, draft, schema))
        return FewShot(pool, count=len(pool)) if pool and not draft.mistakes else None
    if not isinstance(raw, dict):
        remedy = "Write a list, each with transcript and answer, or: examples: {file: examples.jsonl, choose: random}"
        draft.mistakes.append(draft.source.mistake(_PLACE, "examples belong here", remedy))
        return None
    form, mistakes = validated(PoolForm, raw, _PLACE, draft.source, _context(draft))
    draft.mistakes += mistakes
    if form is None:
        return None
    pool = tuple(_listed(form.calls, (*_PLACE, "calls"), draft, schema))
    try:
        pool = read_examples(folder / form.file, schema) if form.file else pool
        if draft.mistakes:
            return None
        return FewShot(pool, choose=form.choose, count=form.count, seed=form.seed, balance=form.balance)
    except ClinExtractError as error:
        key = "file" if form.file else "calls"
        draft.mistakes.append(draft.source.mistake((*_PLACE, key), error.message, error.hint or ""))
        return None


def _context(draft: Draft) -> dict[str, Any]:
    assert draft.head is not None
    return {"languages": draft.head.languages, "also": ()}


def _listed(raw: Sequence[Any], place: Place, draft: Draft, schema: type[BaseModel]) -> Iterator[Example]:
    fields = fields_of(schema)
    for number, entry in enumerate(raw):
        here: Place = (*place, number)
        if not isinstance(entry, dict):
            remedy = "Write `- transcript: ...`, and `answer:` below it, indented alike."
            draft.mistakes.append(draft.source.mistake(here, "this is no example", remedy))
            continue
        form, mistakes = validated(ExampleForm, entry, here, draft.source, _context(draft))
        draft.mistakes += mistakes
        if form is None:
            continue
        answer = _group(fields, form.answer)
        example = Example(form.transcript or "\n".join(form.lines), answer, form.id, form.pair, form.language or "")
        wrong = list(_wrong(example, schema, draft, here))
        draft.mistakes += wrong
        if not wrong:
            yield example


def _wrong(example: Example, schema: type[BaseModel], draft: Draft, place: Place) -> Iterator[Mistake]:
    for _, mistakes in mistakes_of(schema, [example]):
        for one in mistakes:
            name = one.split()[0]
            inner = ("answer", name) if name in schema.model_fields else ("answer",)
            remedy = "Write the answer that is right for this transcript; a field that is not written is no, or none."
            yield draft.source.mistake((*place, *inner), one, remedy)


def _group(fields: tuple[FieldSpec, ...], raw: Mapping[str, Any]) -> dict[str, Json]:
    """The answer in the schema's order; what is not written is absent, where the field can be."""
    known = {field.name: field for field in fields}
    answer: dict[str, Json] = {}
    for name, field in known.items():
        if name in raw:
            answer[name] = _value(field, raw[name])
        elif _absent(field) is not ...:
            answer[name] = _absent(field)
    return answer | {name: value for name, value in raw.items() if name not in known}


def _absent(field: FieldSpec) -> Any:
    """The value that says that there is nothing; an ellipsis where none does."""
    if field.kind == "boolean":
        return False
    if field.nullable or None in field.values:
        return None
    return [] if field.kind in {"several", "list"} and not field.minimum else ...


def _value(field: FieldSpec, raw: Any) -> Json:
    """What was written, as the field has it; what cannot be read stays as it is, and is refused afterwards."""
    if raw is None:
        return _absent(field) if _absent(field) is not ... else None
    if field.kind == "group" and isinstance(raw, dict):
        return _group(field.fields, raw)
    if field.kind in {"list", "several"}:
        items = raw if isinstance(raw, list) else [raw]
        return [_value(field.fields[0], item) for item in items] if field.kind == "list" else _ordered(field, items)
    text = str(raw)
    if True in field.values and text.lower() in _YES_NO:
        return _YES_NO[text.lower()]
    try:
        return int(text) if field.kind == "integer" else float(text) if field.kind == "decimal" else text
    except ValueError:
        return text


def _ordered(field: FieldSpec, items: list[Any]) -> Json:
    """Several of a list in the list's order, which is decoding's; whoever writes a file need not know it."""
    places = {value: place for place, value in enumerate(field.values)}
    return sorted(items, key=lambda item: places.get(item, 0) if isinstance(item, str) else 0)
