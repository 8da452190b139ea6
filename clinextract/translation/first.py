"""The middleware that puts a translation before an extractor, with the way back to the original's lines."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal, TypeVar

from clinextract.errors import ClinExtractError, TranslationError
from clinextract.records import Document, Origin, language_code
from clinextract.text import language_of, normalise
from clinextract.translation.cache import TranslationCache
from clinextract.translation.checks import CHECKS, has_words
from clinextract.translation.lines import Settings, accepted, translate_lines
from clinextract.translation.loading import load_translator
from clinextract.translation.passages import Passage, assembled, passages
from clinextract.translation.ports import Translator

T = TypeVar("T")

OnFailure = Literal["fail", "original"]
NAMED_LINES = 5
"""Lines that an error names one by one; of more it gives the number."""

_log = logging.getLogger(__name__)


class TranslateFirst:
    """Translates a document into the language that the model reads best, line by line.

    A middleware: `Extractor(middleware=[TranslateFirst("CohereLabs/aya-expanse-8b")])`. It is called with a document
    and gives one whose text is the translation and whose `origin` leads back. A document that is in the target language
    already, or that has an origin, is given back as it is.

    Translating first raised the sensitivity of small models in a study of Persian palliative-care calls; whether it
    does for yours is for `clinextract evaluate` to say.

    Args:
        translator: What translates: a folder or hub name of a chat or sequence-to-sequence model of transformers,
            "http://127.0.0.1:8000/v1#model-name", a `Translator`, or a function from a line to a line.
        target: ISO 639-1 code of the language to translate into.
        on_failure: Whether a document with a line that fails its checks in every attempt fails ("fail") or goes on
            untranslated ("original"); it then has a note, and a warning is logged.
        languages: "both" asks the extractor to read the original too and to mark the answers that differ.
        cache: Whether to keep translations on this machine for the next run, or the folder to keep them in. Off unless
            asked for, since they are patients' words at rest.
        batch_size: Lines that the translator is given at once.
        attempts: How often a line is tried, each time in smaller pieces.
        checks: Names of those of `checks.CHECKS` that hold; by default all.

    Raises:
        ValueError: An argument is none of those named here.
        ModelUnavailable: There is no such translator here.
        ExtraNotInstalled: What it needs is not installed.
        TranslationError: The cache's folder cannot be used.
    """

    def __init__(
        self,
        translator: str | Translator | Callable[[str], str],
        *,
        target: str = "en",
        on_failure: OnFailure = "fail",
        languages: Literal["translation", "both"] = "translation",
        cache: bool | str | Path = False,
        batch_size: int = 16,
        attempts: int = 3,
        checks: Collection[str] = tuple(CHECKS),
    ) -> None:
        _one_of("on_failure", on_failure, ("fail", "original"))
        _one_of("languages", languages, ("translation", "both"))
        for check in checks:
            _one_of("checks", check, tuple(CHECKS))
        if batch_size < 1 or attempts < 1:
            raise ValueError("batch_size and attempts must be at least 1")
        code = language_code(target)
        if code is None:
            raise ValueError("target must be an ISO 639-1 code")
        self.translator = load_translator(translator)
        self.target = code
        self._on_failure = on_failure
        self._compare = languages == "both"
        folder = None if isinstance(cache, bool) else Path(cache).expanduser()
        self._cache = None if cache is False else TranslationCache(folder)
        self._settings = Settings("", code, batch_size, attempts, tuple(checks))

    def __repr__(self) -> str:
        return f"TranslateFirst({self.translator.name!r}, target={self.target!r})"

    def __call__(self, document: Document) -> Document:
        """Translate a document.

        Raises:
            TranslationError: A line failed its checks in every attempt, or the translator does not know the languages.
                With `on_failure="original"` the document is given back with a note instead.
            ModelError: The translator does not answer; as above. What is the user's to mend (a model that is not there)
                is raised in any case.
        """
        source = document.language or language_of(normalise(document.text).text)
        if document.origin is not None or source == self.target:
            return document
        parts = passages(document.text, source, self.target)
        if not any(part.label or part.body for part in parts):  # invisible characters: for the extractor to refuse
            return document
        try:
            translations = self._translated(parts, source)
            text, spans = assembled(document.text, parts, (translations.get(part.body, part.body) for part in parts))
            if not normalise(text).text.strip():  # where no check asks for words
                raise TranslationError(
                    "the translation is empty", hint="Try another translator, and leave the check 'empty' on."
                )
        except ClinExtractError as error:
            error.with_document(document.id)
            if self._on_failure == "fail" or error.usage:
                raise
            _log.warning("document %s goes on untranslated: %s", document.id, error.message)
            return replace(document, notes=(*document.notes, f"not translated: {error.message}"))
        origin = Origin(document.text, source, spans, self._compare)
        by = ", ".join(filter(None, (self.translator.name, self.translator.fingerprint)))
        return Document(text, document.id, self.target, origin, (*document.notes, f"translated from {source} by {by}"))

    def _translated(self, parts: Collection[Passage], source: str) -> dict[str, str]:
        """The translation of every distinct body that has words; the others stay as they are."""
        settings = replace(self._settings, source=source)
        bodies = dict.fromkeys(part.body for part in parts if has_words(part.body, source, self.target))
        depends = {"source": source, "target": self.target, "translator": self.translator.fingerprint}
        cache = self._cache if self.translator.fingerprint else None
        known = cache.get(bodies, **depends) if cache else {}
        # What was kept under other checks is held to these.
        known = {body: text for body, text in known.items() if not accepted(body, text, settings)}
        outcome = translate_lines(self.translator, [body for body in bodies if body not in known], settings)
        if cache and outcome.done:
            cache.put(outcome.done, **depends)
        if outcome.faulty:
            raise _failed(parts, outcome.faulty)
        return known | outcome.done


def _failed(parts: Collection[Passage], faulty: Mapping[str, tuple[str, ...]]) -> TranslationError:
    """The error for lines that failed: their numbers and the checks, and none of their words."""
    lines = {part.number: faulty[part.body] for part in parts if part.body in faulty}
    named = [f"line {number} ({', '.join(names)})" for number, names in lines.items()]
    rest = f" and {len(named) - NAMED_LINES} more" if len(named) > NAMED_LINES else ""
    return TranslationError(
        f"{len(lines)} of {len(parts)} lines could not be translated: {', '.join(named[:NAMED_LINES])}{rest}",
        hint="Look at these lines. Another translator may do better; checks= leaves out a check that is wrong here, "
        "and on_failure='original' (--translate-failures original) lets such documents go on untranslated.",
    )


def _one_of(name: str, value: T, allowed: tuple[T, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}")
