"""Which tokens are made of the same letters: forms of a word, and what they stand for, that the calls have seldom."""

from collections import Counter

import torch
from mixes import Encoder
from torch import Tensor

LETTERS = (3, 4, 5)
FEWEST, MOST = 3, 400
"""Of the tokens that share a group of letters: of fewer it says nothing new, of more it is an ending."""


def groups(encoder: Encoder, size: int) -> Tensor:
    """The groups of three to five letters of every token, (size, groups), sparse, each row of length one.

    What an answer is made of has none: `visit_request` is not to move with the word.
    """
    found: list[set[str]] = []
    for token in range(size):
        if token in encoder.layout.marks:
            found.append(set())
            continue
        word = encoder.plain.decode([token]).replace(" ", "_").lower()
        word += "$" if word.startswith("_") else ""
        found.append({word[at : at + n] for n in LETTERS for at in range(len(word) - n + 1)})
    counts = Counter(group for own in found for group in own)
    columns = {group: number for number, group in enumerate(g for g, n in counts.items() if FEWEST <= n <= MOST)}
    places = [(token, columns[g]) for token, own in enumerate(found) for g in sorted(own) if g in columns]
    rows = torch.tensor([token for token, _ in places])
    lengths = torch.bincount(rows, minlength=size).clamp_min(1).sqrt()
    return torch.sparse_coo_tensor(torch.tensor(places).T, 1 / lengths[rows], (size, len(columns))).coalesce()
