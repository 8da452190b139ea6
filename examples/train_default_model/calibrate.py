"""Finish a trained model on the development calls: `python calibrate.py --model model`.

First its probabilities: Platt scaling (Platt 1999), one slope and one intercept for the log-odds of all features, by
logistic regression on development calls that are no contrasts, written into the weights: the vectors of `true` and
`false` are moved along their difference for the slope, and along what all askings have in common for the intercept.
What a model has learned by heart makes it too sure of what it reads elsewhere.

Then the spelling of an answer: the loss in training is of the two values alone, so another token may begin the same
text ("t" for "true", "," for the next name). Decoding by a plan never asks; decoding token by token does. Those tokens
are lowered, along what the states that ask have in common.
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
    shared = states.mean(0)
    turn = (slope - 1) * (yes - no) + intercept * shared / shared.dot(shared)
    table[values[0]], table[values[1]] = no - turn / 2, yes + turn / 2


@torch.no_grad()
def spell(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, shape: Layout, calls: Sequence[Call]) -> int:
    """Lower the tokens that would spell an answer otherwise, and return their number."""
    nothing = [*shape.answer, shape.eos]
    prompts = [shape.prompt(tokenizer.encode(call.text, add_special_tokens=False)) for call in calls]
    states = [model.model(torch.tensor([[*prompt, *nothing]])).last_hidden_state[0] for prompt in prompts]
    # A state stands one place before what it asks for: here (N, 27, hidden), of the names, the values and the brace.
    found = torch.stack([state[-len(nothing) - 1 : -2] for state in states])
    # Each name where it is due, and the values anywhere.
    asking = [((name,), found[:, 2 * at]) for at, name in enumerate(shape.answer[:-1:2])]
    asking.append((shape.values, found[:, 1::2].flatten(0, 1)))
    texts = [tokenizer.decode([token]) for token in range(len(tokenizer))]
    table = model.get_input_embeddings().weight
    lowered = set()
    for wanted, some in asking:
        shared = some.mean(0)
        whole = [texts[token] for token in wanted]
        meant = (some @ table[list(wanted)].T).amax(1)
        for token, text in enumerate(texts):
            if text and token not in wanted and any(name.startswith(text) for name in whole):
                short = (some @ table[token] - meant).amax() + MARGIN
                if short > 0:
                    table[token] -= short * shared / shared.dot(shared)
                    lowered.add(token)
    return len(lowered)


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
    lowered = spell(model, tokenizer, shape, calls[::2])
    after = log_loss(truth, probabilities(model, tokenizer, shape, calls))
    print(f"{lowered} tokens that spell an answer otherwise are lowered")
    print(f"slope {slope:.2f}, intercept {intercept:.2f}; cross-entropy on development {before:.3f}, then {after:.3f}")
    model.to(torch.bfloat16).save_pretrained(options.model)


if __name__ == "__main__":
    main()
