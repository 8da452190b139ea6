"""Random schema files, as somebody might write them."""

from __future__ import annotations

import json
from typing import Any

import yaml
from hypothesis import strategies as st

IDS = "pain fever swollen_leg score2 x_1 mobility since Grade medicine help_at_home".split()
TEXTS = (
    "The patient has it.", "yes", "no", "on", "1", "12:30", "2024-01-01", "a: b", "# no note", "- dash", "it's", '"',
    "درد دارد", "می‌خوابد، «نه»", "e\u0301", "{x}", "null", "~", "x" * 90, "words " * 30 + "end", "%", "@a", "&a", "*a",
    "|", ">",
)  # fmt: skip
texts = st.sampled_from(TEXTS) | st.text("ab :#-'\"\\é‌م", min_size=1, max_size=12).filter(lambda t: t.strip() != "")
CODES = ({}, {"ICD-10": "R52"}, {"ICD-10": "R30-R39", "LOINC": "8310-5"}, {"SNOMED CT": "22253000"}, {"local": "x 1"})


@st.composite
def _by_language(draw: st.DrawFn, languages: list[str], values: st.SearchStrategy[Any]) -> Any:
    if draw(st.booleans()):
        return draw(values)
    chosen = draw(st.lists(st.sampled_from(languages), min_size=1, unique=True))
    return {code: draw(values) for code in chosen}


@st.composite
def _kind(draw: st.DrawFn, languages: list[str], *, nested: bool) -> dict[str, Any]:
    kinds = ["yes/no", "choice", "several", "whole number", "decimal", "date", "short text", "quote"]
    kind = draw(st.sampled_from(kinds + ([] if nested else ["group", "groups"])))
    made: dict[str, Any] = {"kind": kind}
    low = draw(st.integers(-50, 400))
    match kind:
        case "choice" | "several":
            unique = draw(st.lists(texts, min_size=1, max_size=5, unique_by=lambda text: " ".join(text.split())))
            made["choices"] = draw(
                st.sampled_from([unique, {text: {languages[0]: f"{n} it"} for n, text in enumerate(unique)}])
            )
        case "whole number":
            made |= {
                "minimum": low,
                "maximum": low + draw(st.integers(0, 999)),
                "unit": draw(st.sampled_from(["mg", "%"])),
            }
        case "decimal":
            made |= {"minimum": low, "maximum": f"{low + 1}.5", "places": draw(st.integers(1, 3))}
        case "date":
            made |= draw(st.sampled_from([{}, {"earliest": "2020-02-29"}, {"latest": "2030-01-01"}]))
        case "short text" | "quote":
            made |= {"max_length": draw(st.integers(1, 300))}
            made |= draw(st.sampled_from([{}, {"max_items": 3}, {"min_items": 1, "max_items": 1}]))
        case "group" | "groups":
            made["fields"] = draw(_features(languages, nested=True))
            made |= {"max_items": draw(st.integers(1, 3))} if kind == "groups" else {}
    if kind not in {"several", "groups"} and "max_items" not in made:
        made |= draw(st.sampled_from([{}, {"optional": "yes"}, {"optional": "no"}]))
    return made


@st.composite
def _features(draw: st.DrawFn, languages: list[str], *, nested: bool = False) -> list[dict[str, Any]]:
    names = draw(st.lists(st.sampled_from(IDS), min_size=1, max_size=3 if nested else 4, unique=True))
    made = []
    for name in names:
        feature = {
            "id": name,
            "definition": draw(_by_language(languages, texts)),
            "codes": draw(st.sampled_from(CODES)),
        }
        feature |= draw(_kind(languages, nested=nested))
        for key in draw(st.lists(st.sampled_from(["counts", "does_not_count", "examples"]), unique=True)):
            feature[key] = draw(_by_language(languages, st.lists(texts, min_size=1, max_size=3)))
        if draw(st.booleans()):
            feature["label"] = draw(_by_language(languages, texts))
        if not nested and draw(st.booleans()):
            feature["merge"] = draw(st.sampled_from(["any", "first", "last"]))
        made.append(feature)
    return made


@st.composite
def files(draw: st.DrawFn) -> str:
    """The text of a file."""
    languages = draw(st.sampled_from([["en"], ["fa"], ["en", "fa"], ["fa", "no"]]))
    features = draw(_features(languages))
    yes_no = [one["id"] for one in features if one["kind"] == "yes/no"]
    if len(yes_no) > 1 and draw(st.booleans()):
        ruled = next(one for one in features if one["id"] == yes_no[0])
        ruled[draw(st.sampled_from(["implies", "excludes"]))] = [yes_no[1]]
    whole = {"name": "my_ward", "version": draw(st.integers(0, 9)), "languages": languages, "features": features}
    # By way of JSON: PyYAML writes what is the same object twice as a reference.
    return yaml.safe_dump(json.loads(json.dumps(whole)), allow_unicode=True)
