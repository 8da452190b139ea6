"""The error tree is the drawn one, foreign errors become ours without their words, and a programmer's mistakes stay."""

from __future__ import annotations

import inspect
import pickle
import re
from collections.abc import Callable

import pytest

from clinextract import errors
from clinextract.errors import (
    ClinExtractError,
    DocumentTooLong,
    Mistake,
    ModelError,
    SchemaFileError,
    from_foreign,
    mapped,
    unchained,
)

SECRET = "Zarathustra coughs"
TREE = [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, ClinExtractError)]


def drawn() -> dict[str, str]:
    """Every name in the drawing at the module's top, with the name that it hangs from."""
    parents: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in str(errors.__doc__).splitlines():
        found = re.match(
            r"^(?P<depth>[ │├└─]*)(?P<name>[A-Z]\w+(Error|Missing|Invalid|Long|Unavailable|Installed|Timeout))\b", line
        )
        if found is None:
            continue
        depth = len(found["depth"])
        above = [(column, name) for column, name in above if column < depth]
        parents[found["name"]] = above[-1][1] if above else "Exception"
        above.append((depth, found["name"]))
    return parents


def test_every_error_hangs_where_it_is_drawn() -> None:
    assert drawn() == {error.__name__: error.__base__.__name__ for error in TREE if error.__base__}


def test_every_error_says_what_it_is() -> None:
    assert all(error.__doc__ for error in TREE)


def foreign(name: str, base: type[Exception] = Exception) -> Exception:
    return type(name, (base,), {})(SECRET)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (MemoryError(SECRET), "ModelError"),
        (foreign("OutOfMemoryError", RuntimeError), "ModelError"),
        (foreign("RepositoryNotFoundError"), "ModelUnavailable"),
        (foreign("GatedRepoError"), "ModelUnavailable"),
        (foreign("HFValidationError", ValueError), "ModelUnavailable"),
        (foreign("SafetensorError"), "ModelUnavailable"),
        (FileNotFoundError(SECRET), "ModelUnavailable"),
        (TimeoutError(SECRET), "ModelTimeout"),
        (ConnectionRefusedError(SECRET), "ModelConnectionError"),
    ],
)
def test_foreign_errors_become_ours_without_their_words(given: Exception, expected: str) -> None:
    with pytest.raises(ClinExtractError) as caught, mapped("decoding", "call-7"):
        raise given
    error = caught.value
    assert type(error).__name__ == expected
    assert error.document_id == "call-7"
    assert error.hint
    assert SECRET not in f"{error} {error!r} {error.hint}"
    assert error.__cause__ is error.__context__ is None


@pytest.mark.parametrize("mistake", [TypeError, AttributeError, ValueError, KeyError, ZeroDivisionError])
def test_a_programmers_mistake_passes(mistake: type[Exception]) -> None:
    assert from_foreign(mistake(), doing="decoding") is None
    with pytest.raises(mistake), mapped("decoding"):
        raise mistake


def test_ours_pass_and_learn_their_document() -> None:
    with pytest.raises(ModelError) as caught, mapped("decoding", "call-7"):
        raise ModelError("no", document_id="call-3")
    assert caught.value.document_id == "call-3"
    assert ModelError("no").with_document("call-7").document_id == "call-7"


def test_what_ours_were_raised_from_is_forgotten_where_it_was_hidden() -> None:
    with pytest.raises(ModelError) as caught, mapped("decoding"):
        refuse(hidden=True)
    assert caught.value.__context__ is None
    with pytest.raises(ModelError) as caught, unchained():
        refuse(hidden=True)
    assert caught.value.__context__ is None
    with pytest.raises(ModelError) as caught, unchained():
        refuse(hidden=False)
    assert isinstance(caught.value.__cause__, ValueError)  # whoever chains it says what it is


def refuse(*, hidden: bool) -> None:
    try:
        raise ValueError(SECRET)
    except ValueError as error:
        raise ModelError("no") from (None if hidden else error)


MADE: dict[type[ClinExtractError], Callable[[], ClinExtractError]] = {
    DocumentTooLong: lambda: DocumentTooLong(5000, 2048, document_id="call-7"),
    SchemaFileError: lambda: SchemaFileError(
        [Mistake("a.yaml", 3, 1, "features", "no"), Mistake("b.yaml", 0, 0, "", "x")]
    ),
}


@pytest.mark.parametrize("kind", TREE)
def test_every_error_can_be_sent_to_another_process(kind: type[ClinExtractError]) -> None:
    error = MADE[kind]() if kind in MADE else kind("no", hint="go", document_id="call-7", field="pain")
    again = pickle.loads(pickle.dumps(error.with_document("call-8")))
    assert type(again) is kind
    assert (str(again), vars(again)) == (str(error), vars(error))


def test_whose_fault_it_is() -> None:
    usage = {error.__name__ for error in TREE if error.usage}
    assert {"RecordInvalid", "DocumentTooLong", "PlanError", "ModelUnavailable"} <= usage
    assert not {"ModelError", "ModelOutputError", "ModelTimeout"} & usage
    assert {error.__name__ for error in TREE if error.retryable} == {"ModelTimeout", "ModelConnectionError"}


def test_too_long_names_both_lengths() -> None:
    error = DocumentTooLong(5000, 2048)
    assert "5000" in str(error)
    assert "2048" in str(error)
    assert (error.tokens, error.limit) == (5000, 2048)
