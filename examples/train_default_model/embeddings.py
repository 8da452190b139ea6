"""A start for the word embeddings: counted from the training calls themselves.

Three tables are put side by side, a row a token: the words around it, the words of the same line
in the other language, and the features whose quotes it stands in. Their leading singular vectors
give words of like use, like translation and like meaning for the task like vectors, before the
first step of training.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from corpus import FEATURES, Call, parallel_lines
from mixes import Encoder
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix, hstack
from scipy.sparse.linalg import svds
from segments import TRUE, Cut

AROUND = 4
PASSES = 4
Array = NDArray[np.float64]


def _counted(rows: Iterable[int], columns: Iterable[int], shape: tuple[int, int]) -> csr_matrix:
    first, second = np.fromiter(rows, dtype=np.int64), np.fromiter(columns, dtype=np.int64)
    return coo_matrix((np.ones(len(first)), (first, second)), shape=shape).tocsr()


def _surprise(counts: csr_matrix) -> csr_matrix:
    """Positive pointwise mutual information of a table of counts."""
    table = counts.tocoo()
    rows = np.asarray(counts.sum(1)).ravel()
    columns = np.asarray(counts.sum(0)).ravel() ** 0.75
    columns *= rows.sum() / columns.sum()
    ratio = np.log(table.data * rows.sum() / (rows[table.row] * columns[table.col]))
    return coo_matrix((np.maximum(ratio, 0), (table.row, table.col)), shape=table.shape).tocsr()


def _around(texts: Sequence[Sequence[int]], size: int) -> csr_matrix:
    """How often token b stands within `AROUND` places of token a."""
    first: list[int] = []
    second: list[int] = []
    for ids in texts:
        for distance in range(1, AROUND + 1):
            first += [*ids[distance:], *ids[:-distance]]
            second += [*ids[:-distance], *ids[distance:]]
    return _counted(first, second, (size, size))


def _across(calls: Sequence[Call], encoder: Encoder, size: int) -> csr_matrix:
    """How often token b stands in the translation of a line with token a."""
    first: list[int] = []
    second: list[int] = []
    for here, there in parallel_lines(calls):
        ours, theirs = (set(encoder.plain.encode(text, add_special_tokens=False).ids) for text in (here, there))
        for token in ours:
            first += [token] * len(theirs)
            second += theirs
    counts = _counted(first, second, (size, size))
    return counts + counts.T


def _shown(segments: Iterable[tuple[Sequence[int], Sequence[int]]], size: int) -> Array:
    """Log-odds of each token inside a quoted segment of each feature, (size, 13)."""
    inside = np.zeros((size, len(FEATURES)))
    total = np.zeros((size, 1))
    for ids, targets in segments:
        tokens = list(set(ids))
        total[tokens] += 1
        inside[tokens] += np.array(targets) == TRUE
    share = inside.sum(0) / total.max()
    smooth = (inside + 2 * share) / (total + 2)
    return np.log(smooth / (share + 1e-9))


def start_vectors(calls: Sequence[Call], encoder: Encoder, size: int, width: int) -> torch.Tensor:
    """(size, width) embeddings; three quarters of the width counted, the rest random.

    Args:
        calls: That are trained on.
        encoder: Of the vocabulary.
        size: Of the vocabulary.
        width: Of an embedding.
    """
    rng = np.random.default_rng(0)
    texts: list[list[int]] = []
    quoted: list[tuple[list[int], Sequence[int]]] = []
    for number in range(PASSES):
        coder = encoder.plain if number == 0 else encoder.broken
        for call in calls:
            texts.append(coder.encode(call.text, add_special_tokens=False).ids)
            for segment in Cut(call).segments:
                ids = coder.encode(segment.text, add_special_tokens=False).ids
                quoted.append((ids, segment.targets))
    tables = [
        _surprise(_around(texts, size)),
        0.7 * _surprise(_across(calls, encoder, size)),
        csr_matrix(3.0 * _shown(quoted, size)),
    ]
    counted_width = 3 * width // 4
    left, strength, _ = svds(hstack(tables).tocsr(), k=counted_width, random_state=0)
    counted = left * np.sqrt(strength)
    counted /= counted.std() + 1e-9
    counted = np.clip(counted, -4, 4)
    made = np.concatenate([counted, rng.normal(size=(size, width - counted_width))], axis=1)
    turned, _ = np.linalg.qr(rng.normal(size=(width, width)))
    return torch.from_numpy(0.04 * made @ turned).float()
