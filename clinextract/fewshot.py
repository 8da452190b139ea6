"""Which examples a model is shown: chosen from a pool, and never the transcript that is asked for.

An example that is nearly the same text as the transcript would give the answer away. It is left out for that
transcript, together with its renderings in other languages, and the next one takes its place.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import BaseModel

from clinextract.errors import DataError, ExtraNotInstalled, SchemaError
from clinextract.examples import Example, misfit, mistakes_of
from clinextract.io import open_table
from clinextract.prompts import prompt_language
from clinextract.records import Document
from clinextract.text import language_of, normalise

Choose = Literal["fixed", "random", "similar"]

SEQUENCE = 10
"""Texts are compared by their sequences of so many letters: about two words."""
NEARLY = 0.2
"""Two texts are nearly the same where they share at least this part of the shorter one's sequences. Of two different
calls in `examples/train_default_model/calls` it is at most 0.15, of two versions of one call at least 0.23."""
NEAREST = 5
"""Where examples are both similar and balanced, they are chosen among so many times as many as are shown."""

_DIGITS = re.compile(r"\d+")


class ExampleChooser(Protocol):
    """Chooses the examples for a transcript."""

    @property
    def pool(self) -> Sequence[Example]:
        """All that it may choose, to be held against the schema before anything is asked."""

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that change when for some transcript the choice may."""

    def __call__(self, document: Document, language: str) -> tuple[Example, ...]:
        """The examples for a document in the order in which they are shown.

        Args:
            document: What is asked for, as the model reads it: translated, where it was.
            language: ISO 639-1 code of its text.
        """


