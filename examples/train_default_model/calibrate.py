"""Finish a trained model on the development calls: `python calibrate.py --model model`.

First its probabilities: Platt scaling (Platt 1999), one slope and one intercept for the log-odds of all features, by
logistic regression on development calls that are no contrasts, written into the weights: the vectors of `true` and
`false` are moved along their difference for the slope, and along what all askings have in common for the intercept.
What a model has learned by heart makes it too sure of what it reads elsewhere.

Then the spelling of an answer: the loss in training is of the two values alone, so another token may begin the same
text ("t" for "true", "," for the next name). Decoding by a plan never asks; decoding token by token does. Both are set
apart, along what the states that ask have in common.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from corpus import CALIBRATION_AUTHORS, Call, load_calls, split
from numpy.typing import NDArray
from scoring import asking_states, labels_of, log_loss, probabilities
from sklearn.linear_model import LogisticRegression
from tokenizer import Layout, layout, load_tokenizer
from torch import Tensor
from transformers import AutoModelForCausalLM, LlamaForCausalLM, PreTrainedTokenizerFast

HERE = Path(__file__).parent
MARGIN = 3.0
"""In nats, by which the spelling that is meant is above others."""


def slope_and_intercept(truth: NDArray[np.bool_], shares: NDArray[np.float64]) -> tuple[float, float]:
    """Of the log-odds of P(true) (N, 13), so that they fit labels (N, 13) best."""
    odds = np.log(shares / (1 - shares)).clip(-30, 30)
    fitted = LogisticRegression(C=1e6).fit(odds.reshape(-1, 1), truth.reshape(-1))
    return float(fitted.coef_[0, 0]), float(fitted.intercept_[0])


@torch.no_grad()
def write(model: LlamaForCausalLM, values: tuple[int, int], states: Tensor, slope: float, intercept: float) -> None:
    """Change the vectors of false and true so that log-odds become `slope` times themselves and `intercept`.

    Args:
        model: Whose embeddings are the output's weights too.
        values: Ids of false and true.
        states: (N, hidden) where values are asked for.
        slope: Above 0.
        intercept: In nats; the mean over `states` is exact, and a single one off by what sets it apart.
    """
    table = model.get_input_embeddings().weight
    no, yes = (table[value].clone() for value in values)
    turn = (slope - 1) * (yes - no) + _along(states, intercept)
    table[values[0]], table[values[1]] = no - turn / 2, yes + turn / 2


@torch.no_grad()
def spell(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, shape: Layout, calls: Sequence[Call]) -> int:
    """Put the tokens of an answer `MARGIN` above those that begin the same text, and return how many moved.

    Beside a value its rivals are lowered ("t", "fa"): fragments of English that hardly a text has. The rivals of a name
    are punctuation, which texts are full of; there the name is raised, which stands in answers alone.
    """
    nothing = [*shape.answer, shape.eos]
    prompts = [shape.prompt(tokenizer.encode(call.text, add_special_tokens=False)) for call in calls]
    states = [model.model(torch.tensor([[*prompt, *nothing]])).last_hidden_state[0] for prompt in prompts]
    # A state stands one place before what it asks for: here (N, 27, hidden), of the names, the values and the brace.
    found = torch.stack([state[-len(nothing) - 1 : -2] for state in states])
    texts = [tokenizer.decode([token]) for token in range(len(tokenizer))]
    table = model.get_input_embeddings().weight
    moved = 0

    def lacking(some: Tensor, wanted: Sequence[int]) -> dict[int, float]:
        """Rivals of tokens, and by how much they are too high for the worst of the states (N, hidden)."""
        whole = [texts[token] for token in wanted]
        rivals = [
            token
            for token, text in enumerate(texts)
            if text and token not in wanted and any(name.startswith(text) for name in whole)
        ]
        meant = (some @ table[list(wanted)].T).amax(1)
        short = (some @ table[rivals].T - meant[:, None]).amax(0) + MARGIN
        return {token: value for token, value in zip(rivals, short.tolist(), strict=True) if value > 0}

    # Each name where it is due, and the values anywhere.
    for at, name in enumerate(shape.answer[:-1:2]):
        if short := lacking(found[:, 2 * at], (name,)):
            table[name] += _along(found[:, 2 * at], max(short.values()))
            moved += 1
    asked = found[:, 1::2].flatten(0, 1)
    for token, value in lacking(asked, shape.values).items():
        table[token] -= _along(asked, value)
        moved += 1
    return moved


def _along(states: Tensor, nats: float) -> Tensor:
    """(hidden,) what raises a token's logit by so much, in the mean of states (N, hidden)."""
    shared = states.mean(0)
    return nats * shared / shared.dot(shared)


def main() -> None:
    """Calibrate the model of a folder and save it there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--calls", type=Path, default=HERE / "calls")
    options = parser.parse_args()
    calls = [call for call in split(load_calls(options.calls)[0]).dev if call.author in CALIBRATION_AUTHORS]
    tokenizer = load_tokenizer(options.model)
    model = AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32)
    shape = layout(tokenizer)
    truth, shares = labels_of(calls), probabilities(model, tokenizer, shape, calls)
    before = log_loss(truth, shares)
    slope, intercept = slope_and_intercept(truth, shares)
    write(model, shape.values, asking_states(model, tokenizer, shape, calls), slope, intercept)
    moved = spell(model, tokenizer, shape, calls[::2])
    after = log_loss(truth, probabilities(model, tokenizer, shape, calls))
    print(f"{moved} tokens were set apart, so that an answer is spelled in one way")
    print(f"slope {slope:.2f}, intercept {intercept:.2f}; cross-entropy on development {before:.3f}, then {after:.3f}")
    model.to(torch.bfloat16).save_pretrained(options.model)


if __name__ == "__main__":
    main()
