"""What is no mistake in a schema, and still may not be what its author meant."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import combinations

from clinextract.errors import Mistake
from clinextract.fewshot import FewShot
from clinextract.schema_files.form import FeatureForm, GroupForm, GroupsForm
from clinextract.schema_files.reading import Draft, Written
from clinextract.text import normalise

ALIKE = 0.6
"""Two definitions overlap where they share at least this part of all words that either has. Among the thirteen of
`palliative_care` no two share more than a fifth."""
PLACEHOLDER = "Write here"
"""How the definition of a feature begins that nobody has defined yet."""
_FEWEST = 4
"""Words that a definition has at least, to be compared."""
_SHORTEST = 4
"""Letters of a word that tells something."""


def doubts(draft: Draft, examples: FewShot | None) -> list[Mistake]:
    """What a schema's author had better look at again; each with its place and what could be done.

    Definitions overlap by the words that they share (the Jaccard index, `ALIKE`); phrases by being the same but for
    case, spaces and keyboards.
    """
    found = [one for feature in draft.features for one in _untranslated(feature, feature.form, (), draft)]
    found += _unwritten(draft.features)
    found += _overlapping(draft.features, draft)
    found += _shared_phrases(draft.features)
    found += _contradictions(draft.features)
    found += _against_examples(draft.features, examples)
    return found


def _untranslated(feature: Written, form: FeatureForm, inner: tuple[str | int, ...], draft: Draft) -> Iterator[Mistake]:
    languages = draft.head.languages if draft.head else []
    for key in ("label", "definition"):
        texts = getattr(form, key)
        missing = [code for code in languages if code not in texts]
        if missing and (texts or key == "definition"):
            told = f"there is none in: {', '.join(missing)}; prompts and reports in that language show another"
            yield feature.mistake(told, "Write it in every language of the file.", *inner, key)
    if isinstance(form, GroupForm | GroupsForm):
        for number, one in enumerate(form.fields):
            yield from _untranslated(feature, one, (*inner, "fields", number), draft)


def _unwritten(features: Sequence[Written]) -> Iterator[Mistake]:
    for one in features:
        for code, text in one.form.definition.items():
            if text.startswith(PLACEHOLDER):
                yield one.mistake("the definition is still to be written", "", "definition", code)


def _overlapping(features: Sequence[Written], draft: Draft) -> Iterator[Mistake]:
    for code in draft.head.languages if draft.head else []:
        words = [(one, _words(one.form.definition.get(code, ""))) for one in features]
        for (first, its), (second, others) in combinations(words, 2):
            if min(len(its), len(others)) >= _FEWEST and len(its & others) >= ALIKE * len(its | others):
                told = f'the definition is nearly that of "{first.form.id}": answers will be hard to tell apart'
                yield second.mistake(
                    told, "Say what the other one is not, or make one feature of the two.", "definition"
                )


def _shared_phrases(features: Sequence[Written]) -> Iterator[Mistake]:
    """Phrases that make two features true."""
    owners: dict[str, Written] = {}
    for one in features:
        for key in ("counts", "examples"):
            for code, phrases in getattr(one.form, key).items():
                for number, phrase in enumerate(phrases):
                    owner = owners.setdefault(_key(phrase), one)
                    if owner is not one:
                        told = f'this phrase stands with "{owner.form.id}" as well'
                        remedy = "That is right only if it means both; else keep it with one of them."
                        yield one.mistake(told, remedy, key, code, number)


def _contradictions(features: Sequence[Written]) -> Iterator[Mistake]:
    for one in features:
        counted = {_key(p) for key in ("counts", "examples") for all_ in getattr(one.form, key).values() for p in all_}
        for code, phrases in one.form.does_not_count.items():
            for number, phrase in enumerate(phrases):
                if _key(phrase) in counted:
                    told = "this phrase is said to count and not to count"
                    yield one.mistake(told, "Keep it in one of the two places.", "does_not_count", code, number)


def _against_examples(features: Sequence[Written], examples: FewShot | None) -> Iterator[Mistake]:
    """Few-shot examples in which the words of a definition and the answer do not agree."""
    for shown, example in enumerate(examples.pool if examples else (), 1):
        words = _key(example.transcript)
        for one in features:
            present = example.answer.get(one.form.id) not in (None, False, [], "")
            refused, counted = _in(one.form.does_not_count, words), _in(one.form.counts, words)
            if present and refused and not counted:
                told = f"example {shown} has a phrase that does not count, and answers that it is present"
                yield one.mistake(told, "Correct the answer, or the phrase.", "does_not_count")
            if not present and counted and not refused:
                told = f"example {shown} has a phrase that counts, and answers that it is not present"
                yield one.mistake(told, "That is right only if the phrase is denied there.", "counts")


def _in(phrases: dict[str, list[str]], words: str) -> bool:
    return any(_key(phrase) in words for some in phrases.values() for phrase in some)


def _key(text: str) -> str:
    return " ".join(normalise(text).text.casefold().split())


def _words(text: str) -> frozenset[str]:
    return frozenset(word for word in re.findall(r"\w+", _key(text)) if len(word) >= _SHORTEST)
