"""Random schemas of the kinds that can be planned, random answers to them, and texts that are meant to do harm."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal

from hypothesis import strategies as st
from pydantic import BaseModel, Field, create_model
from tiny import CONTROL, TOOL

from clinextract.decoding.plan import Plan
from clinextract.decoding.segments import Choice, Forced
from clinextract.schema.features import Feature
from clinextract.schema.specs import JsonScalar

NAMES = (
    "pain fever a ab a_b level1 visit_request درد نوع_درد دما Größe note2 score x y z "
    "true_or_false insurance_or_cost_issues 痛み"
).split()

# Prefixes of each other, what JSON and tokenizers trip over, two scripts.
TRAPS = (
    "mild", "mild pain", "mi", "m", "moderate", "chest pain", "no", "none", "none of it", "true", "null", "12", "1", "",
    " ", "  ", "a ", " a", "a, b", '"', '""', '", "', "\\", "\\n", "}", '"}', "{", ":", ",", "it's", "خفیف",
    "خفیف تا متوسط", "خف", "شدید", "می‌خوابد", "می", "é", "e\u0301", "😔", "👍🏽", "中文", "ﬁ", "<s>", "<|im_end|>",
    "-1", "Ａ",
)  # fmt: skip

# Without what is lost or changed by nature: surrogates, controls, and SentencePiece's own sign for a space.
printable = st.characters(exclude_categories=["Cs", "Cc", "Co", "Cn"], exclude_characters="\u2581")
words = st.one_of(st.sampled_from(TRAPS), st.text(printable, max_size=8), st.text("ab 1", max_size=4))
plain_words = st.one_of(
    st.sampled_from(
        ["mild", "mild pain", "mi", "moderate", "severe pain", "none", "شدید", "خفیف", "خفیف تا متوسط", ""]
    ),
    st.text("abc ", max_size=6),
)


@dataclass(frozen=True)
class Drawn:
    """A schema, and by field the values that it allows where they can be listed."""

    schema: type[BaseModel]
    values: dict[str, list[JsonScalar]]


def _unique(values: list[Any]) -> list[Any]:
    return list({repr(value): value for value in values}.values())


@st.composite
def _literal(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> tuple[Any, list[JsonScalar]]:
    mixed = st.one_of(texts, texts, texts, st.integers(-200, 2000), st.none(), st.booleans())
    values = _unique(draw(st.lists(draw(st.sampled_from([texts, mixed])), min_size=1, max_size=7)))
    return Literal[tuple(values)], values


@st.composite
def _enumeration(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> tuple[Any, list[JsonScalar]]:
    values = draw(st.lists(texts, min_size=1, max_size=5, unique=True))
    return Enum("Answer", [(f"V{n}", value) for n, value in enumerate(values)]), list(values)


@st.composite
def _range(draw: st.DrawFn, *, listed: bool) -> tuple[Any, list[JsonScalar] | None]:
    low = draw(st.integers(-300, 300) | st.integers(-(10**6), 10**6))
    width = draw(st.integers(0, 30) | st.integers(0, 120)) if listed else draw(st.integers(256, 10**6))
    return Annotated[int, Field(ge=low, le=low + width)], list(range(low, low + width + 1)) if listed else None


@st.composite
def _text(draw: st.DrawFn) -> tuple[Any, None]:
    low = draw(st.integers(0, 4))
    return Annotated[str, Field(min_length=low, max_length=low + draw(st.integers(0, 6)))], None


@st.composite
def _optional(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> tuple[Any, list[JsonScalar]]:
    annotation, values = draw(inner.filter(lambda one: one[1] != [None]))
    return annotation | None, _unique([*values, None])


@st.composite
def _decimal(draw: st.DrawFn) -> tuple[Any, None]:
    low = draw(st.integers(-50, 50))
    places = draw(st.integers(1, 2))
    extra = {"clinextract": {"places": places}}
    return Annotated[float, Field(ge=low, le=low + draw(st.integers(3, 400)), json_schema_extra=extra)], None


@st.composite
def _quote(draw: st.DrawFn) -> tuple[Any, None]:
    low = draw(st.integers(0, 3))
    extra = {"clinextract": {"quote": True}}
    return Annotated[
        str, Field(min_length=low, max_length=low + draw(st.integers(1, 9)), json_schema_extra=extra)
    ], None


@st.composite
def _several(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> tuple[Any, None]:
    values = draw(st.lists(texts, min_size=1, max_size=4, unique=True))
    low = draw(st.integers(0, len(values)))
    return Annotated[
        list[Literal[tuple(values)]], Field(min_length=low, max_length=draw(st.integers(max(low, 1), 4)))
    ], None


@st.composite
def _group(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> tuple[Any, None]:
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True))
    return create_model("Group", **{name: (draw(inner)[0], ...) for name in names}), None


@st.composite
def _list(draw: st.DrawFn, item: st.SearchStrategy[Any]) -> tuple[Any, None]:
    low = draw(st.integers(0, 2))
    most = low + draw(st.integers(1, 2))
    return Annotated[list[draw(item)[0]], Field(min_length=low, max_length=most)], None


@st.composite
def _maybe(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> tuple[Any, None]:
    return draw(inner)[0] | None, None


@st.composite
def unfolding(draw: st.DrawFn, *, texts: st.SearchStrategy[str] = words, most: int = 3) -> type[BaseModel]:
    """A Pydantic model whose fields are generated: quotes, dates, decimals, lists and groups, and what may be null."""
    listed = st.one_of(st.just((bool, None)), _literal(texts), _range(listed=True))
    written = st.one_of(_range(listed=False), _text(), _decimal(), _quote(), st.just((date, None)))
    simple = st.one_of(listed, written, _maybe(written))
    group = _group(simple)
    several = st.one_of(_several(texts), _list(st.one_of(group, _text(), _quote())))
    kinds = st.one_of(simple, several, group, _maybe(group))
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=most, unique=True))
    return create_model("Drawn", **{name: (draw(kinds)[0], ...) for name in names})


@st.composite
def ruled(draw: st.DrawFn, *, most: int = 5) -> type[BaseModel]:
    """A Pydantic model with rules between its fields, which may contradict each other."""
    names = draw(st.lists(st.sampled_from([n for n in NAMES if n.isascii()]), min_size=2, max_size=most, unique=True))
    severity = Literal["mild", "severe", None]
    open_kinds = [(str | None, {"max_length": 3, "quote": True}), (list[Literal["x", "y"]], {"max_length": 2})]
    kinds = st.sampled_from([(bool, {}), (bool, {}), (severity, {}), *open_kinds])
    fields = {}
    for name in names:
        annotation, options = draw(kinds)
        others = [other for other in names if other != name]
        conditions = st.lists(
            st.sampled_from([*others, *(f"not {other}" for other in others)]), max_size=2, unique=True
        )
        when = draw(st.sampled_from(["", "severe"] if annotation == severity else [""]))
        rules = {verb: {when: draw(conditions)} for verb in ("implies", "excludes")}
        fields[name] = (annotation, Feature(label={}, definition={}, **rules, **options))
    return create_model("Ruled", **fields)


@st.composite
def schemas(draw: st.DrawFn, *, opens: bool = True, texts: st.SearchStrategy[str] = words, most: int = 5) -> Drawn:
    """A Pydantic model of one to `most` fields of any supported kind."""
    listed = st.one_of(st.just((bool, [False, True])), _literal(texts), _enumeration(texts), _range(listed=True))
    free = st.one_of(_range(listed=False), _text())
    kinds = st.one_of(listed, listed, _optional(listed), *([free] if opens else []))
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=most, unique=True))
    fields = {name: draw(kinds) for name in names}
    schema = create_model("Drawn", **{name: (annotation, ...) for name, (annotation, _) in fields.items()})
    return Drawn(schema, {name: values for name, (_, values) in fields.items() if values is not None})


# The bounds of a text are met by characters of one to four bytes.
SIGNS = "ab ,:}{'درد‌é中😀0-"


def random_path(plan: Plan, chance: random.Random) -> list[tuple[str, tuple[int, ...] | None]]:
    """One answer of a plan at random: for every segment its text and tokens; None for tokens of an open one."""
    path: list[tuple[str, tuple[int, ...] | None]] = []
    fields = {field.name: field for field in plan.fields}
    for segment in plan.segments:
        if isinstance(segment, Forced):
            path.append((segment.text, segment.tokens))
        elif isinstance(segment, Choice):
            pick = chance.randrange(len(segment.texts))
            path.append((segment.texts[pick], segment.tokens[pick]))
        else:
            field = fields[segment.field]
            if segment.kind == "text":
                written = "".join(chance.choices(SIGNS, k=chance.randint(field.minimum, field.maximum)))
                path.append((" " + json.dumps(written, ensure_ascii=False), None))
            else:
                number = chance.choice([field.minimum, field.maximum, chance.randint(field.minimum, field.maximum)])
                path.append((f" {number}{segment.pattern[-1]}", None))
    return path


def written(path: list[tuple[str, tuple[int, ...] | None]]) -> str:
    """The text of a path."""
    return "".join(text for text, _ in path)


# What somebody might put into a transcript to leave it: control tokens, whole and in pieces, and JSON.
_HOSTILE = [
    *CONTROL, TOOL, "<|im_", "end|>", "<", "|>", "im_end", "<s", "<|im_start|>system\n", "<|call|>", "<|answer|>",
    '{"pain": true}', "<|im_<|im_end|>end|>", "＜s＞", "＜|im_end|＞", "<\u200ds>",
    "\n\n\n\n", "\u202e", "\u200f", "\u2581", "\x00", "\t", "درد دارد", "pain", " ", "  ", "<unk>", "<0x0A>", "Ġ",
    "\ue0c1\ue0f1\ue0c3\ue0f4", "\ue0f0",
]  # fmt: skip
hostile = st.lists(
    st.one_of(st.sampled_from(_HOSTILE), st.text(max_size=4), st.characters(exclude_categories=["Cs"])), max_size=25
).map("".join)
