"""Rules between fields: what one answer implies or excludes of others, as constraints that decoding keeps.

A rule speaks of a field's *heads*: for a field with listed alternatives they are the alternatives; for any other they
are "none" and "present". So whatever is generated freely is decided, as far as rules go, before it begins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from clinextract.errors import SchemaError
from clinextract.schema.specs import FieldSpec, Json

Picks = Mapping[str, int]
"""By field, the number of the head that it has."""
_Domains = dict[str, frozenset[int]]
NONE, PRESENT = "none", "present"


def heads(field: FieldSpec) -> tuple[str, ...]:
    """The heads of a field, spelled as a schema's author writes them."""
    if field.listed:
        return tuple(map(_spelled, field.values))
    return (NONE, PRESENT) if _may_be_absent(field) else (PRESENT,)


def head_of(field: FieldSpec, value: Json) -> int:
    """The number of the head that a value of the field has."""
    if field.listed:
        return [repr(one) for one in field.values].index(repr(value))
    return len(heads(field)) - 1 if not field.absent(value) else 0


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that holds of one field.

    Attributes:
        field: Its name.
        heads: Numbers of the heads for which it holds.
    """

    field: str
    heads: frozenset[int]


@dataclass(frozen=True, slots=True)
class Rule:
    """Where `when` holds, `then` holds.

    Attributes:
        text: The rule in words, for messages.
    """

    when: Condition
    then: Condition
    text: str


class Rules:
    """The rules of a schema.

    Args:
        fields: The schema's fields, with `implies` and `excludes` as their author gave them.

    Raises:
        SchemaError: A rule names a field or a value that is not there, or the rules contradict each other: then a field
            could never have one of its values.
    """

    def __init__(self, fields: Sequence[FieldSpec]) -> None:
        self._fields = {field.name: field for field in fields}
        self._rules = tuple(rule for field in fields for rule in self._of(field))
        self._check()

    def __bool__(self) -> bool:
        return bool(self._rules)

    def __iter__(self) -> Iterator[Rule]:
        return iter(self._rules)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The fields that rules speak of, in the schema's order."""
        spoken = {condition.field for rule in self._rules for condition in (rule.when, rule.then)}
        return tuple(name for name in self._fields if name in spoken)

    def broken(self, values: Mapping[str, Json]) -> tuple[str, ...]:
        """The rules that an answer breaks, in words."""
        picks = {name: head_of(self._fields[name], values[name]) for name in self.names if name in values}
        return tuple(
            rule.text
            for rule in self._rules
            if picks.get(rule.when.field) in rule.when.heads
            and rule.then.field in picks
            and picks[rule.then.field] not in rule.then.heads
        )

    def allowed(self, name: str, picks: Picks) -> npt.NDArray[np.bool_]:
        """Which heads of a field leave an answer that keeps all rules, given what is decided; shape (heads,)."""
        count = len(heads(self._fields[name]))
        if name not in self.names:
            return np.ones(count, dtype=bool)
        decided = {other: frozenset([pick]) for other, pick in picks.items() if other in self.names}
        return np.array([self._extends({**decided, name: frozenset([head])}) for head in range(count)], dtype=bool)

    def best(self, preferences: Mapping[str, npt.NDArray[np.float64]], picks: Picks | None = None) -> dict[str, int]:
        """The heads that keep all rules and have the greatest total preference.

        Args:
            preferences: For every field that rules speak of, a score for each head, such as its log-probability.
            picks: What is decided already; together with it the rules can be kept.
        """
        order = [name for name in self.names if name in preferences]
        found: dict[str, int] = {}
        most = -np.inf

        def search(at: int, domains: _Domains, total: float) -> None:
            nonlocal found, most
            rest = sum(max(float(preferences[name][head]) for head in domains[name]) for name in order[at:])
            if total + rest <= most:
                return
            if at == len(order):
                found, most = {name: next(iter(domains[name])) for name in order}, total
                return
            name = order[at]
            for head in sorted(domains[name], key=lambda head: -float(preferences[name][head])):
                narrowed = self._propagated({**domains, name: frozenset([head])}, [name])
                if narrowed is not None:
                    search(at + 1, narrowed, total + float(preferences[name][head]))

        decided = {name: frozenset([pick]) for name, pick in (picks or {}).items() if name in self.names}
        start = self._propagated(self._domains(decided))
        assert start is not None  # checked when the rules were made, and by who decided
        search(0, start, 0.0)
        return found

    def _of(self, field: FieldSpec) -> Iterator[Rule]:
        for verb, given in (("implies", field.implies), ("excludes", field.excludes)):
            for value, conditions in given.items():
                when = self._condition(f"{field.name}={value}" if value else field.name, field.name)
                for written in conditions:
                    then = self._condition(written, field.name)
                    if verb == "excludes":
                        every = range(len(heads(self._fields[then.field])))
                        then = Condition(then.field, frozenset(every) - then.heads)
                    yield Rule(when, then, f"{field.name}{f'={value}' if value else ''} {verb} {written}")

    def _condition(self, written: str, owner: str) -> Condition:
        negated = written.startswith("not ")
        name, equals, value = written.removeprefix("not ").strip().partition("=")
        field = self._fields.get(name.strip())
        if field is None:
            raise _unknown(owner, f"there is no field {name.strip()!r}", self._fields)
        spelled = heads(field)
        if equals and value.strip() not in spelled:
            raise _unknown(owner, f"{name!r} has no value {value.strip()!r}", spelled)
        if equals:
            chosen = {spelled.index(value.strip())}
        elif field.listed:
            chosen = {n for n, one in enumerate(field.values) if not field.absent(one)}
        else:
            chosen = {spelled.index(PRESENT)}
        every = set(range(len(spelled)))
        return Condition(field.name, frozenset(every - chosen if negated else chosen))

    def _check(self) -> None:
        for name in self.names:
            for head, spelled in enumerate(heads(self._fields[name])):
                if not self._extends({name: frozenset([head])}):
                    involved = [r.text for r in self._rules if name in (r.when.field, r.then.field)]
                    raise SchemaError(
                        f"the rules contradict each other: {name!r} could never be {spelled!r} ({'; '.join(involved)})",
                        hint="Take one of these rules out, or the value.",
                        field=name,
                    )

    def _domains(self, decided: Mapping[str, frozenset[int]]) -> _Domains:
        return {name: decided.get(name, frozenset(range(len(heads(self._fields[name]))))) for name in self.names}

    def _extends(self, decided: Mapping[str, frozenset[int]]) -> bool:
        """Whether some answer keeps all rules and has these heads: search with arc consistency (Mackworth 1977)."""
        waiting = [self._propagated(self._domains(decided))]
        while waiting:
            domains = waiting.pop()
            if domains is None:
                continue
            name = next((name for name in self.names if len(domains[name]) > 1), None)
            if name is None:
                return True
            waiting += [
                self._propagated({**domains, name: frozenset([head])}, [name]) for head in sorted(domains[name])[::-1]
            ]
        return False

    def _propagated(self, domains: _Domains, changed: Sequence[str] | None = None) -> _Domains | None:
        """The domains without heads that no answer can have; None where nothing is left of one.

        Args:
            domains: By field, the heads that it may still have.
            changed: The fields that have lost some since the last time; None for all.
        """
        domains = dict(domains)
        waiting = list(self.names if changed is None else changed)
        while waiting:
            for when, then in self._reasons.get(waiting.pop(), ()):
                if domains[when.field] <= when.heads and not domains[then.field] <= then.heads:
                    domains[then.field] &= then.heads
                    waiting.append(then.field)
                    if not domains[then.field]:
                        return None
        return domains

    @cached_property
    def _reasons(self) -> Mapping[str, Sequence[tuple[Condition, Condition]]]:
        """By field, what follows where it is decided: each rule, and the same read backwards."""
        reasons: dict[str, list[tuple[Condition, Condition]]] = {name: [] for name in self.names}
        for rule in self._rules:
            reasons[rule.when.field].append((rule.when, rule.then))
            reasons[rule.then.field].append((self._negated(rule.then), self._negated(rule.when)))
        return reasons

    def _negated(self, condition: Condition) -> Condition:
        every = frozenset(range(len(heads(self._fields[condition.field]))))
        return Condition(condition.field, every - condition.heads)


def _may_be_absent(field: FieldSpec) -> bool:
    return field.nullable or (field.kind in {"several", "list"} and field.minimum == 0)


def _spelled(value: Json) -> str:
    if value is None:
        return NONE
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _unknown(owner: str, what: str, known: Sequence[str] | Mapping[str, FieldSpec]) -> SchemaError:
    return SchemaError(
        f"a rule of {owner!r} cannot be read: {what}",
        hint=f'A rule names "field", "not field" or "field=value"; known here: {", ".join(list(known)[:20])}.',
        field=owner,
    )
