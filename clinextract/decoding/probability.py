"""From log-probabilities of alternatives to the probability of a value."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def shares(scores: Sequence[float] | npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """The share of each alternative among all of its choice: a softmax over total log-probabilities.

    Args:
        scores: Natural log-probabilities of the alternatives, shape (n,).

    Returns:
        Shape (n,), sums to one.
    """
    values = np.asarray(scores, dtype=np.float64)
    exponentials = np.exp(values - values.max())
    return np.asarray(exponentials / exponentials.sum(), dtype=np.float64)
