"""What may stand in a schema file: its head, and a feature of each kind."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

from clinextract.schema.kinds import EARLIEST, LATEST, MOST_PLACES
from clinextract.schema.specs import Merge
from clinextract.schema_files.values import (
    Choices,
    Codes,
    Day,
    Language,
    Name,
    Names,
    Number,
    Phrases,
    Text,
    Texts,
    Triggered,
    Whole,
    YesNo,
    fault,
)

LENGTH = 200
"""Characters of a text, where a file names no bound."""
MOST_LENGTH = 4_000
"""Characters of a text at most: it is generated token by token."""
MOST_ITEMS = 50
"""Of a list."""


class Form(BaseModel):
    """Whatever has a place of its own in a file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Head(Form):
    """A file without its features and examples."""

    name: Name
    version: Whole = 1
    languages: list[Language] = ["en"]
    extends: Text | None = None
    without: Names = []

    @model_validator(mode="after")
    def _at_least_one(self) -> Head:
        if not self.languages:
            raise fault("no language is named", "Write for example: languages: [en, fa]", "languages")
        if len(set(self.languages)) < len(self.languages):
            raise fault("a language is named twice", "Keep one of the two.", "languages")
        return self


class FeatureForm(Form):
    """What every feature may say."""

    id: Name
    kind: str
    label: Texts = {}
    definition: Texts
    counts: Phrases = {}
    does_not_count: Phrases = {}
    examples: Phrases = {}
    codes: Codes = {}
    implies: Triggered = {}
    excludes: Triggered = {}
    merge: Merge = "any"
    replace: YesNo = False


class YesNoForm(FeatureForm):
    """Yes or no."""

    optional: YesNo = False


class ChoiceForm(FeatureForm):
    """One of a list."""

    choices: Choices
    optional: YesNo = True


class SeveralForm(FeatureForm):
    """Any number of a list."""

    choices: Choices
    min_items: Whole = 0
    max_items: Whole | None = None

    @model_validator(mode="after")
    def _within(self) -> SeveralForm:
        most = len(self.choices) if self.max_items is None else self.max_items
        if not 0 <= self.min_items <= len(self.choices):
            raise fault(f"there are {len(self.choices)} choices", "Write a number from 0 to that.", "min_items")
        if not 1 <= most <= len(self.choices):
            raise fault(
                f"there are {len(self.choices)} choices", "Write a number from 1 to that, or leave it out.", "max_items"
            )
        _in_order(self, "min_items", "max_items")
        return self


class WholeForm(FeatureForm):
    """A whole number."""

    minimum: Whole
    maximum: Whole
    unit: Text = ""
    optional: YesNo = True

    @model_validator(mode="after")
    def _within(self) -> WholeForm:
        _in_order(self, "minimum", "maximum")
        return self


class DecimalForm(FeatureForm):
    """A number with decimal places."""

    minimum: Number
    maximum: Number
    places: Whole = 1
    unit: Text = ""
    optional: YesNo = True

    @model_validator(mode="after")
    def _within(self) -> DecimalForm:
        _in_order(self, "minimum", "maximum")
        if not 1 <= self.places <= MOST_PLACES:
            remedy = f"Write a number from 1 to {MOST_PLACES}, or take `kind: whole number`."
            raise fault(f"{self.places} decimal places", remedy, "places")
        for bound in ("minimum", "maximum"):
            number: Decimal = getattr(self, bound)
            if number != round(number, self.places):
                raise fault(
                    f"{number} has more than {self.places} decimal {'place' if self.places == 1 else 'places'}",
                    f"Write {round(number, self.places)}, or a greater number behind places.",
                    bound,
                )
        return self


class DateForm(FeatureForm):
    """A day."""

    earliest: Day = EARLIEST
    latest: Day = LATEST
    optional: YesNo = True

    @model_validator(mode="after")
    def _within(self) -> DateForm:
        for bound in ("earliest", "latest"):
            day: date = getattr(self, bound)
            if not EARLIEST <= day <= LATEST:
                raise fault("a day that is too far away", f"Write one from {EARLIEST} to {LATEST}.", bound)
        _in_order(self, "earliest", "latest")
        return self


