"""What a user could have instead of the model: all-False, keywords, a linear model of windows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from corpus import FEATURES, Call
from keywords import keyword_answers
from numpy.typing import NDArray
from segments import UNKNOWN, Cut, Targets
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion

WINDOW = 2
Answers = NDArray[np.bool_]


def all_false(calls: Sequence[Call]) -> Answers:
    """(N, 13) of False."""
    return np.zeros((len(calls), len(FEATURES)), dtype=bool)


def by_keywords(calls: Sequence[Call]) -> Answers:
    """(N, 13) by the keyword list."""
    return np.array([keyword_answers(call.text, call.language) for call in calls], dtype=bool)


def windows(call: Call) -> list[tuple[str, Targets]]:
    """Every window of two segments with its labels; a single one if there are no two."""
    cut = Cut(call)
    count = len(cut.segments)
    return [
        (
            "\n".join(segment.text for segment in cut.segments[at : at + WINDOW]),
            cut.run_targets(at, min(at + WINDOW, count) - 1),
        )
        for at in range(max(1, count - WINDOW + 1))
    ]


class LinearWindows:
    """TF-IDF of words and letters over windows, one logistic regression a feature.

    A transcript's probability is that of its most certain window.
    """

    def __init__(self, strength: float = 20.0) -> None:
        self.vectors = FeatureUnion(
            [
                ("words", TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)),
                (
                    "letters",
                    TfidfVectorizer(
                        analyzer="char_wb",
                        ngram_range=(3, 5),
                        min_df=3,
                        max_features=60_000,
                        sublinear_tf=True,
                    ),
                ),
            ]
        )
        self.models = [
            LogisticRegression(C=strength, solver="liblinear", class_weight={0: 1.0, 1: 2.0}) for _ in FEATURES
        ]

    def fit(self, calls: Iterable[Call]) -> LinearWindows:
        """Learn from every window of the calls; unknown labels are left out."""
        pairs = [pair for call in calls for pair in windows(call)]
        vectors = self.vectors.fit_transform([text for text, _ in pairs])
        targets = np.array([target for _, target in pairs])
        for feature, model in enumerate(self.models):
            known = targets[:, feature] != UNKNOWN
            model.fit(vectors[known], targets[known, feature])
        return self

    def of_texts(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """P(true) of single windows, (N, 13)."""
        vectors = self.vectors.transform(texts)
        return np.stack([model.predict_proba(vectors)[:, 1] for model in self.models], axis=1)

    def probabilities(self, calls: Sequence[Call]) -> NDArray[np.float64]:
        """P(true) of whole transcripts, (N, 13)."""
        parts = [windows(call) for call in calls]
        shares = self.of_texts([text for part in parts for text, _ in part])
        ends = np.cumsum([len(part) for part in parts])[:-1]
        return np.stack([part.max(0) for part in np.split(shares, ends)])
