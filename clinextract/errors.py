"""Every error that clinextract raises, and the one place where foreign errors become ours.

    ClinExtractError
    ├── SchemaError                the schema cannot be used
    │   ├── SchemaFileError        a schema file has mistakes (file, line, all of them at once)
    │   └── PlanError              a field cannot be decoded with this tokenizer
    ├── DataError                  the input cannot be used
    │   ├── ColumnMissing          a table lacks a column that was asked for
    │   ├── RecordInvalid          one record is empty, not text, or not UTF-8
    │   └── DocumentTooLong        a line of a transcript does not fit the model's context
    ├── ModelError                 the model cannot be used, or did not answer
    │   ├── ModelUnavailable       no weights, no such folder, no such name
    │   ├── ExtraNotInstalled      an optional dependency is missing
    │   ├── ModelTimeout           no answer in time
    │   ├── ModelConnectionError   a server cannot be reached
    │   └── ModelOutputError       an answer that does not satisfy the schema
    ├── TranslationError           a translation failed its checks
    ├── CalibrationError           a calibration belongs to another model, prompt or schema
    └── TrainingError              a training run cannot go on

No message, hint or chained cause carries words of a transcript: what may be in one is replaced by lengths and
positions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


class ClinExtractError(Exception):
    """The root of the tree.

    Args:
        message: What went wrong, in one sentence, without a patient's words.
        hint: What the user can do about it.
        document_id: The id of the document concerned, where known.
        field: The name of the schema's field concerned, where known.
    """

    retryable = False
    """Whether the same call may succeed if it is made again unchanged."""
    usage = False
    """Whether the user's input is at fault: the command line then exits with 2 instead of 1."""

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        document_id: str | None = None,
        field: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.document_id = document_id
        self.field = field

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.message!r})"

    def with_document(self, document_id: str) -> ClinExtractError:
        """Name the document, unless one is named already; gives the error itself back."""
        if self.document_id is None:
            self.document_id = document_id
        return self