class TextForm(FeatureForm):
    """A text, of the model's words or of the transcript's; with a greatest number of items a list of such."""

    min_length: Whole = 1
    max_length: Whole = LENGTH
    min_items: Whole = 0
    max_items: Whole | None = None
    optional: YesNo | None = None

    @model_validator(mode="after")
    def _within(self) -> TextForm:
        if self.min_length < 0:
            raise fault("a length below 0", "Write 1, or leave the line out.", "min_length")
        if not 1 <= self.max_length <= MOST_LENGTH:
            raise fault(f"{self.max_length} characters", f"Write a number from 1 to {MOST_LENGTH}.", "max_length")
        _in_order(self, "min_length", "max_length")
        if self.max_items is not None:
            _items(self)
            if self.optional is not None:
                raise fault("a list is never left out: it is empty", "Take this line out.", "optional")
        elif self.min_items:
            raise fault("a list without a greatest number of items", "Write max_items: 5 as well.", "min_items")
        return self


class GroupForm(FeatureForm):
    """Several features that belong together."""

    fields: tuple[FeatureForm, ...] = ()
    optional: YesNo = True


class GroupsForm(FeatureForm):
    """A list of groups."""

    fields: tuple[FeatureForm, ...] = ()
    min_items: Whole = 0
    max_items: Whole

    @model_validator(mode="after")
    def _within(self) -> GroupsForm:
        _items(self)
        return self


KINDS: Mapping[str, type[FeatureForm]] = {
    "yes/no": YesNoForm,
    "choice": ChoiceForm,
    "several": SeveralForm,
    "whole number": WholeForm,
    "decimal": DecimalForm,
    "date": DateForm,
    "short text": TextForm,
    "quote": TextForm,
    "group": GroupForm,
    "groups": GroupsForm,
}
"""Kinds of features, as a file calls them."""
SYNONYMS: Mapping[str, str] = {
    "boolean": "yes/no", "bool": "yes/no", "yes no": "yes/no", "yesno": "yes/no", "yes": "yes/no",
    "true/false": "yes/no", "one of": "choice", "select": "choice", "radio": "choice", "enum": "choice",
    "option": "choice", "category": "choice",
    "multiple": "several", "multiple choice": "several", "checkbox": "several", "checkboxes": "several",
    "list": "groups", "table": "groups", "repeated": "groups", "number": "whole number", "integer": "whole number",
    "int": "whole number", "count": "whole number", "float": "decimal", "text": "short text", "string": "short text",
    "free text": "short text", "words": "quote", "verbatim": "quote", "day": "date", "object": "group",
}  # fmt: skip
"""What people call them elsewhere."""
REMEDIES: Mapping[str, str] = {
    "id": "Write a name of English letters, digits and _, such as: id: swollen_leg",
    "kind": f"Write one of: {', '.join(KINDS)}",
    "definition": "Say when the answer is yes, or what the answer is: definition: The patient has a swollen leg.",
    "choices": "Write them in square brackets: choices: [mild, moderate, severe]",
    "minimum": "Write the least number that is possible, such as: minimum: 0",
    "maximum": "Write the greatest number that is possible, such as: maximum: 10",
    "max_items": "Write how many there can be at most, such as: max_items: 10",
    "name": "Write one in the first line, such as: name: my_ward",
}
"""Of what is missing."""


def _in_order(form: Any, low: str, high: str) -> None:
    """Bounds that are reversed."""
    least, most = getattr(form, low), getattr(form, high)
    if most is not None and least > most:
        raise fault(f"{low} is {least} and {high} is {most}", "Exchange the two.", low)


def _items(form: Any) -> None:
    if form.min_items < 0:
        raise fault("a number below 0", "Write 0, or leave the line out.", "min_items")
    if not 1 <= form.max_items <= MOST_ITEMS:
        raise fault(f"{form.max_items} items", f"Write a number from 1 to {MOST_ITEMS}.", "max_items")
    _in_order(form, "min_items", "max_items")
