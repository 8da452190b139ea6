"""One contract, kept by every model: what a session gives is what whole plain passes over the same tokens give."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import ARCHITECTURES, WINDOW, model

from clinextract.models.base import LogitModel, Prefix, Read, Session, Step
from clinextract.models.fake import FakeModel
from clinextract.models.transformers import PREFIXES, TransformersModel

NEAR = 1e-4

MODELS: dict[str, Callable[[], LogitModel]] = {
    "fake": lambda: FakeModel({"pain": 0.7, "note": "Ü", "mood": {"mild": 0.6, "mild pain": 0.3}}),
    **{name: (lambda name=name: model("bytes", name, 1)) for name in ARCHITECTURES},
}

every_model = pytest.mark.parametrize("name", MODELS)


def plain(made: LogitModel, tokens: list[int]) -> np.ndarray:
    """Log-probabilities of all tokens after these, by one pass without a cache."""
    if isinstance(made, FakeModel):
        return made.next_byte(bytes(tokens))
    assert isinstance(made, TransformersModel)
    with torch.inference_mode():
        logits = made.model(input_ids=torch.tensor([tokens]), use_cache=False).logits
    return logits[0, -1].float().log_softmax(-1).numpy()


def size(made: LogitModel) -> int:
    return len(made.tokenizer.token_bytes)


def some_tokens(made: LogitModel, chance: random.Random, count: int) -> list[int]:
    if isinstance(made, FakeModel):
        # Text of an answer, so that what comes next depends on it.
        return list(("\n" + '{"pain": false, "note": "Ü", "mood": "mild pain"}' * 9).encode()[:count])
    return [chance.randrange(size(made)) for _ in range(count)]


@dataclass
class Rows:
    """A session, and beside it the tokens that every row must hold."""

    made: LogitModel
    prefix: Prefix
    session: Session
    tokens: list[list[int]]
    chance: random.Random
    appended: list[int] = field(default_factory=list)

    @classmethod
    def start(cls, made: LogitModel, chance: random.Random, prefix: int, rows: int) -> Rows:
        tokens = some_tokens(made, chance, prefix)
        kept = made.prefill(tokens)
        return cls(made, kept, made.session(kept, rows), [list(tokens) for _ in range(rows)], chance, [0] * rows)

    def extend(self, *, rest: float = 0.2, longest: int = 8, branches: int = 5) -> None:
        """A random step for every row, or none, held against plain passes."""
        steps: list[Step | None] = []
        wanted: list[list[tuple[list[int], np.ndarray]]] = []
        for row in range(len(self.tokens)):
            step, texts = None, []
            if self.chance.random() >= rest or (all(one is None for one in steps) and row == len(self.tokens) - 1):
                step, texts = self._step(row, longest, branches)
            steps.append(step)
            wanted.append(texts)
        passes = self.session.passes
        answers = self.session.extend(steps)
        assert self.session.passes == passes + 1
        assert [len(row) for row in answers] == [len(row) for row in wanted]
        for row, texts in zip(answers, wanted, strict=True):
            for found, (text, ids) in zip(row, texts, strict=True):
                assert found.shape == ids.shape
                np.testing.assert_allclose(found, plain(self.made, text)[ids], atol=NEAR, rtol=0)

    def _step(self, row: int, longest: int, branches: int) -> tuple[Step, list[tuple[list[int], np.ndarray]]]:
        chain = some_tokens(self.made, self.chance, self.chance.randint(1, longest))
        paths = [[*self.tokens[row], *chain[: n + 1]] for n in range(len(chain))]
        hung: list[tuple[int, int]] = []
        for _ in range(self.chance.randint(0, branches)):
            # Mostly behind the last one, so that branches become deep.
            parent = len(paths) - 1 if self.chance.random() < 0.5 else self.chance.randrange(len(paths))
            token = self.chance.randrange(1, size(self.made))
            hung.append((parent, token))
            paths.append([*paths[parent], token])
        nodes = [self.chance.randrange(len(paths)) for _ in range(self.chance.randint(0, 4))]
        ids = [np.array(self.chance.choices(range(size(self.made)), k=self.chance.randint(1, 9))) for _ in nodes]
        self.tokens[row] += chain
        self.appended[row] += len(chain)
        reads = [Read(node, one) for node, one in zip(nodes, ids, strict=True)]
        return Step(chain, hung, reads), [(paths[node], one) for node, one in zip(nodes, ids, strict=True)]

    def rewind(self) -> None:
        """Every row by a number of its own."""
        for row in range(len(self.tokens)):
            tokens = self.chance.randint(0, self.appended[row])
            self.session.rewind(row, tokens)
            self.tokens[row] = self.tokens[row][: len(self.tokens[row]) - tokens]
            self.appended[row] -= tokens


@every_model
@given(seed=st.integers(0, 2**32), prefix=st.integers(0, 3 * WINDOW), rows=st.integers(1, 3))
@settings(max_examples=15)
def test_any_sequence_of_steps_and_rewinds_gives_what_plain_passes_give(
    name: str, seed: int, prefix: int, rows: int
) -> None:
    session = Rows.start(MODELS[name](), random.Random(seed), prefix, rows)
    for _ in range(4):
        session.extend()
        session.rewind()
    session.extend(rest=0)


@pytest.mark.slow
@every_model
@given(seed=st.integers(0, 2**32), prefix=st.integers(0, 60), rows=st.integers(1, 5))
@settings(max_examples=150)
def test_long_sequences_of_steps_and_rewinds(name: str, seed: int, prefix: int, rows: int) -> None:
    chance = random.Random(seed)
    session = Rows.start(MODELS[name](), chance, prefix, rows)
    for _ in range(8):
        session.extend(longest=25, branches=12)
        if chance.random() < 0.6:
            session.rewind()


@every_model
def test_a_chain_is_read_at_every_place(name: str) -> None:
    made = MODELS[name]()
    chance = random.Random(1)
    prefix, chain = some_tokens(made, chance, 2 * WINDOW), some_tokens(made, chance, 3 * WINDOW)
    every = np.arange(size(made))
    session = made.session(made.prefill(prefix), 1)
    [answers] = session.extend([Step(chain, (), [Read(n, every) for n in range(len(chain))])])
    for n, found in enumerate(answers):
        np.testing.assert_allclose(found, plain(made, [*prefix, *chain[: n + 1]]), atol=NEAR, rtol=0)
        assert np.exp(found.astype(np.float64)).sum() == pytest.approx(1, abs=1e-4)


@every_model
def test_branches_do_not_see_each_other(name: str) -> None:
    made = MODELS[name]()
    chance = random.Random(2)
    chain = some_tokens(made, chance, 5)
    ids = np.arange(size(made))
    hung = [(1, 9), (5, 10), (6, 11), (1, 12), (4, 13), (7, 14)]
    reads = [Read(node, ids) for node in (8, 9, 10)]
    session = made.session(made.prefill([7, 8, 9]), 1)
    [[third, fourth, fifth]] = session.extend([Step(chain, hung, reads[:3])])
    start = [7, 8, 9]
    np.testing.assert_allclose(third, plain(made, [*start, *chain[:2], 12]), atol=NEAR, rtol=0)
    np.testing.assert_allclose(fourth, plain(made, [*start, *chain, 13]), atol=NEAR, rtol=0)
    np.testing.assert_allclose(fifth, plain(made, [*start, *chain[:2], 9, 10, 11, 14]), atol=NEAR, rtol=0)


@every_model
def test_branches_are_gone_after_the_call(name: str) -> None:
    made = MODELS[name]()
    chance = random.Random(3)
    chain, more = some_tokens(made, chance, 4), some_tokens(made, chance, 3)
    ids = np.arange(size(made))
    with_branches, without = (made.session(made.prefill([7, 8]), 1) for _ in range(2))
    with_branches.extend([Step(chain, [(0, 5), (4, 6), (3, 7)], [Read(5, ids)])])
    without.extend([Step(chain)])
    [[one]] = with_branches.extend([Step(more, (), [Read(2, ids)])])
    [[other]] = without.extend([Step(more, (), [Read(2, ids)])])
    np.testing.assert_allclose(one, other, atol=NEAR, rtol=0)


@every_model
def test_rows_of_unequal_length_and_rows_that_rest(name: str) -> None:
    rows = Rows.start(MODELS[name](), random.Random(4), 5, 4)
    for _ in range(5):
        rows.extend(rest=0.5, longest=20)
    rows.extend(rest=0)


@every_model
def test_a_whole_row_can_be_rewound_to_the_prefix(name: str) -> None:
    made = MODELS[name]()
    ids = np.arange(size(made))
    for prefix in ([], [5, 6, 7]):
        session = made.session(made.prefill(prefix), 1)
        session.extend([Step([9, 10, 11, 12], [(0, 3)])])
        session.rewind(0, 4)
        [[found]] = session.extend([Step([20], (), [Read(0, ids)])])
        np.testing.assert_allclose(found, plain(made, [*prefix, 20]), atol=NEAR, rtol=0)


@every_model
def test_rewinding_nothing_changes_nothing(name: str) -> None:
    made = MODELS[name]()
    session = made.session(made.prefill([5, 6]), 1)
    session.extend([Step([7, 8])])
    session.rewind(0, 0)
    [[found]] = session.extend([Step([9], (), [Read(0, np.arange(size(made)))])])
    np.testing.assert_allclose(found, plain(made, [5, 6, 7, 8, 9]), atol=NEAR, rtol=0)


@every_model
def test_a_prefix_is_never_changed_by_its_sessions(name: str) -> None:
    made = MODELS[name]()
    tokens = list(range(5, 5 + 2 * WINDOW))
    prefix = made.prefill(tokens)
    assert prefix.length == len(tokens)
    before = [tensor.clone() for layer in getattr(prefix, "layers", []) for tensor in layer]
    for count in (1, 3):
        rows = Rows.start(made, random.Random(count), len(tokens), count)
        session = made.session(prefix, count)
        session.extend([Step([40, 41, 42], [(0, 7)])] * count)
        session.rewind(0, 3)
        session.extend([Step([50, 51])] * count)
        rows.extend()
    after = [tensor for layer in getattr(prefix, "layers", []) for tensor in layer]
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
    [[found]] = made.session(prefix, 1).extend([Step([9], (), [Read(0, np.arange(size(made)))])])
    np.testing.assert_allclose(found, plain(made, [*tokens, 9]), atol=NEAR, rtol=0)


@every_model
def test_a_model_is_a_logit_model_and_says_what_it_is(name: str) -> None:
    made = MODELS[name]()
    assert isinstance(made, LogitModel)
    assert made.info.name
    assert len(made.info.hash) == 16
    assert len(made.tokenizer.fingerprint) >= 5
    assert made.session(made.prefill([1, 2]), 2).passes == 0


def test_sliding_layers_look_back_no_further_than_their_window() -> None:
    made = model("bytes", "mistral", 1)
    ids = np.arange(size(made))
    # Two layers see two windows back; what lies before makes no difference.
    last = [30 + n for n in range(2 * WINDOW)]
    found = [
        made.session(made.prefill([first] * 20), 1).extend([Step(last, (), [Read(len(last) - 1, ids)])])[0][0]
        for first in (5, 6)
    ]
    np.testing.assert_allclose(found[0], found[1], atol=NEAR, rtol=0)


def test_the_last_few_prefixes_are_kept() -> None:
    made = TransformersModel(model().model, model()._hf_tokenizer, model().info)
    first = made.prefill([5, 6])
    assert made.prefill([5, 6]) is first
    for n in range(PREFIXES):
        made.prefill([7, n])
    assert made.prefill([5, 6]) is not first
