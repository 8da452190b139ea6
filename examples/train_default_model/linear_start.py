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

import math
import random
from collections.abc import Sequence

import numpy as np
import torch
from corpus import FEATURES, Call
from mixes import Encoder, Example
from model import Trainee
from segments import UNKNOWN, Cut
from torch import Tensor
from torch.nn import functional

COUNT = len(FEATURES)
HEAD = 64
# Where in the width things stand: token weights, a constant, the asking name, evidence, the best evidence, the answer.
WEIGHT, CONSTANT, ASKED, EVIDENCE, BEST, ANSWER = 0, 13, 14, 29, 42, 55
USED = (*range(27), *range(29, 56))
HIDDEN = 256
"""The width of a network that has words' vectors of its own making, in the `FREE` units."""
FREE = (27, 28, *range(56, HIDDEN))
WIDTH = len(FREE)
SHARP = 5.6
"""Score of the nearest place above one far away."""
REACH = 128
SUM = 2.0
"""By how much a mean of weights is multiplied to be a logit."""
WORD = 0.04
"""Root mean square of a word's own vector in a width of 256."""
WEIGHED = 0.1
"""What a weight of 1 is in a normed word."""
FAINT = 0.1
"""What evidence of a logit of 1 adds to a state: little beside a word (0.13 a unit) that a trained layer is to read."""
MARK, KNOWN = 0.6, 2.5
"""Of a field's name the mark that tells it from the others; of every normed word the constant."""
LARGEST = 20.0
"""Of the weights that are written in."""
EPOCHS, BATCH, RIDGE, SHARED = 8, 16, 3e-4, 3e-5


def pairs(theta: float) -> range:
    """Rotary pairs of a head of 64 whose cosines make the kernel: near 1 for ten tokens, a half at twenty."""
    return range(*(round(pair * math.log(1e4) / math.log(theta)) for pair in (11, 18)))


SLOW = tuple(unit for pair in range(31, 24, -1) for unit in (pair, pair + 32))[:COUNT]
"""Units of a head of 64 that rotary positions turn least, one for each field: 0.75 radians in a thousand or less."""


def kernel(theta: float) -> Tensor:
    """How much a token counts by its distance, (REACH,)."""
    turns = theta ** (-np.array(pairs(theta)) / 32)
    shape = np.cos(np.arange(REACH)[:, None] * turns).sum(1) - len(turns)
    return torch.tensor(np.exp(SHARP * shape / len(turns)), dtype=torch.float32)


