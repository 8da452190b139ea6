"""What the tests of the probes share: schemas, documents, and models that are wrong in one known way."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from clinextract import Document, FakeModel, Feature, PalliativeCall
from clinextract.models.base import LogProbs
from clinextract.models.fake import FakeSession

NAMES = tuple(PalliativeCall.model_fields)


class Part(BaseModel):
    left: bool
    grade: Literal["mild", "severe"]


class Ward(BaseModel):
    """What a ward asks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fall: bool = Feature(label={"en": "Fall"}, definition={"en": "The patient fell."}, codes={"ICD-10": "W19"})
    mobility: Literal["alone", "with help", "in bed"] | None = None
    falls: int = Field(ge=0, le=20, description="How many times.")
    score: Annotated[int, Field(ge=0, le=100, multiple_of=10)]
    note: str = Field(max_length=12, alias="Note")
    part: Part


class Few(BaseModel):
    pain: bool
    fever: bool
    cough: bool


def documents(count: int = 4) -> list[Document]:
    return [Document(f"Call number {number}: she is resting.", id=f"call-{number}") for number in range(count)]


class FirstIsYes(FakeModel):
    """Says yes to the first field of an answer and no to all others: it knows nothing but the order."""

    def next_byte(self, text: bytes) -> LogProbs:
        answer = text.decode(errors="surrogateescape").rpartition("\n")[2]
        said = answer.count('":') == 1
        self._answers = lambda _: dict.fromkeys(NAMES, 0.9 if said else 0.2)
        return super().next_byte(text)


class LikesCompany(FakeModel):
    """Says yes where it reads several transcripts at once."""

    def session(self, prefix: Any, rows: int) -> FakeSession:
        self._answers = lambda _: dict.fromkeys(NAMES, 0.875 if rows > 1 else 0.25)
        return super().session(prefix, rows)
