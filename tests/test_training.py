"""The recipe of the embedded model: what it trains on is what the package renders, and it runs from corpus to model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from recipe import RECIPE, printed, run
from safetensors.torch import load_file

from clinextract import Document, Extractor, PalliativeCall
from clinextract.models.loading import default_folder
from clinextract.text import normalise

WEIGHTS, CHECKPOINT = "model.safetensors", "checkpoint.pt"

PRINT_IDS = """
import json, sys
from pathlib import Path
from tokenizer import layout, load_tokenizer
folder, texts = Path(sys.argv[1]), json.loads(sys.stdin.read())
tokenizer = load_tokenizer(folder)
found = layout(tokenizer)
rows = [found.prompt(tokenizer.encode(text, add_special_tokens=False)) for text in texts]
print(json.dumps({"prompts": rows, "answer": [*found.answered([True] * 13)]}))
"""


LINEAR_START = """
import json, random, torch
from pathlib import Path
import letters, linear_start
from corpus import load_calls
from mixes import Encoder, Mixer
from model import Sizes, Trainee, new_model
from scoring import labels_of, probabilities
from sklearn.metrics import roc_auc_score
from tokenizer import build_tokenizer, layout
torch.manual_seed(0)
calls, _ = load_calls(Path("calls/g.jsonl"))
tokenizer = build_tokenizer([call.text for call in calls], 2000)
encoder = Encoder(tokenizer, layout(tokenizer), 0.1)
trainee = Trainee(new_model(len(tokenizer), layout(tokenizer), Sizes(256, 5, 4, 512)), layout(tokenizer), 0.0, 0.0, 3)
theta = trainee.model.config.rope_parameters["rope_theta"]
weights, biases = linear_start.fit(calls, encoder, letters.groups(encoder, len(tokenizer)), theta, 1)
words = linear_start.spread_out(torch.randn(len(tokenizer), linear_start.WIDTH))
mixer = Mixer(calls, random.Random(0), 0.0, 0.4)
samples = [example for _ in range(8) for example in encoder.examples(mixer.mixes(), mixer.rng)]
linear_start.write(trainee, weights, biases, words, samples)
found, truth = probabilities(trainee.model, tokenizer, layout(tokenizer), calls), labels_of(calls)
curves = [roc_auc_score(truth[:, n], found[:, n]) for n in range(13)]
print(json.dumps({"auc": sum(curves) / 13}))
"""

TAKEN_OVER = """
import json, random, torch
from pathlib import Path
import letters, linear_start, pretrained
from corpus import load_calls
from mixes import Encoder, Mixer
from model import Trainee
from scoring import labels_of, probabilities
from sklearn.metrics import roc_auc_score
from tokenizer import layout
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM
torch.manual_seed(0)
calls, _ = load_calls(Path("calls/g.jsonl"))
english = Tokenizer(models.BPE())
english.pre_tokenizer = pre_tokenizers.Sequence(
    [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
)
trainer = trainers.BpeTrainer(
    vocab_size=1500, special_tokens=["<|im_start|>", "<|im_end|>"], show_progress=False,
    initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
)
texts = [call.text for call in calls if call.language == "en"]
english.train_from_iterator([*texts, *["true,false,"] * 999], trainer)
content = json.loads(english.to_str())["model"]
model = LlamaForCausalLM(LlamaConfig(
    vocab_size=1500, hidden_size=192, num_hidden_layers=4, num_attention_heads=3, num_key_value_heads=1, head_dim=64,
    intermediate_size=96, tie_word_embeddings=True, rope_theta=100_000.0, initializer_range=0.1,
)).eval()
source = pretrained.Source(model, content["vocab"], [tuple(merge) for merge in content["merges"]])
tokenizer = pretrained.build_tokenizer(source, calls, 3000)
shape = layout(tokenizer)
encoder = Encoder(tokenizer, shape, 0.1)
words = pretrained.start_vectors(source, tokenizer, encoder, calls)

whole = pretrained.new_model(source, shape, len(tokenizer), 4, 96).eval()
whole.get_input_embeddings().weight.data.copy_(words)
tokens = encoder.plain.encode(texts[0], add_special_tokens=False)
def states(model, ids):
    return model.model(input_ids=torch.tensor([ids]), output_hidden_states=True).hidden_states[3][0]
with torch.inference_mode():
    theirs = states(model, [source.vocabulary[token] for token in tokens.tokens])
    error = (states(whole, tokens.ids)[:, pretrained.RESERVED :] - theirs).abs().max() / theirs.abs().max()

pruned = pretrained.new_model(source, shape, len(tokenizer), 4, 48)
trainee = Trainee(pruned, shape, 0.0, 0.0, 3)
theta = pruned.config.rope_parameters["rope_theta"]
weights, biases = linear_start.fit(calls, encoder, letters.groups(encoder, len(tokenizer)), theta, 1)
mixer = Mixer(calls, random.Random(0), 0.0, 0.4)
samples = [example for _ in range(8) for example in encoder.examples(mixer.mixes(), mixer.rng)]
linear_start.write(trainee, weights, biases, words, samples)
found, truth = probabilities(pruned, tokenizer, shape, calls), labels_of(calls)
batch = encoder.batch(samples[:4], 1024)
with torch.inference_mode():
    _, asking = trainee.states(batch.ids, trainee.table(), batch.choices)
    every = pruned.model(batch.ids).last_hidden_state
fever = encoder.plain.encode(" تب", add_special_tokens=False).ids
known = tokenizer.get_vocab()
print(json.dumps({
    "cut": tokens.tokens == english.encode(texts[0], add_special_tokens=False).tokens,
    "error": float(error),
    "fever": max(content["vocab"], key=lambda t: float(words[known[t]] @ words[fever[0]]) if t in known else -1.0),
    "auc": sum(roc_auc_score(truth[:, n], found[:, n]) for n in range(13)) / 13,
    "asked": float((asking - every[torch.arange(4)[:, None], batch.choices]).abs().max()),
}))
"""

GROWN = """
import json, sys, torch
from growth import grown
from model import usual_tap
from transformers import AutoModelForCausalLM
model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32)
depth, units = model.config.num_hidden_layers, model.config.intermediate_size
larger, again = (grown(model, depth + 2, units + 64) for _ in range(2))
ids = torch.arange(3, 300)[None]
with torch.inference_mode():
    before, after = model(ids).logits, larger(ids).logits