def fit(calls: Sequence[Call], encoder: Encoder, groups: Tensor, theta: float, seed: int) -> tuple[Tensor, Tensor]:
    """A weight for each token and feature, (size, 13), and biases, (13,), from what the segments show.

    Args:
        calls: That are trained on.
        encoder: Of the vocabulary.
        groups: (size, groups) of letters, as `letters.groups` gives them.
        theta: Of the rotary positions, by which the first head looks back.
        seed: Of the order.
    """
    rng, looks = random.Random(seed), kernel(theta)
    before = encoder.layout.before
    texts = []
    for call in calls:
        cut = Cut(call)
        text = call.text + "\n"
        ids = encoder.plain.encode(text, add_special_tokens=False)
        # As in `Encoder.example`: the line's own end, or the last token of a sentence inside a line.
        ends = [ids.char_to_token(end if text[end] == "\n" else end - 1) for _, end, _ in cut.spans]
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
            loss = (
                _loss(some, weights, biases, looks)
                + RIDGE * own[used].pow(2).mean()
                + SHARED * weights[used].pow(2).mean()
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        optimizer.param_groups[0]["lr"] *= 0.8
    return (own + torch.sparse.mm(groups, shared)).detach(), biases.detach()


def _loss(texts: Sequence[tuple[Tensor, Tensor, Tensor]], weights: Tensor, biases: Tensor, looks: Tensor) -> Tensor:
    """Of some texts, one behind the other with gaps as wide as the kernel reaches."""
    rows, there, ends, at = [], [], [], 0
    for ids, places, _ in texts:
        rows += [weights[ids], torch.zeros(REACH, COUNT)]
        there += [torch.ones(len(ids)), torch.zeros(REACH)]
        ends.append(places + at)
        at += len(ids) + REACH
    logits = _looked_back(torch.cat(rows), torch.cat(there), looks)[torch.cat(ends)] + biases
    targets = torch.cat([wanted for _, _, wanted in texts])
    known = targets != UNKNOWN
    # What is there counts twice, being rare.
    return functional.binary_cross_entropy_with_logits(logits[known], targets[known], weight=1 + targets[known])


def _looked_back(rows: Tensor, there: Tensor, looks: Tensor) -> Tensor:
    """(N, 13) weights of tokens -> (N, 13), at every place their mean under the kernel, as attention takes it."""
    shape = looks.flip(0)[None, None]
    sums = functional.conv1d(functional.pad(rows.T[:, None], (REACH - 1, 0)), shape)[:, 0].T
    masses = functional.conv1d(functional.pad(there[None, None], (REACH - 1, 0)), shape)[0, 0]
    return SUM * sums / masses.clamp_min(1e-6)[:, None]


def spread_out(words: Tensor) -> Tensor:
    """Vectors (size, WIDTH) of words, of one length and in their places in a width of 256."""
    table = torch.zeros(len(words), HIDDEN)
    # Of one length, or evidence would count by the word that it stands at.
    table[:, FREE] = words * (WORD / words.pow(2).mean(1, keepdim=True).sqrt().clamp_min(1e-6))
    return table


@torch.no_grad()
def write(trainee: Trainee, weights: Tensor, biases: Tensor, words: Tensor, samples: Sequence[Example]) -> None:
    """Make a network compute the linear model in its first units and heads; what else it has is left as it is.

    Args:
        trainee: With heads of 64.
        weights: (size, 13), and
        biases: (13,), as `fit` gives them.
        words: (size, hidden) vectors of the words, none zero; their `USED` units are written over.
        samples: By which the length of states is measured.
    """
    layers, theta = trainee.model.model.layers, trainee.model.config.rope_parameters["rope_theta"]
    _embed(trainee, weights.clamp(-LARGEST, LARGEST) * WEIGHED, words)
    for layer in layers:
        for part in (layer.self_attn.o_proj, layer.mlp.down_proj):
            part.weight[list(USED)] = 0  # so that nothing else is added to what is written in
    looking, asking = layers[0], layers[trainee.tap]
    _emptied(looking.self_attn)
    _emptied(asking.self_attn)
    at_ends, at_names = _lengths(trainee, samples)
    for unit in pairs(theta):
        for part in (looking.self_attn.q_proj, looking.self_attn.k_proj):
            part.weight[unit, CONSTANT] = (8 * SHARP / len(pairs(theta))) ** 0.5 / KNOWN
    for number in range(COUNT):
        looking.self_attn.v_proj.weight[number, WEIGHT + number] = 1.0
        looking.self_attn.o_proj.weight[EVIDENCE + number, number] = FAINT * SUM / WEIGHED
    trainee.head_norm.weight.zero_()
    certain = at_ends / FAINT
    trainee.head_norm.weight[EVIDENCE : EVIDENCE + COUNT] = certain / MARK
    trainee.head_bias.copy_(biases)
    _ask(trainee, asking, biases, certain, at_names)


def _lengths(trainee: Trainee, samples: Sequence[Example]) -> tuple[float, Tensor]:
    """Median root mean squares of states below the layer that asks: at segments' ends and at fields' names (13,)."""
    ends, names = [], []
    trainee.eval()
    for sample in samples:
        asking = [sample.answer_from + place - 1 for place in trainee.layout.choices]
        tapped, _ = trainee.states(torch.tensor([sample.ids]), trainee.table(), torch.tensor([asking]))
        length = tapped[0].pow(2).mean(1).sqrt()
        ends.append(length[sample.ends])
        names.append(length[asking])
    return float(torch.cat(ends).median()), torch.stack(names).median(0).values


def _embed(trainee: Trainee, weights: Tensor, words: Tensor) -> None:
    """Embeddings whose normed form holds exactly these weights and the constant, whatever the word's own vector is."""
    table, names = trainee.model.get_input_embeddings().weight, trainee.keys
    no, yes = trainee.layout.values
    table.copy_(words)
    table[:, list(USED)] = 0
    weights[[*names.tolist(), no, yes]] = 0
    for number, name in enumerate(names.tolist()):
        table[name, EVIDENCE + number] = table[name, ASKED + number] = MARK
    table[yes, ANSWER], table[no, ANSWER] = 0.25, -0.25
    taken = KNOWN**2 + weights.pow(2).sum(1)
    spread = (table.pow(2).sum(1) / (table.shape[1] - taken)).clamp_min(1e-6).sqrt()
    table[:, CONSTANT] = KNOWN * spread
    table[:, WEIGHT : WEIGHT + COUNT] = weights * spread[:, None]


def _ask(trainee: Trainee, layer: torch.nn.Module, biases: Tensor, certain: float, lengths: Tensor) -> None:
    """A head that a field's name asks for the strongest evidence, and units that say yes or no by it.

    Args:
        trainee: Whose names are asked.
        layer: That is written into.
        biases: (13,) of the linear model.
        certain: The logit that evidence of 1 in a normed state stands for.
        lengths: (13,) of the states at the fields' names.
    """
    attention, saying = layer.self_attn, layer.mlp
    constants = trainee.model.get_input_embeddings().weight[trainee.keys, CONSTANT] / lengths
    for number, (unit, length) in enumerate(zip(SLOW, lengths.tolist(), strict=True)):
        asked, best = MARK / length, 1.5 * length
        sharp = (8 * certain / asked) ** 0.5  # so that a score is a logit
        attention.q_proj.weight[unit, ASKED + number] = sharp
        # Names look like evidence of themselves, and are not to be found.
        attention.k_proj.weight[unit, EVIDENCE + number], attention.k_proj.weight[unit, ASKED + number] = sharp, -sharp
        attention.v_proj.weight[number, EVIDENCE + number], attention.v_proj.weight[number, ASKED + number] = 1.0, -1.0
        attention.o_proj.weight[BEST + number, number] = best
        for place, source, factor in (
            (number, BEST + number, length / best * certain),
            (COUNT + number, CONSTANT, float(biases[number] / constants[number])),
        ):
            saying.gate_proj.weight[place], saying.up_proj.weight[place], saying.down_proj.weight[:, place] = 0, 0, 0
            saying.gate_proj.weight[place, ASKED + number] = 4.5 / asked
            saying.up_proj.weight[place, source] = factor
            saying.down_proj.weight[ANSWER, place] = 0.3 * length


def _emptied(attention: torch.nn.Module) -> None:
    """Attention whose first head does nothing."""
    for part in (attention.q_proj, attention.k_proj, attention.v_proj):
        part.weight[:HEAD] = 0
    attention.o_proj.weight[:, :HEAD] = 0
