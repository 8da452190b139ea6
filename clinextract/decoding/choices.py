"""The choices of an answer, read from one pass: what to run, which logits to read, how alternatives compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from clinextract.decoding.probability import shares
from clinextract.decoding.segments import Choice
from clinextract.models.base import LogProbs, Read, Step
from clinextract.schema.specs import Json

Scores = npt.NDArray[np.float64]
"""Total log-probabilities of a choice's alternatives, shape (n,)."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided on a field.

    Attributes:
        value: As a JSON value.
        probability: For yes/no, P(yes); for another listed value, a list of listed values or nothing at all, P(value);
            None where something was generated freely.
        ruled: Whether a rule of the schema kept the model from the value that it held best.
    """

    value: Json
    probability: float | None
    ruled: bool = False


def favourite(choice: Choice, scores: Scores, cutoff: float | None = None) -> int:
    """The number of the best alternative; of equally good ones the first.

    Args:
        choice: The choice.
        scores: Of its alternatives.
        cutoff: The probability from which a yes/no choice is yes, where it is not simply the better one.
    """
    if cutoff is not None and is_yes_no(choice):
        yes = choice.values.index(True)
        return yes if shares(scores)[yes] >= cutoff else 1 - yes
    return int(np.argmax(scores))


def probability(choice: Choice, scores: Scores, pick: int) -> float:
    """P(yes) of a yes/no choice; else the share of the alternative picked."""
    return float(shares(scores)[choice.values.index(True) if is_yes_no(choice) else pick])


def is_yes_no(choice: Choice) -> bool:
    """Whether the alternatives are True and False, and no others: 1 and 0 equal them in Python, and are not meant."""
    return set(map(repr, choice.values)) == {"False", "True"}


class Reader:
    """Puts together one step of one row, and reads the choices from what the step gives back.

    Alternatives of several tokens form a trie. The drafted one lies on the chain, the others hang off it as branches; a
    node is read where the trie goes on, so each alternative's score is a sum of reads along its path.
    """

    def __init__(self, tokens: Sequence[int]) -> None:
        self.tokens = list(tokens)
        self._branches: list[tuple[int, int]] = []
        self._reads: list[tuple[int, tuple[int, ...]]] = []
        self._choices: list[list[list[tuple[int, int]]]] = []

    def force(self, tokens: Sequence[int]) -> None:
        """Append to the chain."""
        self.tokens += tokens

    def branch(self, tokens: Sequence[int], parent: int | None = None) -> int:
        """Hang a run of tokens off a node, by default the end of the chain; gives its last node."""
        node = len(self.tokens) - 1 if parent is None else parent
        for token in tokens:
            self._branches.append((node, token))
            node = -len(self._branches)
        return node

    def choose(self, choice: Choice, drafted: int | None, parent: int | None = None) -> None:
        """Read a choice that stands behind a node, by default the end of the chain.

        Args:
            choice: The choice; `scores` gives the choices' scores in the order of these calls.
            drafted: The alternative to go on the chain; None for none, when nothing is run behind the choice.
            parent: A node that `branch` gave; then `drafted` is None.
        """
        node = len(self.tokens) - 1 if parent is None else parent
        nodes: dict[tuple[int, ...], int] = {(): node}
        if drafted is not None:
            chain = choice.tokens[drafted]
            nodes |= {chain[:depth]: node + depth for depth in range(1, len(chain))}
            self.tokens += chain
        following: dict[tuple[int, ...], list[int]] = {}
        for tokens in choice.tokens:
            for depth, token in enumerate(tokens):
                prefix = tokens[:depth]
                if prefix not in nodes:
                    nodes[prefix] = self.branch(prefix[-1:], nodes[prefix[:-1]])
                if token not in following.setdefault(prefix, []):
                    following[prefix].append(token)
        place = {prefix: len(self._reads) + n for n, prefix in enumerate(following)}
        self._reads += [(nodes[prefix], tuple(tokens)) for prefix, tokens in following.items()]
        self._choices.append(
            [
                [(place[tokens[:depth]], following[tokens[:depth]].index(token)) for depth, token in enumerate(tokens)]
                for tokens in choice.tokens
            ]
        )

    def step(self) -> Step:
        """What to run."""
        return Step(
            self.tokens,
            [(self._node(parent), token) for parent, token in self._branches],
            [Read(self._node(node), np.array(tokens, dtype=np.int64)) for node, tokens in self._reads],
        )

    def scores(self, reads: Sequence[LogProbs]) -> list[Scores]:
        """For every choice the total log-probabilities of its alternatives, shape (n,)."""
        return [
            np.array([sum(float(reads[read][k]) for read, k in path) for path in paths], dtype=np.float64)
            for paths in self._choices
        ]

    def _node(self, node: int) -> int:
        # Branches are counted from -1 downwards until the length of the chain is known.
        return node if node >= 0 else len(self.tokens) - node - 1
