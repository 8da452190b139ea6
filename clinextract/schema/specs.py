"""One field of a schema as decoding, prompts and rules see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from decimal import Decimal
from typing import Literal

Kind = Literal[
    "boolean", "choice", "integer", "decimal", "date", "text", "quote", "several", "list", "group", "json"
]  # fmt: skip
JsonScalar = str | int | float | bool | None
Json = JsonScalar | Sequence["Json"] | Mapping[str, "Json"]
Merge = Literal["any", "first", "last"]


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field.

    Attributes:
        name: The Python name, which is also the JSON key; empty for the items of a list.
        kind: "boolean"; "choice", one of `values`; "integer", listed or within bounds; "decimal", the same with
            `places`; "date", within bounds; "text"; "quote", a text that stands in the transcript word for word;
            "several", a list of distinct `values` in their order; "list", of `fields[0]`; "group", of `fields`;
            "json" for any other, which only Outlines can generate.
        values: The alternatives, as JSON values, where they can be listed; else empty. None among them is "not said".
        nullable: Whether null stands beside what is not listed.
        minimum, maximum: Bounds: of a number that is not listed, of a text's characters, of a list's items. Of a date
            as a proleptic Gregorian ordinal.
        places: Decimal places of a decimal.
        fields: Of a group its fields, of a list the one spec of its items.
        label, definition: By language; empty where the schema's author gave none.
        codes: Terminology codes by system.
        counts, does_not_count: By language, phrases that make the value true or do not, for the prompt.
        examples: By language, phrases as people say them, for the prompt.
        choice_labels: Of a choice or several of a list, the values in words, by value and language.
        implies, excludes: Conditions on other fields by the value that brings them about, "" for being present.
        unit: Of a number, as people write it.
        merge: How the windows of a long transcript are put together.
    """

    name: str
    kind: Kind
    values: tuple[JsonScalar, ...] = ()
    nullable: bool = False
    minimum: int | Decimal = 0
    maximum: int | Decimal = 0
    places: int = 0
    fields: tuple[FieldSpec, ...] = ()
    label: Mapping[str, str] = dataclass_field(default_factory=dict)
    definition: Mapping[str, str] = dataclass_field(default_factory=dict)
    codes: Mapping[str, str] = dataclass_field(default_factory=dict)
    counts: Mapping[str, Sequence[str]] = dataclass_field(default_factory=dict)
    does_not_count: Mapping[str, Sequence[str]] = dataclass_field(default_factory=dict)
    examples: Mapping[str, Sequence[str]] = dataclass_field(default_factory=dict)
    choice_labels: Mapping[str, Mapping[str, str]] = dataclass_field(default_factory=dict)
    implies: Mapping[str, Sequence[str]] = dataclass_field(default_factory=dict)
    excludes: Mapping[str, Sequence[str]] = dataclass_field(default_factory=dict)
    unit: str = ""
    merge: Merge = "any"

    def labelled(self, language: str) -> str:
        """The label in a language, else in English, else the name in words."""
        return self.label.get(language) or self.label.get("en") or self.name.replace("_", " ")

    def defined(self, language: str) -> str:
        """The definition in a language, else in English, else in any that it is given in."""
        return self.definition.get(language) or self.definition.get("en") or next(iter(self.definition.values()), "")

    @property
    def listed(self) -> bool:
        """Whether one choice decides the field."""
        return bool(self.values) and self.kind != "several"

    def absent(self, value: Json) -> bool:
        """Whether a value of the field says that there is nothing: False, null, an empty list or text."""
        return value is None or value is False or value in ([], (), "")