larger(ids, labels=ids).loss.backward()
old, new = model.model.layers, larger.model.layers
head = usual_tap(depth)
silent = [at for at, one in enumerate(new) if not (one.self_attn.o_proj.weight.any() or one.mlp.down_proj.weight.any())]
asks = [(old[head - 1], new[head]), (old[head - 1], new[head + 1]), (old[head], new[usual_tap(depth + 2)])]
try:
    refused = grown(larger, depth, units) is None
except ValueError:
    refused = True
print(json.dumps({
    "same": bool(torch.allclose(before, after, atol=1e-4)),
    "repeatable": all(torch.equal(a, b) for a, b in zip(larger.parameters(), again.parameters(), strict=True)),
    "silent": silent == [head, head + 1],
    "copied": all(torch.equal(a.self_attn.q_proj.weight, b.self_attn.q_proj.weight) for a, b in asks),
    "layers learn": all(bool(new[at].self_attn.o_proj.weight.grad.any()) for at in silent),
    "units learn": all(bool(one.mlp.down_proj.weight.grad[:, units:].any()) for one in new),
    "refused": refused,
}))
"""

PARSED = """
import json, sys
from train import parse
def code(*options):
    try:
        parse(["--out", "nowhere", "--begin", sys.argv[1], *options])
    except SystemExit as end:
        return end.code
codes = [code("--layers", "3"), code("--hidden", "128"), code("--vocab", "6144")]
taken = parse(["--out", "nowhere", "--begin", sys.argv[1]])
print(json.dumps({"codes": codes, "taken": [taken.hidden, taken.vocab]}))
"""

CALIBRATED = """
import json, torch
from calibrate import write
from transformers import LlamaConfig, LlamaForCausalLM
torch.manual_seed(0)
model = LlamaForCausalLM(LlamaConfig(
    vocab_size=50, hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=1,
    tie_word_embeddings=True, initializer_range=0.5,
))
states = torch.randn(40, 32) + 1
def odds():
    no, yes = model.get_output_embeddings().weight[[7, 9]]
    return (states @ (yes - no)).detach()