class FewShot:
    """Chooses examples from a pool.

    Examples in the transcript's language come before those in the prompt's, and those before others. Left out for a
    transcript are examples with its `id`; those whose text equals, contains, is contained in or nearly equals it, or
    what it was translated from, whatever the spaces, half-spaces, keyboards, punctuation and digits (`NEARLY`); and
    those of the same `pair` as one of these. No two examples of a prompt are of the same pair or nearly the same.

    Args:
        pool: Examples of one schema; `Extractor` holds all of them against it.
        choose: "fixed", the first ones; "random", drawn with a seed, the same for all transcripts; "similar", the most
            similar to the transcript by the cosine of TF-IDF weights of character sequences, the most similar last.
        count: How many; fewer are shown where no more are left.
        seed: Of "random". Which are drawn does not depend on the pool's order, and one that is left out or taken from
            the pool changes nothing of the rest.
        balance: Whether to prefer examples that together show every field both present and absent, as far as the pool
            has such: greedily the one that adds most, of equals the one that comes first as `choose` says. Of similar
            ones only the `NEAREST` times `count` most similar are considered.

    Raises:
        ValueError: The pool is empty, `count` is below 1, or `choose` is unknown.
        SchemaError: A transcript is there twice with different answers.
        ExtraNotInstalled: "similar" needs scikit-learn.
    """

    def __init__(
        self,
        pool: Sequence[Example],
        *,
        choose: Choose = "fixed",
        count: int = 3,
        seed: int = 0,
        balance: bool = False,
    ) -> None:
        if not pool or count < 1:
            raise ValueError("there must be at least one example in the pool, and one to show")
        if choose not in _RANKINGS:
            raise ValueError(f"choose is one of {', '.join(_RANKINGS)}, not {choose!r}")
        self.pool = tuple(pool)
        self.choose, self.count, self.seed, self.balance = choose, count, seed, balance
        self._members = _distinct(self.pool)
        self._mates: dict[str, list[_Member]] = defaultdict(list)
        for member in self._members:
            if member.example.pair:
                self._mates[member.example.pair].append(member)
        self._rank = _RANKINGS[choose](self._members, seed)
        self._usual: dict[str, list[_Member]] = {}

    def __repr__(self) -> str:
        return f"FewShot({len(self.pool)} examples, choose={self.choose!r}, count={self.count}, seed={self.seed})"

    def __call__(self, document: Document, language: str | None = None) -> tuple[Example, ...]:
        """The examples for a document, in the order in which they are shown.

        Args:
            document: What is asked for.
            language: ISO 639-1 code of its text; None for the document's own, or to have it found out.
        """
        language = language or document.language or language_of(document.text)
        told = _Told(document)
        if self.choose == "similar":
            chosen = self._chosen(told, self._groups(told, language))[::-1]
        else:
            chosen = self._usually(language)
            if any(self._gives_away(member, told) for member in chosen):
                chosen = self._chosen(told, self._groups(None, language))
        if self.choose == "fixed":
            chosen = sorted(chosen, key=lambda member: member.number)
        return tuple(member.example for member in chosen)

    @cached_property
    def fingerprint(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 over the pool and how it is chosen from."""
        settings = [self.choose, self.count, self.seed, self.balance]
        pool = [[one.transcript, _spelled(one.answer), one.id, one.pair, one.language] for one in self.pool]
        return hashlib.sha256(json.dumps([settings, pool]).encode()).hexdigest()[:16]

    def _usually(self, language: str) -> list[_Member]:
        """The choice for a transcript that has nothing to do with the pool."""
        if language not in self._usual:
            self._usual[language] = self._chosen(None, self._groups(None, language))
        return self._usual[language]

    def _groups(self, told: _Told | None, language: str) -> list[list[_Member]]:
        """The pool by language, the transcript's first, each in the order of preference."""
        groups: list[list[_Member]] = [[], [], []]
        for member in self._rank(told.words[0] if told else None):
            place = 0 if member.language == language else 1 if member.language == prompt_language(language) else 2
            groups[place].append(member)
        return groups

    def _chosen(self, told: _Told | None, groups: Sequence[list[_Member]]) -> list[_Member]:
        """Take the best candidate again and again; it counts unless it gives something away."""
        chosen: list[_Member] = []
        shown: set[tuple[str, bool]] = set()
        for candidates in groups:
            while candidates and len(chosen) < self.count:
                member = candidates.pop(self._best(candidates, shown))
                if told is not None and self._gives_away(member, told):
                    continue
                if any(member.repeats(other) for other in chosen):
                    continue
                chosen.append(member)
                shown |= member.shows
        return chosen

    def _best(self, candidates: Sequence[_Member], shown: set[tuple[str, bool]]) -> int:
        """The place of the candidate that adds most to what is shown; the first, where that does not matter."""
        if not self.balance:
            return 0
        among = candidates[: NEAREST * self.count] if self.choose == "similar" else candidates
        return max(range(len(among)), key=lambda place: (len(among[place].shows - shown), -place))

    def _gives_away(self, member: _Member, told: _Told) -> bool:
        """Whether an example, or its rendering in another language, is the transcript."""
        pair = member.example.pair
        return any(told.gives(one) for one in (self._mates[pair] if pair else [member]))


def read_examples(path: str | Path, schema: type[BaseModel]) -> tuple[Example, ...]:
    """Read a pool of examples, and hold each of them against the schema.

    Args:
        path: JSON Lines, one example a line: `transcript`, and `answer` or, as in a labelled corpus, `labels`; `id`,
            `pair` and `language` where they are known. Other keys are passed over.
        schema: The schema that the answers are of.

    Raises:
        DataError: The file cannot be read, or a line is no example; the error names the line.
        SchemaError: An example does not fit the schema; the error names its line.
    """
    table = open_table(path)
    numbers, examples = [], []
    for number, row in table:
        examples.append(_example(row, f"line {number} of {table.path.name!r}"))
        numbers.append(number)
    if not examples:
        raise DataError(f"{table.path.name!r} holds no examples", hint="Write one a line.")
    for place, mistakes in mistakes_of(schema, examples):
        raise misfit(f"the example in line {numbers[place - 1]} of {table.path.name!r}", schema, mistakes)
    return tuple(examples)


def _example(row: Mapping[str, Any], where: str) -> Example:
    answer = row.get("answer", row.get("labels"))
    if not isinstance(row.get("transcript"), str) or not isinstance(answer, Mapping):
        raise DataError(
            f"{where} is no example",
            hint='Write {"transcript": "...", "answer": {"field": value, ...}}; "labels" stands for "answer" as well.',
        )
    known = {key: str(row[key]) for key in ("id", "pair", "language") if row.get(key) is not None}
    return Example(row["transcript"], answer, **known)


class _Words:
    """A text as it is compared with others: letters and digits alone, each run of digits as one sign."""

    def __init__(self, text: str) -> None:
        self.text = normalise(text).text.strip()
        folded = _DIGITS.sub("0", self.text.casefold())
        self.key = "".join(character for character in folded if character.isalnum())

    @cached_property
    def sequences(self) -> frozenset[str]:
        """All sequences of `SEQUENCE` letters."""
        last = max(len(self.key) - SEQUENCE + 1, 1)
        return frozenset(self.key[start : start + SEQUENCE] for start in range(last))

    def nearly(self, other: _Words) -> bool:
        """Whether one text equals, contains or nearly equals the other."""
        if not self.key or not other.key:
            return self.text == other.text
        if self.key in other.key or other.key in self.key:
            return True
        few = min(len(self.sequences), len(other.sequences))
        return len(self.sequences & other.sequences) >= NEARLY * few


@dataclass(frozen=True, eq=False)
class _Member:
    """An example of the pool, and its number there."""

    number: int
    example: Example

    @cached_property
    def words(self) -> _Words:
        return _Words(self.example.transcript)

    @cached_property
    def language(self) -> str:
        return self.example.language or language_of(self.words.text)

    @cached_property
    def shows(self) -> frozenset[tuple[str, bool]]:
        """For every field, whether it is present."""
        return frozenset((name, not _is_absent(value)) for name, value in self.example.answer.items())

    def repeats(self, other: _Member) -> bool:
        """Whether the two are the same call."""
        return bool(self.example.pair and self.example.pair == other.example.pair) or self.words.nearly(other.words)


class _Told:
    """What must not be given away: a document, and what it was translated from."""

    def __init__(self, document: Document) -> None:
        texts = [document.text, *([document.origin.text] if document.origin else [])]
        self.words = [_Words(text) for text in texts]
        self._id = document.id

    def gives(self, member: _Member) -> bool:
        """Whether an example is this document."""
        example = member.example
        return self._id in {example.id, example.pair} or any(member.words.nearly(words) for words in self.words)


def _is_absent(value: Any) -> bool:
    return value is None or value is False or value in ([], (), "")


def _spelled(answer: Mapping[str, Any]) -> str:
    return json.dumps(answer, sort_keys=True, default=str)


def _distinct(pool: Sequence[Example]) -> list[_Member]:
    """The pool without what is there twice."""
    members: dict[str, _Member] = {}
    for number, example in enumerate(pool, 1):
        member = _Member(number, example)
        other = members.setdefault(member.words.text, member)
        if _spelled(other.example.answer) != _spelled(example.answer):
            raise SchemaError(
                f"examples {other.number} and {number} have the same transcript and different answers",
                hint="Keep the one that is right.",
            )
    return list(members.values())


_Ranking = Callable[[_Words | None], Sequence[_Member]]


def _as_given(members: Sequence[_Member], _: int) -> _Ranking:
    return lambda _words: members


def _drawn(members: Sequence[_Member], seed: int) -> _Ranking:
    """In an order that the seed and each text alone decide: a draw without replacement, whatever is left out."""
    order = sorted(members, key=lambda member: _digest(f"{seed} {member.words.text}"))
    return lambda _words: order


def _by_similarity(members: Sequence[_Member], _: int) -> _Ranking:
    """By the cosine of TF-IDF weights of sequences of three to five characters within words."""
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415 - optional, and takes a second
    except ImportError:
        raise ExtraNotInstalled(
            "choosing examples by similarity needs scikit-learn", hint="pip install 'clinextract[evaluate]'"
        ) from None
    # In an order of their own, so that sums do not depend on the pool's.
    order = sorted(members, key=lambda member: _digest(member.words.text))
    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True)
    weights = vectorizer.fit_transform([member.words.text for member in order])

    def ranked(words: _Words | None) -> Sequence[_Member]:
        likeness = (weights @ vectorizer.transform([words.text if words else ""]).T).toarray()[:, 0].round(9)
        return [order[place] for place in (-likeness).argsort(kind="stable")]

    return ranked


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


_RANKINGS: Mapping[str, Callable[[Sequence[_Member], int], _Ranking]] = {
    "fixed": _as_given,
    "random": _drawn,
    "similar": _by_similarity,
}
