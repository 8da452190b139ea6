"""From log-probabilities of alternatives to the probability of a value."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from clinextract.errors import ModelOutputError


def shares(scores: Sequence[float] | npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """The share of each alternative among all of its choice: a softmax over total log-probabilities.

    Args:
        scores: Natural log-probabilities of the alternatives, shape (n,); -inf for one that is impossible.

    Returns:
        Shape (n,), sums to one.

    Raises:
        ModelOutputError: One is not a number, or all are impossible: the model's numbers have overflowed.
    """
    values = np.asarray(scores, dtype=np.float64)
    best = values.max()
    if not np.isfinite(best):  # NaN where any score is; argmax would take the first of those, which may be a no
        raise ModelOutputError(
            "the model's logits are not numbers",
            hint="They overflow its number format: load_model(name, dtype='bfloat16'), or 'float32', has a wider one.",
        )
    exponentials = np.exp(values - best)
    return np.asarray(exponentials / exponentials.sum(), dtype=np.float64)
