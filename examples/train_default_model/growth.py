"""A trained network made deeper and wider without a change to what it says, so that it can learn on.

What is new adds nothing at first, since the matrices by which it writes are zero: blocks are expanded as in LLaMA Pro
(Wu et al. 2024, arXiv 2401.02415), in the place where the segments' head reads.
"""

import torch
from model import quieten, usual_tap
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM


def check(config: LlamaConfig, layers: int, feed_forward: int) -> None:
    """Whether a model of this configuration can become so large.

    Raises:
        ValueError: It has more layers or units than that, or too few layers to have a head.
    """
    depth, units = config.num_hidden_layers, config.intermediate_size
    if layers < depth or feed_forward < units or depth < 3:
        raise ValueError(f"a network of three or more layers can grow, and not shrink: {depth} of {units} units here")


@torch.no_grad()
def grown(model: LlamaForCausalLM, layers: int, feed_forward: int) -> LlamaForCausalLM:
    """The model with as many layers, each with so many units; itself where it has them already.

    New layers stand below the segments' head, as copies of the layer there that write nothing; new units of a layer
    read at random and write nothing. The same model grown to the same size has the same weights every time.

    Raises:
        ValueError: As `check`.
    """
    config = model.config
    depth, units = config.num_hidden_layers, config.intermediate_size
    if (layers, feed_forward) == (depth, units):
        return model
    check(config, layers, feed_forward)
    shape = {**config.to_dict(), "num_hidden_layers": layers, "intermediate_size": feed_forward}
    larger = LlamaForCausalLM(LlamaConfig.from_dict(shape, attn_implementation=config._attn_implementation))
    below = usual_tap(depth)
    new = range(below, below + layers - depth)
    origins = [*range(below), *(below - 1 for _ in new), *range(below, depth)]
    generator = torch.Generator().manual_seed(0)
    for number, (layer, origin) in enumerate(zip(larger.model.layers, origins, strict=True)):
        ours = dict(layer.named_parameters())
        for name, weight in model.model.layers[origin].named_parameters():
            _copy(weight, ours[name], generator)
        if number in new:
            quieten(layer, 0.0)
    larger.model.embed_tokens.load_state_dict(model.model.embed_tokens.state_dict())
    larger.model.norm.load_state_dict(model.model.norm.state_dict())
    return larger


def _copy(weight: Tensor, into: Tensor, generator: torch.Generator) -> None:
    """Write a weight into the corner of one that is at least as large; more rows read at random, more columns are 0."""
    into.zero_()
    if into.shape[0] > weight.shape[0]:
        into.normal_(0.0, float(weight.std()), generator=generator)
    into[tuple(slice(size) for size in weight.shape)] = weight
