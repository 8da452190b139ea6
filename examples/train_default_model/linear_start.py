"""Weights to begin with: a linear model of tokens, fitted first, and the search for its most certain place, written in.

From random weights the network needs thousands of steps to find what a linear model finds in seconds, and does not
catch up. So the linear model comes first: a weight for every token and feature, summed over about thirty tokens before
a place. A token's weight is its own and that of the letters it is made of (after Bojanowski et al., TACL 2017), so that
forms of a word that the calls have seldom or never take part. Then a Llama is given the weights that compute it. The
first head of the first layer looks back with a fixed kernel; the first head of a layer near the top, asked by a field's
name, finds the place with the strongest evidence; one unit for each field in its feed-forward part says yes or no.
Everything is trained from there.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import torch
from corpus import FEATURES, Call
from mixes import Encoder
from model import Trainee, tap
from segments import UNKNOWN, Cut
from torch import Tensor
from torch.nn import functional

COUNT = len(FEATURES)
# Where in the width things stand: token weights, a constant, the asking name, evidence, the best evidence, the answer.
WEIGHT, CONSTANT, ASKED, EVIDENCE, BEST, ANSWER = 0, 13, 14, 29, 42, 55
USED = (*range(27), *range(29, 56))
FREE = (27, 28, *range(56, 256))
"""The rest of the width, for the words' own vectors."""
WIDTH = len(FREE)
PAIRS = range(11, 18)
"""Rotary pairs of a head of 64 whose cosines make the kernel: near 1 for ten tokens, a half at twenty, 0 at sixty."""
SLOW = (*range(25, 32), *range(57, 63))
"""Units of a head that rotary positions hardly turn over a thousand tokens."""
SHARP = 0.8
REACH = 128
SUM = 2.0
"""By how much a mean of weights is multiplied to be a logit."""
WORD = 0.04
"""Root mean square of a word's own vector."""
LOST = 1.33
"""By how much states are longer than the words that they begin as, measured: evidence is normed by it."""
LARGEST = 20.0
"""Of the weights that are written in."""
EPOCHS, BATCH, RIDGE, SHARED = 8, 16, 3e-4, 3e-5


def kernel() -> Tensor:
    """How much a token counts by its distance, (REACH,)."""
    turns = 10_000.0 ** (-np.array(PAIRS) / 32)
    shape = np.cos(np.arange(REACH)[:, None] * turns).sum(1) - len(PAIRS)
    return torch.tensor(np.exp(SHARP * shape), dtype=torch.float32)