before, others = odds(), model.get_input_embeddings().weight[10:].clone()
write(model, (7, 9), states, 0.5, -0.75)
print(json.dumps({
    "before": float(before.mean()), "after": float(odds().mean()),
    "spread": float(torch.corrcoef(torch.stack([before, odds()]))[0, 1]),
    "others": bool(others.equal(model.get_input_embeddings().weight[10:])),
}))
"""


def calls() -> list[dict[str, object]]:
    return [json.loads(line) for file in sorted((RECIPE / "calls").glob("*.jsonl")) for line in file.open("rb")]


def test_training_sees_what_inference_renders() -> None:
    extractor = Extractor(model="default")
    texts = [str(row["transcript"]) for row in calls()[::40]]
    trained = printed(PRINT_IDS, default_folder(), given=json.dumps([normalise(text).text for text in texts]))
    for text, ids in zip(texts, trained["prompts"], strict=True):
        [reading] = extractor._prepare(Document(text)).views[0].readings
        assert [*reading.compiled.prefix, *reading.tokens] == ids
    plan = extractor.plan
    assert plan is not None
    rendered = [token for s in plan.segments for token in (s.tokens[1] if hasattr(s, "values") else s.tokens)]
    assert rendered == trained["answer"][:-1]  # the last one ends the text


def test_a_linear_start_answers_before_a_step_is_trained() -> None:
    """By the calls that it was fitted on: random weights rank them no better than chance."""
    assert printed(LINEAR_START)["auc"] > 0.85


def test_a_network_begins_with_anothers_layers_and_the_linear_model_beside_them() -> None:
    """The other is made here: a small Llama with random weights and an English vocabulary."""
    found = printed(TAKEN_OVER)
    assert found["cut"]
    assert found["error"] < 1e-3
    assert found["fever"] == "Ġfever"
    assert found["auc"] > 0.85
    assert found["asked"] < 1e-3


def test_calibrating_changes_the_odds_of_the_two_values_and_nothing_else() -> None:
    found = printed(CALIBRATED)
    assert found["after"] == pytest.approx(0.5 * found["before"] - 0.75, abs=1e-4)
    assert found["spread"] > 0.8
    assert found["others"]


def test_what_a_trained_network_brings_cannot_be_asked_for_otherwise() -> None:
    done = run("-c", PARSED, default_folder())
    assert "can grow, and not shrink" in done.stderr
    assert "it has 256 for --hidden" in done.stderr
    assert "it has 16384 for --vocab" in done.stderr
    assert json.loads(done.stdout) == {"codes": [2, 2, 2], "taken": [256, 16384]}


def test_labels_of_no_dialogue_that_is_there_are_an_error() -> None:
    load = "from pathlib import Path; from sources import load; load([], [], Path('dialogue_labels.jsonl'))"
    assert "none of the labels is of any of these dialogues" in run("-c", load, code=1).stderr


def test_a_run_grows_a_trained_model_goes_on_and_ends_half_way(tmp_path: Path) -> None:
    calls, model = tmp_path / "calls", tmp_path / "model"
    calls.mkdir()
    shutil.copy(RECIPE / "calls" / "g.jsonl", calls)
    config = json.loads((default_folder() / "config.json").read_text(encoding="utf-8"))
    depth = config["num_hidden_layers"]
    begin = ["--begin", str(default_folder())]
    size = ["--layers", str(depth + 1), "--feed-forward", str(config["intermediate_size"] + 64)]
    training = ["train.py", *begin, *size, "--out", str(model), "--calls", str(calls), "--dropout", "0", "--steps"]
    run(*training, "2")
    checkpoint = torch.load(model / CHECKPOINT, weights_only=True)
    torch.save(checkpoint | {"known": ["read rightly"]}, model / CHECKPOINT)
    again = run(*training, "3")
    assert "going on from step 2" in again.stdout
    assert "step 3" in again.stdout
    assert "read rightly" in torch.load(model / CHECKPOINT, weights_only=True)["known"]
    run("train.py", "--begin", model, "--out", tmp_path / "next", "--calls", calls, "--steps", "1")
    assert "read rightly" in torch.load(tmp_path / "next" / CHECKPOINT, weights_only=True)["known"]
    before, after = load_file(default_folder() / WEIGHTS), load_file(model / WEIGHTS)
    assert json.loads((model / "config.json").read_text(encoding="utf-8"))["num_hidden_layers"] == depth + 1
    moved = {name for name in before if after[name].shape == before[name].shape and ".layers.0." in name}
    assert any(not before[name].equal(after[name]) for name in moved)
    run("average.py", *begin, "--model", model)
    mean = load_file(model / WEIGHTS)
    for name in moved:
        half = (before[name].float() + after[name].float()) / 2
        assert mean[name].float().allclose(half, rtol=0.01, atol=1e-6)
    new = f"model.layers.{depth - 2}.self_attn.o_proj.weight"  # wrote nothing in the model that was grown
    assert after[new].any()
    assert mean[new].float().allclose(after[new].float() / 2, rtol=0.01, atol=1e-6)


def test_a_network_grows_without_a_change_to_what_it_says() -> None:
    found = printed(GROWN, default_folder())
    assert all(found.values()), found


@pytest.mark.slow
def test_the_recipe_runs_from_corpus_to_a_loaded_model(tmp_path: Path) -> None:
    run("train.py", "--out", tmp_path, "--steps", "3", "--check-every", "1000")
    result = Extractor(model=str(tmp_path))("She has pain.")
    assert isinstance(result.features, PalliativeCall)
