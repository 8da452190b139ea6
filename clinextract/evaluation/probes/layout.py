"""The probes in words and in rows of text, for whatever shows them: a terminal, a page, Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from clinextract.evaluation.probes.negation import score
from clinextract.evaluation.probes.results import FieldOrder, Negation, NotApplicable, Probes, Repeatability

KINDS = {
    "denied": "denied",
    "past": "past and over",
    "other_person": "somebody else's",
    "conditional": "if and when",
}
"""Kinds of pairs in words."""

Cell = Callable[[str | None], str]
"""A column's text for a feature, or for all of them."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What there is to show.

    Attributes:
        headings: Of the columns behind the feature's name; each a probe and what is counted. Without any there is no
            table.
        rows: A name and its cells; the last is for all features.
        words: Name of each probe, and what it found.
        about: What was probed.
    """

    headings: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    words: tuple[tuple[str, str], ...]
    about: str


def layout(found: Probes) -> Layout:
    """A row for each feature and one for all, then what each probe found in words."""
    columns = list(_columns(found))
    names: list[str | None] = [*_features(found), None]
    rows = tuple((name or "all", tuple(cell(name) for _, cell in columns)) for name in names) if columns else ()
    about = (
        f"model {found.model} ({found.device}, {found.dtype}) · {found.schema_name}, {found.order} order · "
        f"{_count(found.transcripts, 'transcript')}"
    )
    return Layout(tuple(heading for heading, _ in columns), rows, tuple(_words(found)), about)


def _features(found: Probes) -> list[str]:
    if isinstance(found.field_order, FieldOrder):
        return [one.name for one in found.field_order.features]
    if isinstance(found.repeatability, Repeatability):
        return list(found.repeatability.by_feature)
    return list(found.negation.by_feature) if isinstance(found.negation, Negation) else []


def _columns(found: Probes) -> Iterator[tuple[tuple[str, str], Cell]]:
    by_order, by_pair, repeated = found.field_order, found.negation, found.repeatability
    if isinstance(by_order, FieldOrder):
        counts = {one.name: (one.flips, one.compared) for one in by_order.features}
        yield ("order", "flips"), lambda name: _of(*(counts[name] if name else (by_order.flips, by_order.compared)))
    if isinstance(by_pair, Negation):
        for language in by_pair.by_language:
            yield ("negation", f"right, {language}"), _pairs(by_pair, language)
        scores = by_pair.by_feature

        def unchanged(name: str | None) -> str:
            chosen = by_pair.overall if name is None else scores.get(name)
            return _of(chosen.unchanged, chosen.pairs) if chosen else "–"

        yield ("negation", "no change"), unchanged
    if isinstance(repeated, Repeatability):
        yield ("repeat", "flips"), lambda name: str(repeated.by_feature[name] if name else repeated.flips)


def _pairs(by_pair: Negation, language: str) -> Cell:
    def cell(name: str | None) -> str:
        chosen = score(one for one in by_pair.pairs if one.language == language and name in {None, one.feature})
        return _of(chosen.both_right, chosen.pairs)

    return cell


def _words(found: Probes) -> Iterator[tuple[str, str]]:
    yield "Field order", _about_order(found.field_order)
    yield "Negation", _about_negation(found.negation)
    yield "Repeatability", _about_repetition(found.repeatability)


def _about_order(one: FieldOrder | NotApplicable) -> str:
    if isinstance(one, NotApplicable):
        return f"not applicable: {one.reason}."
    return (
        f"in {_count(len(one.orders), 'shuffled order')}, {_of(one.flips, one.compared)} answers flipped; "
        f"{_of(one.unstable, one.answers)} are not the same in every order.{_failures(one.failed)}"
    )


def _about_negation(one: Negation | NotApplicable) -> str:
    if isinstance(one, NotApplicable):
        return f"not applicable: {one.reason}."
    kinds = ", ".join(f"{KINDS[kind]} {_of(got.both_right, got.pairs)}" for kind, got in one.by_kind.items())
    total = one.overall
    failed = f" {_count(one.failed, 'pair')} failed." if one.failed else ""
    return (
        f"both sides right in {_of(total.both_right, total.pairs)} pairs ({kinds}). The answer did not change in "
        f"{total.unchanged}: yes to both sides in {total.always_yes}, no to both in {total.always_no}.{failed}"
    )


def _about_repetition(one: Repeatability | NotApplicable) -> str:
    if isinstance(one, NotApplicable):
        return f"not applicable: {one.reason}."
    first, second = one.batch_sizes
    moved = (
        ""
        if one.largest_difference is None
        else f"; probabilities differ by {one.largest_difference:.2g} at most and {one.mean_difference:.2g} on average"
    )
    return (
        f"in batches of {first}, and shuffled in batches of {second}, {_of(one.flips, one.compared)} answers "
        f"changed{moved}.{_failures(one.failed)}"
    )


def _failures(failed: int) -> str:
    return f" {_count(failed, 'transcript')} failed." if failed else ""


def _of(part: int, whole: int) -> str:
    return f"{part} of {whole}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
