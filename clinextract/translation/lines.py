"""Lines through a translator: in batches, checked, and what fails once more in smaller pieces."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tenacity import RetryCallState, Retrying, retry_if_result, stop_after_attempt

from clinextract.errors import ClinExtractError
from clinextract.text import normalise
from clinextract.translation.checks import Pair, faults, has_words
from clinextract.translation.passages import smaller
from clinextract.translation.ports import Translator

COUNT = "count"
"""The fault of all lines of a batch that came back with another number of lines."""
NOT_TEXT = "no text"
"""The fault of a line for which something else than Unicode text came back."""

_MISTAKES = (TypeError, AttributeError, NameError, ImportError, AssertionError, NotImplementedError)
"""A programmer's own, which pass as they are: see `errors.from_foreign`."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How lines are translated.

    Attributes:
        source, target: ISO 639-1 codes.
        batch_size: Lines that the translator is given at once.
        attempts: How often a line is tried.
        checks: Names of the checks that hold.
    """

    source: str
    target: str
    batch_size: int
    attempts: int
    checks: Collection[str]


@dataclass(slots=True)
class Outcome:
    """What became of the lines.

    Attributes:
        done: The translations, by line.
        faulty: Of the others, the names of the checks that the last attempt failed.
    """

    done: dict[str, str] = field(default_factory=dict, repr=False)
    faulty: dict[str, tuple[str, ...]] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class _Fault:
    """What came back in place of a text."""

    name: str


def translate_lines(translator: Translator, lines: Iterable[str], settings: Settings) -> Outcome:
    """Translate distinct lines, each of them checked.

    The first attempt gives the translator whole lines in batches. A local model that is asked the same again answers
    the same, so each further attempt gives it what failed in smaller pieces, one by one: sentences, then clauses, then
    phrases.

    Args:
        translator: What translates.
        lines: In their normal form, each with words to translate.
        settings: How.

    Raises:
        ClinExtractError: The translator cannot translate at all: it does not know the languages, or does not answer.
    """
    work = _Work(translator, settings, dict.fromkeys(lines, ("not tried",)))
    again = Retrying(
        stop=stop_after_attempt(settings.attempts), retry=retry_if_result(bool), retry_error_callback=_given_up
    )
    again(work.attempt)
    return work.outcome


def accepted(line: str, translation: str, settings: Settings) -> tuple[str, ...]:
    """Names of the checks that a translation fails."""
    pair = Pair(line, normalise(translation).text.strip(), settings.source, settings.target)
    return faults(pair, settings.checks)


def _given_up(state: RetryCallState) -> Any:
    assert state.outcome is not None
    return state.outcome.result()


class _Work:
    """The lines of one document, over all attempts."""

    def __init__(self, translator: Translator, settings: Settings, pending: dict[str, tuple[str, ...]]) -> None:
        self._translator = translator
        self._settings = settings
        self._depth = 0
        self.outcome = Outcome(faulty=pending)

    def attempt(self) -> bool:
        """Try what is not done, in pieces that are smaller than those of the attempt before.

        Returns:
            Whether anything is still to be done.
        """
        depth, self._depth = self._depth, self._depth + 1
        pieces = {line: smaller(line, depth) for line in self.outcome.faulty}
        wanted = dict.fromkeys(piece for several in pieces.values() for piece in several if self._has_words(piece))
        rendered = self._rendered(list(wanted), 1 if depth else self._settings.batch_size)
        for line, several in pieces.items():
            results = [rendered.get(piece, piece) for piece in several]
            whole = " ".join(result for result in results if isinstance(result, str))
            wrong = [name for pair in zip(several, results, strict=True) for name in self._wrong(*pair)]
            if not wrong and len(several) > 1:
                wrong = [*accepted(line, whole, self._settings)]
            if wrong:
                self.outcome.faulty[line] = tuple(dict.fromkeys(wrong))
            else:
                del self.outcome.faulty[line]
                self.outcome.done[line] = " ".join(whole.split())
        return bool(self.outcome.faulty)

    def _wrong(self, piece: str, result: str | _Fault) -> tuple[str, ...]:
        """The checks that one piece fails: a lost half of a line must not hide behind the other half."""
        if isinstance(result, _Fault):
            return (result.name,)
        return accepted(piece, result, self._settings) if self._has_words(piece) else ()

    def _has_words(self, piece: str) -> bool:
        return has_words(piece, self._settings.source, self._settings.target)

    def _rendered(self, pieces: Sequence[str], size: int) -> dict[str, str | _Fault]:
        """What the translator makes of each piece."""
        ordered = sorted(pieces, key=len)  # lines of like length are padded less
        found: dict[str, str | _Fault] = {}
        for start in range(0, len(ordered), size):
            batch = ordered[start : start + size]
            found |= zip(batch, self._call(batch), strict=True)
        return found

    def _call(self, batch: Sequence[str]) -> Sequence[str | _Fault]:
        """One call of the translator; whatever comes back is as many texts or faults as were given."""
        try:
            given: Any = self._translator.translate(
                list(batch), source=self._settings.source, target=self._settings.target
            )
        except (ClinExtractError, *_MISTAKES):
            raise
        except Exception as error:  # noqa: BLE001 - what a user's function raises fails its lines, and never the run
            return [_Fault(f"raised {type(error).__name__}")] * len(batch)
        if not isinstance(given, list | tuple) or len(given) != len(batch):
            return [_Fault(COUNT)] * len(batch)
        return [one if _is_text(one) else _Fault(NOT_TEXT) for one in given]


def _is_text(given: object) -> bool:
    """Whether it is a text that UTF-8 can hold."""
    return isinstance(given, str) and not any("\ud800" <= character <= "\udfff" for character in given)