def fit(calls: Sequence[Call], encoder: Encoder, groups: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """A weight for each token and feature, (size, 13), and biases, (13,), from what the segments show.

    Args:
        calls: That are trained on.
        encoder: Of the vocabulary.
        groups: (size, groups) of letters, as `letters.groups` gives them.
        seed: Of the order.
    """
    rng = random.Random(seed)
    before = encoder.layout.before
    texts = []
    for call in calls:
        cut = Cut(call)
        text = call.text + "\n"
        ids = encoder.plain.encode(text, add_special_tokens=False)
        # As in `Encoder.example`: the line's own end, or the last token of a sentence inside a line.
        ends = [ids.char_to_token(end if text[end] == "\n" else end - 1) or 0 for _, end, _ in cut.spans]
        targets = torch.tensor([segment.targets for segment in cut.segments], dtype=torch.float32)
        texts.append((torch.tensor([*before, *ids.ids]), torch.tensor(ends) + len(before), targets))
    own = torch.zeros(groups.shape[0], COUNT, requires_grad=True)
    shared = torch.zeros(groups.shape[1], COUNT, requires_grad=True)
    biases = torch.full((COUNT,), -4.0, requires_grad=True)
    optimizer = torch.optim.Adam([own, shared, biases], lr=0.05)
    for _ in range(EPOCHS):
        rng.shuffle(texts)
        for at in range(0, len(texts), BATCH):
            some = texts[at : at + BATCH]
            used = torch.cat([ids for ids, _, _ in some]).unique()
            weights = own + torch.sparse.mm(groups, shared)
            loss = _loss(some, weights, biases) + RIDGE * own[used].pow(2).mean() + SHARED * weights[used].pow(2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        optimizer.param_groups[0]["lr"] *= 0.8
    return (own + torch.sparse.mm(groups, shared)).detach(), biases.detach()


def _loss(texts: Sequence[tuple[Tensor, Tensor, Tensor]], weights: Tensor, biases: Tensor) -> Tensor:
    """Of some texts, one behind the other with gaps as wide as the kernel reaches."""
    rows, there, ends, at = [], [], [], 0
    for ids, places, _ in texts:
        rows += [weights[ids], torch.zeros(REACH, COUNT)]
        there += [torch.ones(len(ids)), torch.zeros(REACH)]
        ends.append(places + at)
        at += len(ids) + REACH
    logits = _looked_back(torch.cat(rows), torch.cat(there))[torch.cat(ends)] + biases
    targets = torch.cat([wanted for _, _, wanted in texts])
    known = targets != UNKNOWN
    # What is there counts twice, being rare.
    return functional.binary_cross_entropy_with_logits(logits[known], targets[known], weight=1 + targets[known])


def _looked_back(rows: Tensor, there: Tensor) -> Tensor:
    """(N, 13) weights of tokens -> (N, 13), at every place their mean under the kernel, as attention takes it."""
    shape = kernel().flip(0)[None, None]
    sums = functional.conv1d(functional.pad(rows.T[:, None], (REACH - 1, 0)), shape)[:, 0].T
    masses = functional.conv1d(functional.pad(there[None, None], (REACH - 1, 0)), shape)[0, 0]
    return SUM * sums / masses.clamp_min(1e-6)[:, None]


@torch.no_grad()
def write(trainee: Trainee, weights: Tensor, biases: Tensor, words: Tensor) -> None:
    """Make a network compute the linear model; its other heads and units begin small and at random.

    Args:
        trainee: With a width of 256 and heads of 64.
        weights: (size, 13), and
        biases: (13,), as `fit` gives them.
        words: (size, WIDTH) vectors of the words, none zero.
    """
    layers = trainee.model.model.layers
    share, constant, gain = 0.004, 2.5, 0.5
    _embed(trainee, weights.clamp(-LARGEST, LARGEST) * (share / WORD), words, constant)
    for layer in layers:
        for part in (layer.self_attn.q_proj, layer.self_attn.k_proj):
            part.weight.normal_(std=0.02)
        for part in (layer.self_attn.o_proj, layer.mlp.down_proj):
            part.weight.mul_(0.05)
            part.weight[list(USED)] = 0  # so that nothing random is added to what is written in
    # By a normed state's evidence, its logit: `scale` times as much.
    scale = LOST * SUM * WORD / share * WORD / gain
    trainee.head_norm.weight[EVIDENCE : EVIDENCE + COUNT] = scale / 0.6
    trainee.head_bias.copy_(biases)
    looking = _emptied(layers[0].self_attn)
    for unit in PAIRS:
        for part in (looking.q_proj, looking.k_proj):
            part.weight[unit, CONSTANT] = (8 * SHARP) ** 0.5 / constant
    for number in range(COUNT):
        looking.v_proj.weight[number, WEIGHT + number] = 1.0
        looking.o_proj.weight[EVIDENCE + number, number] = gain
    _ask(trainee, layers[tap(len(layers))], biases, scale)


def _embed(trainee: Trainee, weights: Tensor, words: Tensor, constant: float) -> None:
    """Embeddings whose normed form holds exactly these weights and the constant, whatever the word's own vector is."""
    table, names = trainee.model.get_input_embeddings().weight, trainee.keys
    no, yes = trainee.layout.values
    table.zero_()
    # Of one length, or evidence would count by the word that it stands at.
    table[:, FREE] = words * (WORD / words.pow(2).mean(1, keepdim=True).sqrt().clamp_min(1e-6))
    weights[[*names.tolist(), no, yes]] = 0
    for number, name in enumerate(names.tolist()):
        table[name, EVIDENCE + number] = table[name, ASKED + number] = 0.6
    table[yes, ANSWER], table[no, ANSWER] = 0.25, -0.25
    taken = constant**2 + weights.pow(2).sum(1)
    spread = (table.pow(2).sum(1) / (table.shape[1] - taken)).clamp_min(1e-6).sqrt()
    table[:, CONSTANT] = constant * spread
    table[:, WEIGHT : WEIGHT + COUNT] = weights * spread[:, None]


def _ask(trainee: Trainee, layer: torch.nn.Module, biases: Tensor, scale: float) -> None:
    """A head that a field's name asks for the strongest evidence, and units that say yes or no by it."""
    table, names = trainee.model.get_input_embeddings().weight, trainee.keys
    spread = float(table[names].pow(2).mean(1).sqrt().mean())
    asking = _emptied(layer.self_attn)
    sharp = (8 * scale / (0.6 / spread)) ** 0.5  # so that a score is a logit
    constant = float(table[names, CONSTANT].mean()) / spread
    for number, unit in enumerate(SLOW):
        asking.q_proj.weight[unit, ASKED + number] = sharp
        # Names look like evidence of themselves, and are not to be found.
        asking.k_proj.weight[unit, EVIDENCE + number], asking.k_proj.weight[unit, ASKED + number] = sharp, -sharp
        asking.v_proj.weight[number, EVIDENCE + number], asking.v_proj.weight[number, ASKED + number] = 1.0, -1.0
        asking.o_proj.weight[BEST + number, number] = 0.1
    saying = layer.mlp
    for number in range(COUNT):
        for unit, source, factor in (
            (number, BEST + number, spread / 0.1 * scale),
            (COUNT + number, CONSTANT, float(biases[number]) / constant),
        ):
            saying.gate_proj.weight[unit], saying.up_proj.weight[unit], saying.down_proj.weight[:, unit] = 0, 0, 0
            saying.gate_proj.weight[unit, ASKED + number] = 0.5
            saying.up_proj.weight[unit, source] = factor
            saying.down_proj.weight[ANSWER, unit] = 0.02


def _emptied(attention: torch.nn.Module) -> torch.nn.Module:
    """Attention whose first head does nothing."""
    for part in (attention.q_proj, attention.k_proj, attention.v_proj):
        part.weight[:64] = 0
    attention.o_proj.weight[:, :64] = 0
    return attention