class SchemaError(ClinExtractError):
    """The schema cannot be used."""

    usage = True


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing in a schema file that is wrong, or looks wrong.

    Attributes:
        file: The file, as it was named; of a shipped schema its file's name.
        line, column: Where, counted from 1; 0 where the file as a whole is concerned.
        path: Which entry, such as "features.pain.label.fa".
        message: What is wrong.
        remedy: What to write instead.
    """

    file: str
    line: int
    column: int
    path: str
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        entry = f"{self.path}: " if self.path else ""
        return f"{where}: {entry}{self.message}" + (f"\n    {self.remedy}" if self.remedy else "")


class SchemaFileError(SchemaError):
    """A schema file has mistakes.

    Args:
        mistakes: All of them, at least one, in the order of their places.
    """

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        count = "a mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        lines = "".join(f"\n{mistake}" for mistake in mistakes)
        super().__init__(
            f"{mistakes[-1].file} has {count}{lines}",
            hint="See every mistake and warning of a file with: clinextract schema check FILE",
        )
        self.mistakes = tuple(mistakes)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.mistakes,), vars(self)


class PlanError(SchemaError):
    """A field cannot be decoded: its kind is not supported, or the tokenizer cannot be aligned with its values."""


class DataError(ClinExtractError):
    """The input cannot be used."""

    usage = True


class ColumnMissing(DataError):
    """A table lacks a column that was asked for."""


class RecordInvalid(DataError):
    """One record is empty, is not text, or is not UTF-8."""


class DocumentTooLong(DataError):
    """A line of a transcript does not fit the model's context; longer transcripts are read in windows of whole lines.

    Args:
        tokens: Length of prompt, line and answer together, in tokens.
        limit: The model's context length, in tokens.
    """

    def __init__(self, tokens: int, limit: int, *, document_id: str | None = None) -> None:
        super().__init__(
            f"prompt, answer and one line of the transcript are {tokens} tokens; the model's context is {limit}",
            hint="Use a model with a longer context, or divide the line. Nothing was cut.",
            document_id=document_id,
        )
        self.tokens = tokens
        self.limit = limit

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.tokens, self.limit), vars(self)


class ModelError(ClinExtractError):
    """The model cannot be used, or did not answer."""


class ModelUnavailable(ModelError):
    """There is no such model here: no weights, no such folder, no such name."""

    usage = True


class ExtraNotInstalled(ModelError):
    """An optional dependency is missing."""

    usage = True


class ModelTimeout(ModelError):
    """No answer in time."""

    retryable = True


class ModelConnectionError(ModelError):
    """A server cannot be reached."""

    retryable = True


class ModelOutputError(ModelError):
    """An answer that does not satisfy the schema."""


class TranslationError(ClinExtractError):
    """A translation failed its checks."""


class CalibrationError(ClinExtractError):
    """A calibration belongs to another model, prompt or schema, cannot be read, or cannot be fitted."""

    usage = True


class TrainingError(ClinExtractError):
    """A training run cannot go on."""


# Foreign errors are recognised by name: importing torch or huggingface_hub to compare classes would cost seconds.
_UNAVAILABLE = {
    "RepositoryNotFoundError",
    "RevisionNotFoundError",
    "EntryNotFoundError",
    "LocalEntryNotFoundError",
    "OfflineModeIsEnabled",
    "GatedRepoError",
    "HFValidationError",
    "SafetensorError",
    "TransportError",
}


def from_foreign(error: BaseException, *, doing: str) -> ClinExtractError | None:
    """Our error for one that a dependency raised while `doing` something, or None where it is not a known one.

    The foreign message is dropped, since it may quote what was given to the library. A `TypeError`, an
    `AttributeError` and the like are a programmer's mistakes and are never mapped: the caller raises them as they are.
    """
    if isinstance(error, ClinExtractError):
        return error
    names = {cls.__name__ for cls in type(error).__mro__}
    # On a processor torch raises a plain RuntimeError; its message says how many bytes, and nothing of a text.
    exhausted = isinstance(error, RuntimeError) and re.search("allocate memory|out of memory", str(error))
    if exhausted or "OutOfMemoryError" in names or isinstance(error, MemoryError):
        return ModelError(f"out of memory while {doing}", hint="Use a smaller batch_size, or a smaller model.")
    if names & _UNAVAILABLE:
        return ModelUnavailable(
            f"{doing} failed: {type(error).__name__}",
            hint="Give a folder that holds config.json and *.safetensors, or a hub name on a machine with a network.",
        )
    if isinstance(error, TimeoutError):
        return ModelTimeout(f"no answer in time while {doing}", hint="Try again, or raise the timeout.")
    if isinstance(error, ConnectionError):
        return ModelConnectionError(
            f"no connection while {doing}", hint="Check that the server is running and its address."
        )
    if isinstance(error, OSError):
        return ModelUnavailable(
            f"{doing} failed: {type(error).__name__}",
            hint="Give a folder that holds config.json and *.safetensors, or a hub name on a machine with a network.",
        )
    return None


@contextmanager
def mapped(doing: str, document_id: str | None = None) -> Iterator[None]:
    """Run a block in which foreign errors become ours, and ours learn which document they concern.

    Args:
        doing: What the block does, for the message: "decoding".
        document_id: The document's id, where the block concerns one.
    """
    try:
        yield
    except Exception as error:
        ours = from_foreign(error, doing=doing)
        if ours is None:
            raise
        if document_id is not None:
            ours.with_document(document_id)
        try:
            raise ours from None
        finally:
            # from None only hides the foreign error, which may quote what was given to the library.
            ours.__context__ = None


@contextmanager
def unchained() -> Iterator[None]:
    """Run a block whose errors of ours let go of what they were raised from, where `from None` hides it.

    A library's error may quote a transcript, and what reports errors can show it all the same.
    """
    try:
        yield
    except ClinExtractError as error:
        if error.__cause__ is None and error.__suppress_context__:
            error.__context__ = None
        raise


def bare(error: ClinExtractError) -> ClinExtractError:
    """An error as a value that is kept: the error itself, without what it was raised from and its traceback.

    The frames of a traceback hold what was in memory then: a batch's keys and values, and its transcripts.
    """
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)
