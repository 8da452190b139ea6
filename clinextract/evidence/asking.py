"""Evidence by asking: a model that follows instructions replies with the line that shows a feature.

After the answer a model is asked, for each field that is present, to say the line that shows it. The lines of the
transcript are the only replies that are read, so what comes out is one of them, or that there is none. All questions
and all lines hang off the row as branches of one pass; nothing is generated, and no prompt is run anew. A reply is read
only as far as it takes to tell the lines apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from clinextract.decoding.choices import Reader
from clinextract.decoding.probability import shares
from clinextract.decoding.rows import Flow, Row
from clinextract.decoding.segments import Choice
from clinextract.models.base import LogitModel, Tokenizer
from clinextract.schema.specs import FieldSpec

NOTHING = "none"
"""The reply that no line shows it."""
SUPPORT = 0.3
"""A line beside the best one is evidence too where its share among the replies is at least this."""
BRANCHES = 3000
"""Tokens of questions and replies in one pass, about; beyond it the questions are divided among several."""


_QUESTION = (
    'Which line of the transcript shows the value of "{name}" ({label})? '
    f'Reply with that line alone, word for word, or with "{NOTHING}" if no line does.'
)
_ANSWER = "\ue0c1\ue0f2\ue0c3\ue0f5"
"""Where the answer stands in a chat: private-use characters, which no template has."""


@dataclass(frozen=True, slots=True)
class Replies:
    """What may be replied on one transcript: its lines, and that there is none.

    Attributes:
        numbers: For each reply the place of the line among those given; -1 for none.
        tokens: Of each reply as far as no other begins like it, shape (n, any).
    """

    numbers: tuple[int, ...]
    tokens: tuple[tuple[int, ...], ...]

    @property
    def size(self) -> int:
        """Tokens of a tree of all replies, at most."""
        return sum(map(len, self.tokens))


def questions(model: LogitModel, fields: Sequence[FieldSpec], language: str) -> dict[str, tuple[int, ...]]:
    """For each field, the tokens from the end of the answer to where the reply to the question begins.

    It is a further turn of the chat, in the words of the model's own chat template.
    """
    found = {}
    for field in fields:
        question = _QUESTION.format(name=field.name, label=field.labelled(language))
        turns = [("user", "-"), ("assistant", _ANSWER), ("user", question)]
        chat = model.chat([{"role": role, "content": content} for role, content in turns])
        found[field.name] = tuple(model.tokenizer.encode_control(chat.rpartition(_ANSWER)[2]))
    return found


def replies(lines: Sequence[str], tokenizer: Tokenizer) -> Replies:
    """The replies on a transcript with these lines; of lines that read the same the first stands for all."""
    end = (tokenizer.eos_id,)  # so that no line is the beginning of another
    whole: dict[tuple[int, ...], int] = {(*tokenizer.encode(NOTHING), *end): -1}
    for number, line in enumerate(lines):
        whole.setdefault((*tokenizer.encode(line), *end), number)
    ordered = sorted(whole)
    shared = [0, *(_shared(a, b) for a, b in pairwise(ordered)), 0]
    cut = [one[: max(shared[n], shared[n + 1]) + 1] for n, one in enumerate(ordered)]
    return Replies(tuple(whole[one] for one in ordered), tuple(cut))


def locate(row: Row, questions: Mapping[str, Sequence[int]], among: Replies) -> Flow[dict[str, tuple[int, ...]]]:
    """Ask for the evidence of some fields behind a row's answer.

    Args:
        row: Its answer is decided, and stands in the row.
        questions: For each field, the tokens from the end of the answer to where the reply begins.
        among: The replies.

    Returns:
        For each field, the places of the lines that show it, the best one first; empty where none does.
    """
    found: dict[str, tuple[int, ...]] = {}
    for fields in _portions(questions, among):
        if not row.pending:
            row.again()
        reader = Reader(row.pending)
        for field in fields:
            choice = Choice(field, (), ("",) * len(among.tokens), among.tokens)
            reader.choose(choice, None, reader.branch(questions[field]))
        scores = yield from row.ask(reader)
        for field, score in zip(fields, scores, strict=True):
            found[field] = _best(among, shares(score).tolist())
    return found


def _best(among: Replies, chances: Sequence[float]) -> tuple[int, ...]:
    ranked = sorted(zip(chances, among.numbers, strict=True), key=lambda pair: (-pair[0], pair[1]))
    if ranked[0][1] < 0:
        return ()
    return tuple(number for n, (chance, number) in enumerate(ranked) if number >= 0 and (n == 0 or chance >= SUPPORT))


def _portions(questions: Mapping[str, Sequence[int]], among: Replies) -> Iterator[list[str]]:
    """The fields, as many at once as a pass should hold."""
    portion: list[str] = []
    size = 0
    for field, tokens in questions.items():
        cost = len(tokens) + among.size
        if portion and size + cost > BRANCHES:
            yield portion
            portion, size = [], 0
        portion.append(field)
        size += cost
    if portion:
        yield portion


def _shared(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two replies begin with alike."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
