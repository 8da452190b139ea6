"""What a batch takes of the memory is free again as soon as it has failed, whatever becomes of its failures."""

from __future__ import annotations

import weakref
from typing import Any

import torch

from clinextract import Extraction, Extractor, Failure, FakeModel
from clinextract.models.base import Prefix, Session


class Pinned(FakeModel):
    """Runs out of memory in the middle of every batch of more than `most` rows; knows which sessions are alive."""

    def __init__(self, most: int) -> None:
        super().__init__({"pain": True})
        self.most = most
        self.sessions: list[weakref.ref[Session]] = []
        self.alive_before: list[int] = []

    @property
    def alive(self) -> int:
        """How many sessions are, without a collection of garbage: what is in cycles waits for one."""
        return sum(one() is not None for one in self.sessions)

    def session(self, prefix: Prefix, rows: int) -> Any:
        self.alive_before.append(self.alive)
        session: Any = super().session(prefix, rows)

        def broken(_: object) -> Any:
            raise torch.OutOfMemoryError("Zarathustra")

        if rows > self.most:
            session.extend = broken
        self.sessions.append(weakref.ref(session))
        return session


def test_nothing_of_a_batch_that_failed_is_left_when_its_rows_are_tried_alone() -> None:
    model = Pinned(most=1)
    results = list(Extractor(model=model).batch(["She slept badly.", "no", "yes"]))
    assert all(isinstance(one, Extraction) for one in results)
    assert model.alive_before == [0, 0, 0, 0]


def test_failures_that_are_kept_keep_no_session() -> None:
    model = Pinned(most=0)
    kept = list(Extractor(model=model).batch(["She slept badly.", "no"]))
    assert [one.error.__traceback__ for one in kept if isinstance(one, Failure)] == [None, None]
    assert (len(model.sessions), model.alive) == (3, 0)
