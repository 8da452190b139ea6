"""From a fragment of JSON schema to the kind of a field, with its alternatives and bounds.

What the schema's author writes is a Pydantic annotation; what is read here is the JSON schema that Pydantic makes of
it, so that any Pydantic model works, whoever wrote it and however.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from clinextract.errors import PlanError
from clinextract.schema.specs import FieldSpec

Fragment = Mapping[str, Any]

LISTED = 256
"""Numbers in a range of up to this many are alternatives of a choice, with a probability each; beyond it they are
generated digit by digit."""
EARLIEST, LATEST = date(1900, 1, 1), date(2099, 12, 31)
"""Of a date without bounds."""
MOST_PLACES = 3
_TEXTS = ("label", "definition", "codes", "counts", "does_not_count", "examples", "choice_labels")


class Fragments:
    """Reads fragments of one JSON schema.

    Args:
        definitions: The schema's `$defs`.
    """

    def __init__(self, definitions: Mapping[str, Fragment]) -> None:
        self._definitions = definitions
        self._open: list[str] = []

    def field(self, name: str, fragment: Fragment) -> FieldSpec:
        """The field that a property describes.

        Raises:
            PlanError: It is of a kind that cannot be planned; the error names the field.
        """
        extra = _extra(fragment)
        spec = self._kind(name, fragment, extra)
        texts: dict[str, Any] = {key: extra.get(key, {}) for key in _TEXTS}
        if not texts["definition"] and fragment.get("description"):
            texts["definition"] = {"en": fragment["description"]}
        rules: dict[str, Any] = {verb: _triggered(extra.get(verb, ())) for verb in ("implies", "excludes")}
        return replace(spec, **texts, **rules, unit=extra.get("unit", ""), merge=extra.get("merge", "any"))

    def _kind(self, name: str, fragment: Fragment, extra: Fragment) -> FieldSpec:  # noqa: C901 - a table of kinds
        if "$ref" in fragment:
            return self._referred(name, fragment["$ref"], extra)
        if "anyOf" in fragment:
            return self._nullable(name, fragment["anyOf"], extra)
        if "enum" in fragment or "const" in fragment:
            values = tuple(fragment["enum"]) if "enum" in fragment else (fragment["const"],)
            if all(value is None or isinstance(value, str | int) for value in values):
                return FieldSpec(name, "choice", values)
        match fragment.get("type"):
            case "boolean":
                return FieldSpec(name, "boolean", (False, True))
            case "integer":
                return _integer(name, fragment)
            case "number":
                return _decimal(name, fragment, extra.get("places", 2))
            case "string" if fragment.get("format") == "date":
                return _date(name, extra)
            case "string" if not {"pattern", "format"} & fragment.keys():
                return _text(name, fragment, extra)
            case "array" if isinstance(fragment.get("items"), Mapping) and "prefixItems" not in fragment:
                return self._list(name, fragment, extra)
            case "object" if fragment.get("properties"):
                return self._group(name, fragment)
        raise PlanError(
            f"field {name!r} is of a kind that cannot be planned",
            hint="Use bool, Literal, Enum, a number with ge and le, a date, a str with max_length, a group of these, "
            "or a list with max_length; decoding='outlines' generates any JSON schema, token by token.",
            field=name,
        )

    def _referred(self, name: str, reference: str, extra: Fragment) -> FieldSpec:
        if reference in self._open:
            raise PlanError(
                f"field {name!r} holds a schema within itself",
                hint="A group may hold lists and groups of other kinds, but never itself.",
                field=name,
            )
        self._open.append(reference)
        fragment = self._definitions[reference.rsplit("/", 1)[-1]]
        spec = self._kind(name, fragment, {**_extra(fragment), **extra})
        self._open.pop()
        return spec

    def _nullable(self, name: str, options: Sequence[Fragment], extra: Fragment) -> FieldSpec:
        """`X | None`; any other union cannot be planned."""
        others = [option for option in options if option.get("type") != "null"]
        if len(others) != 1 or len(options) != 2:
            raise PlanError(
                f"field {name!r} is a union that cannot be planned",
                hint="Only a kind and None can be united, as in `bool | None`.",
                field=name,
            )
        spec = self._kind(name, others[0], extra)
        if not spec.listed:
            return replace(spec, nullable=True)
        values = spec.values if None in spec.values else (*spec.values, None)
        return replace(spec, kind="choice" if spec.kind == "boolean" else spec.kind, values=values)

    def _list(self, name: str, fragment: Fragment, extra: Fragment) -> FieldSpec:
        low, high = fragment.get("minItems", 0), fragment.get("maxItems")
        item = self._kind(name, fragment["items"], {**_extra(fragment["items"]), "quote": extra.get("quote", False)})
        if item.kind == "choice" and None not in item.values:
            high = min(len(item.values), high if high is not None else len(item.values))
            if low > high:
                raise _unbounded(name, "list with a least length above its greatest", "max_length")
            return FieldSpec(name, "several", item.values, minimum=low, maximum=high)
        if high is None or low > high or high < 1:
            raise _unbounded(name, "list without a greatest length, or with one below its least", "max_length=10")
        if item.kind not in {"text", "quote", "group"} or item.nullable:
            raise PlanError(
                f"field {name!r} is a list of what cannot be listed",
                hint="A list may hold texts, quotes, groups, or values of a Literal or Enum.",
                field=name,
            )
        return FieldSpec(name, "list", minimum=low, maximum=high, fields=(replace(item, name=""),))

    def _group(self, name: str, fragment: Fragment) -> FieldSpec:
        fields = tuple(self.field(inner, prop) for inner, prop in fragment["properties"].items())
        return FieldSpec(name, "group", fields=fields)


def _extra(fragment: Fragment) -> Fragment:
    extra = fragment.get("clinextract", {})
    return extra if isinstance(extra, Mapping) else {}


def _triggered(given: Sequence[str] | Mapping[str, Sequence[str]]) -> Mapping[str, Sequence[str]]:
    """Conditions by the value that brings them about; "" stands for being present at all."""
    return given if isinstance(given, Mapping) else {"": given} if given else {}


def _bounds(fragment: Fragment, step: Decimal) -> tuple[Decimal, Decimal] | None:
    """The closed bounds of a number, exclusive ones moved inwards; None where one is missing or they cross."""
    lows = [
        _exact(fragment[key]) + past for key, past in (("minimum", 0), ("exclusiveMinimum", step)) if key in fragment
    ]
    highs = [
        _exact(fragment[key]) - past for key, past in (("maximum", 0), ("exclusiveMaximum", step)) if key in fragment
    ]
    if not lows or not highs or max(lows) > min(highs):
        return None
    return max(lows), min(highs)


def _exact(number: float) -> Decimal:
    return Decimal(str(number))


def _integer(name: str, fragment: Fragment) -> FieldSpec:
    bounds = _bounds(fragment, Decimal(1))
    if bounds is None:
        raise _unbounded(name, "whole number without two bounds, or with none between them", "ge=0, le=10")
    low, high = int(bounds[0].to_integral_value("ROUND_CEILING")), int(bounds[1].to_integral_value("ROUND_FLOOR"))
    if high - low < LISTED:
        return FieldSpec(name, "integer", tuple(range(low, high + 1)))
    if "multipleOf" in fragment:
        raise PlanError(
            f"field {name!r} is a multiple within a range of more than {LISTED}",
            hint="Narrow the bounds, or leave multiple_of out.",
            field=name,
        )
    return FieldSpec(name, "integer", minimum=low, maximum=high)


def _decimal(name: str, fragment: Fragment, places: int) -> FieldSpec:
    step = Decimal(1).scaleb(-places)
    bounds = _bounds(fragment, step)
    if bounds is None or not 1 <= places <= MOST_PLACES:
        what = f"decimal without two bounds and one to {MOST_PLACES} places, or with no number between its bounds"
        raise _unbounded(name, what, "ge=30, le=45, places=1")
    low, high = bounds[0].quantize(step, "ROUND_CEILING"), bounds[1].quantize(step, "ROUND_FLOOR")
    if low > high:
        raise _unbounded(name, "decimal with no number between its bounds", "ge=30, le=45, places=1")
    if (high - low) / step < LISTED:
        count = int((high - low) / step) + 1
        return FieldSpec(name, "decimal", tuple(float(low + n * step) for n in range(count)), places=places)
    if "multipleOf" in fragment:
        raise PlanError(
            f"field {name!r} is a multiple within a range of more than {LISTED}",
            hint="Narrow the bounds, or leave multiple_of out.",
            field=name,
        )
    return FieldSpec(name, "decimal", minimum=low, maximum=high, places=places)


def _date(name: str, extra: Fragment) -> FieldSpec:
    first = date.fromisoformat(extra.get("earliest", EARLIEST.isoformat()))
    last = date.fromisoformat(extra.get("latest", LATEST.isoformat()))
    if not EARLIEST <= first <= last <= LATEST:
        raise _unbounded(
            name, f"date whose bounds are crossed or outside {EARLIEST} to {LATEST}", "ge=date(2020, 1, 1)"
        )
    return FieldSpec(name, "date", minimum=first.toordinal(), maximum=last.toordinal())


def _text(name: str, fragment: Fragment, extra: Fragment) -> FieldSpec:
    low, high = fragment.get("minLength", 0), fragment.get("maxLength")
    if high is None or low > high:
        raise _unbounded(name, "text without a greatest length, or with one below its least", "max_length=200")
    return FieldSpec(name, "quote" if extra.get("quote") else "text", minimum=low, maximum=high)


def _unbounded(name: str, what: str, bounds: str) -> PlanError:
    return PlanError(
        f"field {name!r} is a {what}",
        hint=f"Bound it: {name}: ... = Field({bounds}); or pass decoding='outlines', which generates token by token.",
        field=name,
    )
