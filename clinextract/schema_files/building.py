"""From features of a file to a Pydantic model class, and the mistakes that only show between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from clinextract.errors import Mistake, SchemaError
from clinextract.schema.features import Feature, fields_of
from clinextract.schema.rules import Rules
from clinextract.schema.specs import FieldSpec
from clinextract.schema_files.form import (
    ChoiceForm,
    DateForm,
    DecimalForm,
    FeatureForm,
    GroupForm,
    GroupsForm,
    SeveralForm,
    TextForm,
    WholeForm,
    YesNoForm,
)
from clinextract.schema_files.reading import Draft, Written

CONFIG = ConfigDict(frozen=True, extra="forbid")
_TEXTS = ("label", "definition", "codes", "counts", "does_not_count", "examples", "implies", "excludes", "merge")


def built(draft: Draft) -> type[BaseModel] | None:
    """The model class of a file without mistakes; what goes wrong is added to the draft's mistakes."""
    assert draft.head is not None
    schema = model_of(draft.head.name, [one.form for one in draft.features])
    try:
        fields = fields_of(schema)
    except SchemaError as error:
        draft.mistakes.append(_of_error(error, draft))
        return None
    mistakes = list(_of_rules(fields, draft))
    draft.mistakes += mistakes
    return None if mistakes else schema


def model_of(name: str, forms: Sequence[FeatureForm]) -> type[BaseModel]:
    """A model class with a field for every form, in their order.

    Args:
        name: In words or with _ between; the class has it in capitalised words.
        forms: Without mistakes of their own.
    """
    fields: dict[str, Any] = {form.id: _field(form) for form in forms}
    return create_model(_class_name(name), __config__=CONFIG, **fields)


def _class_name(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def _field(form: FeatureForm) -> tuple[Any, Any]:
    annotation, options = _annotated(form)
    said = {key: getattr(form, key) for key in _TEXTS}
    return annotation, Feature(**said, **options)


def _annotated(form: FeatureForm) -> tuple[Any, dict[str, Any]]:
    """The annotation of a feature, and what `Feature` is told beside the texts."""
    options: dict[str, Any] = {}
    annotation: Any
    match form:
        case YesNoForm():
            annotation = bool
        case ChoiceForm() | SeveralForm():
            annotation = Literal[tuple(form.choices)]
            options["choice_labels"] = {value: label for value, label in form.choices.items() if label}
            if isinstance(form, SeveralForm):
                most = len(form.choices) if form.max_items is None else form.max_items
                return list[annotation], options | {"min_length": form.min_items, "max_length": most}
        case WholeForm():
            annotation, options = int, {"ge": form.minimum, "le": form.maximum, "unit": form.unit}
        case DecimalForm():
            annotation, options = float, {"ge": float(form.minimum), "le": float(form.maximum)}
            options |= {"places": form.places, "unit": form.unit}
        case DateForm():
            annotation, options = date, {"ge": form.earliest, "le": form.latest}
        case TextForm():
            annotation, options = _text(form)
        case GroupForm():
            annotation = model_of(form.id, form.fields)
        case GroupsForm():
            annotation = list[model_of(form.id, form.fields)]  # type: ignore[misc]
            return annotation, {"min_length": form.min_items, "max_length": form.max_items}
        case _:
            raise AssertionError(form.kind)
    return (annotation | None if getattr(form, "optional", False) else annotation), options


def _text(form: TextForm) -> tuple[Any, dict[str, Any]]:
    quote = {"quote": form.kind == "quote"}
    if form.max_items is not None:
        item = Annotated[str, Field(min_length=form.min_length, max_length=form.max_length)]
        return list[item], quote | {"min_length": form.min_items, "max_length": form.max_items}
    return (str | None if form.optional in {None, True} else str), quote | {
        "min_length": form.min_length,
        "max_length": form.max_length,
    }


def _of_rules(fields: Sequence[FieldSpec], draft: Draft) -> Iterator[Mistake]:
    """Rules that cannot be read, all of them; where all can, those that contradict each other."""
    unread = 0
    for ruled in fields:
        for verb in ("implies", "excludes"):
            for value, conditions in getattr(ruled, verb).items():
                for condition in conditions:
                    bare = replace(ruled, implies={}, excludes={})
                    rule = {value: [condition]}
                    alone = replace(bare, implies=rule) if verb == "implies" else replace(bare, excludes=rule)
                    others = [
                        alone if one.name == ruled.name else replace(one, implies={}, excludes={}) for one in fields
                    ]
                    try:
                        Rules(others)
                    except SchemaError as error:
                        unread += 1
                        yield _of_error(error, draft, verb)
    if not unread:
        try:
            Rules(fields)
        except SchemaError as error:
            yield _of_error(error, draft, "implies", "excludes")


def _of_error(error: SchemaError, draft: Draft, *keys: str) -> Mistake:
    """An error of the schema at the feature that it names."""
    named = next((one for one in draft.features if one.form.id == error.field), None)
    if named is None:
        return draft.source.mistake(("features",), error.message, error.hint or "")
    key = next((key for key in keys if named.source.has((*named.place, key))), None)
    return _at(named, error, key)


def _at(named: Written, error: SchemaError, key: str | None) -> Mistake:
    return named.mistake(error.message, error.hint or "", *([key] if key else []))
