"""What translates, as the rest of the package sees it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable


@runtime_checkable
class Translator(Protocol):
    """Lines in, lines out."""

    @property
    def name(self) -> str:
        """As the user spelled it."""

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that change with the model, its weights and its settings.

        Translations are cached by it. Empty where that cannot be told: then nothing is cached.
        """

    def translate(self, texts: Sequence[str], *, source: str, target: str) -> list[str]:
        """The lines in another language: as many as were given, in their order.

        Args:
            texts: Lines without line breaks, none of them blank.
            source: ISO 639-1 code of the language that they are in.
            target: ISO 639-1 code of the language that is asked for.

        Returns:
            One line for each. An empty one says that this line could not be translated.

        Raises:
            TranslationError: It does not know this pair of languages.
            ModelError: It cannot translate now.
        """


class FunctionTranslator:
    """A function from a line to a line, as a `Translator`.

    Args:
        function: Called once for every line, whatever the languages are.
        name: What to call it; by default its own name.
        fingerprint: 16 hexadecimal digits that its author changes with it; without them its lines are not cached.
    """

    def __init__(self, function: Callable[[str], str], *, name: str = "", fingerprint: str = "") -> None:
        self._function = function
        self.name: str = name or getattr(function, "__name__", type(function).__name__)
        self.fingerprint = fingerprint

    def __repr__(self) -> str:
        return f"FunctionTranslator({self.name!r})"

    def translate(self, texts: Sequence[str], *, source: str, target: str) -> list[str]:  # noqa: ARG002 - the port's
        """Each line as the function gives it; see `Translator.translate`."""
        return [self._function(text) for text in texts]
