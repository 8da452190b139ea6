"""Outlines is the judge: every path of a plan is accepted by the automaton that it compiles from the schema.

The automaton is built over a vocabulary of single characters, which takes milliseconds where the model's whole
vocabulary takes more than a second; what a path's characters are does not depend on how they are cut into tokens.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from outlines_core import Index, Vocabulary
from outlines_core.json_schema import build_regex_from_schema
from pydantic import BaseModel

from clinextract.decoding.segments import Branch, Choice, Forced, Items, Open, Options, Segment, Unfolding
from clinextract.errors import PlanError
from clinextract.schema.features import json_schema_of

# Of every class that the patterns of open fields tell apart, control characters included, and of one to four bytes.
_SAMPLE = "".join(map(chr, range(161))) + "é\u061fدی\u200c\u2028中😀"

_Way = tuple[str, tuple[int, ...], tuple[Segment, ...]]
"""How an item of a list begins, and its segments behind that."""

# Stands for white space while Outlines writes the pattern: a private-use character, which no schema has.
_GAP = "\ue0f0"
_REFERENCE = re.compile(r'"\$ref": "#/\$defs/([^"]+)"')


def canonical_regex(schema: type[BaseModel]) -> str:
    """The schema's language as a regular expression written by Outlines.

    Every field is required, those of groups too, and one space stands after each colon and comma.

    Raises:
        SchemaError: The schema has no fields, or is none.
        PlanError: Outlines cannot write it.
    """
    json_schema = json_schema_of(schema)
    try:
        _require(json_schema)
        regex: str = build_regex_from_schema(json.dumps(json_schema), whitespace_pattern=_GAP)
    except (ValueError, TypeError, OverflowError) as error:
        raise PlanError(
            f"Outlines cannot compile {schema.__name__}: {type(error).__name__}",
            hint="Use bool, Literal, Enum, a bounded int or a bounded str.",
        ) from None
    # Outlines puts the pattern on both sides of most signs; canonical JSON has its spaces after ":" and "," only.
    for sign in (":", ","):
        regex = regex.replace(f"{_GAP}{sign}{_GAP}", f"{sign} ").replace(f"{sign}{_GAP}", f"{sign} ")
    return regex.replace(_GAP, "")


def judge(segments: Sequence[Segment], regex: str) -> None:
    """Hold every path of a plan against the automaton of a regular expression.

    All paths are walked at once: the automaton's states that any path may have reached are kept, and each of them must
    accept every alternative that follows.

    Raises:
        PlanError: A path is refused; the error names the field.
    """
    walk = _Walk(segments, regex)
    for segment in segments:
        walk.over(segment)
    if not walk.ended():
        raise PlanError(
            "the plan's answer is not a whole answer of the schema",
            hint="Please report this: it is a mistake of clinextract.",
        )


class _Walk:
    """The automaton and the states that the paths so far have reached."""

    def __init__(self, segments: Sequence[Segment], regex: str) -> None:
        # The pattern's own: an index is refused where a state's only way on is by a character that it does not know.
        characters = sorted(set(_SAMPLE).union(regex, *map(_characters, segments)))
        self.ids = {character: number for number, character in enumerate(characters)}
        index = _index(regex, self.ids)
        self.transitions: Mapping[int, Mapping[int, int]] = index.get_transitions()
        self.final = set(index.get_final_states())
        self.states = {index.get_initial_state()}

    def over(self, segment: Segment) -> None:
        match segment:
            case Forced():
                self.states = self._after(segment.text, None)
            case Choice():
                self.states = set().union(*(self._after(text, segment.field) for text in segment.texts))
            case Open():
                self.states = self._after_open(segment)
            case Branch():
                self._over_branch(segment)
            case Items():
                self._over_list(segment, [(*segment.start, segment.item)], [(*segment.more, segment.item)])
            case Options():
                # More than the plan allows: any value at any place, which the schema's automaton accepts as well.
                self._over_list(segment, [(*one, ()) for one in segment.firsts], [(*one, ()) for one in segment.others])

    def _over_branch(self, branch: Branch) -> None:
        start, ends = self.states, set[int]()
        for text, body in zip(branch.choice.texts, branch.bodies, strict=True):
            self.states = start
            self.states = self._after(text, branch.choice.field)
            for segment in body:
                self.over(segment)
            ends |= self.states
        self.states = ends

    def _over_list(self, unfolding: Unfolding, firsts: Sequence[_Way], others: Sequence[_Way]) -> None:
        ends: set[int] = set()
        for count in range(unfolding.maximum + 1):
            start = self.states
            if count >= unfolding.minimum:
                ends |= self._after((unfolding.close if count else unfolding.empty)[0], unfolding.field)
            if count < unfolding.maximum:
                reached: set[int] = set()
                for text, _, body in others if count else firsts:
                    self.states = start
                    self.states = self._after(text, unfolding.field)
                    for segment in body:
                        self.over(segment)
                    reached |= self.states
                self.states = reached
        self.states = ends

    def ended(self) -> bool:
        return self.states <= self.final

    def _after(self, text: str, field: str | None) -> set[int]:
        states = self.states
        for character in text:
            number = self.ids[character]
            states = {self._step(state, number, field) for state in states}
        return states

    def _after_open(self, opened: Open) -> set[int]:
        """The product of the two automata: what the open pattern allows, the schema must allow too."""
        index = _index(opened.regex(), self.ids)
        inner: Mapping[int, Mapping[int, int]] = index.get_transitions()
        final = set(index.get_final_states())
        waiting = [(index.get_initial_state(), state) for state in self.states]
        seen = set(waiting)
        ends: set[int] = set()
        while waiting:
            at, state = waiting.pop()
            if at in final:
                ends.add(state)
                continue
            for number, following in inner.get(at, {}).items():
                if number < len(self.ids):
                    pair = (following, self._step(state, number, opened.field))
                    if pair not in seen:
                        seen.add(pair)
                        waiting.append(pair)
        return ends

    def _step(self, state: int, number: int, field: str | None) -> int:
        following = self.transitions.get(state, {}).get(number)
        if following is None:
            where = "the answer's fixed text" if field is None else f"field {field!r}"
            raise PlanError(
                f"{where} has a value that the schema's automaton refuses",
                hint="Please report this: it is a mistake of clinextract.",
                field=field,
            )
        return following


def _require(json_schema: dict[str, Any]) -> None:
    """Make every field required, of the schema and of all groups."""
    json_schema["required"] = list(json_schema["properties"])
    definitions = json_schema.get("$defs", {})
    for name, definition in definitions.items():
        if "properties" in definition:
            definition["required"] = [
                field
                for field, fragment in definition["properties"].items()
                # What leads back to its own definition may be left out, for the answer to come to an end.
                if field in definition.get("required", ()) or name not in _reached(fragment, definitions)
            ]


def _reached(fragment: Mapping[str, Any], definitions: Mapping[str, Any]) -> set[str]:
    """Names of the definitions that a part of a JSON schema refers to, and that these refer to in turn."""
    found: set[str] = set()
    waiting: list[Any] = [fragment]
    while waiting:
        for name in set(_REFERENCE.findall(json.dumps(waiting.pop()))) - found:
            found.add(name)
            waiting.append(definitions.get(name))
    return found


def _characters(segment: Segment) -> set[str]:
    match segment:
        case Forced():
            return set(segment.text)
        case Choice():
            return set("".join(segment.texts))
        case Branch():
            inner = (one for body in segment.bodies for one in body)
            return set("".join(segment.choice.texts)).union(*map(_characters, inner))
        case Items():
            return set(segment.start[0]).union(*map(_characters, segment.item))
        case Options():
            return set("".join(text for text, _ in segment.firsts))
        case Open():
            return set()


def _index(regex: str, ids: Mapping[str, int]) -> Any:
    return Index(regex, Vocabulary(len(ids), {character: [number] for character, number in ids.items()}))
