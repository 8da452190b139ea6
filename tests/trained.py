"""Translation models of a few hundred thousand weights that learn some calls by heart: trained here, in seconds.

They show that the path works from words to words. What they have not seen they cannot translate.
"""

from __future__ import annotations

import atexit
import io
import json
import random
import shutil
import warnings
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import torch
import transformers
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from clinextract.prompts import SLOT
from clinextract.translation.checks import has_words
from clinextract.translation.passages import assembled, passages
from clinextract.translation.prompt import messages

CALLS = Path(__file__).parents[1] / "examples" / "train_default_model" / "calls"
LONGEST = {"fa": 60, "en": 70}
"""Characters of the lines that are learnt."""
WHOLE = 12
"""Calls that are learnt whole."""
MORE = 60
"""Lines of other calls that are learnt beside the whole calls."""

TEMPLATE = (
    "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
TURNS = ("<|end|>", "<|system|>", "<|user|>", "<|assistant|>")


@cache
def parallel() -> tuple[tuple[str, str], ...]:
    """The shipped calls in Persian and in English."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for file in sorted(CALLS.glob("*.jsonl")):
        for row in file.read_text(encoding="utf-8").splitlines():
            call = json.loads(row)
            found[call["pair"]][call["language"]] = call["transcript"]
    return tuple((pair["fa"], pair["en"]) for pair in found.values())


@cache
def by_heart() -> tuple[tuple[str, str], ...]:
    """Whole calls of short lines, which the models learn, in both languages."""
    short = [pair for pair in parallel() if len(_lines(*pair)) >= 5 and all(map(_is_short, _lines(*pair)))]
    return tuple(short[:WHOLE])


def expected(persian: str, english: str) -> str:
    """What line-by-line translation makes of a call that is known by heart; lines without Persian stay."""
    made = dict(_lines(persian, english))
    parts = passages(persian, "fa", "en")
    text, _ = assembled(persian, parts, [made[p.body] if has_words(p.body, "fa", "en") else p.body for p in parts])
    return text


@cache
def sentences(more: int = MORE) -> dict[str, str]:
    """The lines of those calls and some more: their translations, by the Persian line in its normal form."""
    learnt = dict(line for pair in by_heart() for line in _lines(*pair))
    others = [line for pair in parallel() for line in _lines(*pair) if _is_short(line) and line[0] not in learnt]
    return learnt | dict(random.Random(0).sample(others, more))


def _lines(persian: str, english: str) -> list[tuple[str, str]]:
    given, made = passages(persian, "fa", "en"), passages(english, "en", "fa")
    return [(a.body, b.body) for a, b in zip(given, made, strict=True)] if len(given) == len(made) else []


def _is_short(line: tuple[str, str]) -> bool:
    return 3 <= len(line[0]) <= LONGEST["fa"] and 3 <= len(line[1]) <= LONGEST["en"]


@cache
def marian() -> Path:
    """A Marian of two layers, with the tokenizer that Marian has: a folder."""
    import sentencepiece

    folder = _folder("marian")
    pairs = list(sentences().items())
    spm = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([text for pair in pairs for text in pair]),
        model_writer=spm,
        vocab_size=900,
        character_coverage=1.0,
        num_threads=1,
        minloglevel=2,
    )
    words = sentencepiece.SentencePieceProcessor(model_proto=spm.getvalue())
    pieces = [words.id_to_piece(token) for token in range(words.get_piece_size())]
    known = ["</s>", "<unk>", *(piece for piece in pieces if piece not in {"<s>", "</s>", "<unk>"}), "<pad>"]
    (folder / "vocab.json").write_text(json.dumps({piece: token for token, piece in enumerate(known)}))
    for name in ("source.spm", "target.spm"):
        (folder / name).write_bytes(spm.getvalue())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it recommends sacremoses
        tokenizer = transformers.MarianTokenizer(
            *(str(folder / name) for name in ("source.spm", "target.spm", "vocab.json")),
            source_lang="fa",
            target_lang="en",
        )
    network = _marian(len(known))
    given = tokenizer([a for a, _ in pairs], padding=True, return_tensors="pt")
    made = tokenizer(text_target=[b for _, b in pairs], padding=True, return_tensors="pt").input_ids
    labels = made.masked_fill(made == tokenizer.pad_token_id, -100)
    _train(
        network,
        len(pairs),
        260,
        lambda rows: {
            "input_ids": given.input_ids[rows],
            "attention_mask": given.attention_mask[rows],
            "labels": labels[rows],
        },
    )
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _folder(name: str) -> Path:
    """A folder that lasts as long as the process."""
    folder = mkdtemp(prefix=f"{name}-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def _marian(size: int) -> Any:
    torch.manual_seed(0)
    layers = {
        f"{side}_{what}": value
        for side in ("encoder", "decoder")
        for what, value in (("layers", 2), ("attention_heads", 4), ("ffn_dim", 192))
    }
    configuration = transformers.MarianConfig(
        vocab_size=size,
        d_model=96,
        **layers,
        max_position_embeddings=128,
        pad_token_id=size - 1,
        decoder_start_token_id=size - 1,
        eos_token_id=0,
        bos_token_id=0,
        forced_eos_token_id=None,
        dropout=0.0,
        scale_embedding=True,
        init_std=0.05,
    )
    return transformers.MarianMTModel(configuration)


@cache
def chat() -> Path:
    """A Llama of two layers with a chat template, which answers the translation prompt: a folder."""
    folder = _folder("chat")
    pairs = list(sentences(0).items())
    before, behind = _rendered().split(SLOT)
    words = Tokenizer(models.BPE())
    # Not cut at blanks: the prompt, the same before every line, becomes a few tokens.
    words.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    words.decoder = decoders.ByteLevel()
    prompt = before.replace("<|system|>", "").split("<|end|>")[0]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=1500, initial_alphabet=alphabet, special_tokens=list(TURNS), show_progress=False
    )
    words.train_from_iterator([prompt] * 40 + [text for pair in pairs for text in pair] * 2, trainer)
    words.add_special_tokens([AddedToken(turn, special=True, normalized=False) for turn in TURNS])
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=words, eos_token="<|end|>", pad_token="<|end|>")
    tokenizer.chat_template = TEMPLATE

    ends = words.token_to_id("<|end|>")
    rows, labels = [], []
    for line, translation in pairs:
        asked = words.encode(before + line + behind).ids
        answer = [*words.encode(translation).ids, ends]
        rows.append([*asked, *answer])
        labels.append([-100] * len(asked) + answer)
    network = _llama(words.get_vocab_size())
    _train(network, len(pairs), 150, lambda chosen: _padded(rows, labels, chosen.tolist()))
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _rendered() -> str:
    """The prompt as the chat template gives it."""
    text = "".join(f"<|{message['role']}|>{message['content']}<|end|>" for message in messages("fa", "en"))
    return text + "<|assistant|>"


def _padded(rows: list[list[int]], labels: list[list[int]], chosen: list[int]) -> dict[str, torch.Tensor]:
    longest = max(len(rows[row]) for row in chosen)

    def filled(several: list[list[int]], value: int) -> torch.Tensor:
        return torch.tensor([[*several[row], *[value] * (longest - len(several[row]))] for row in chosen])

    return {"input_ids": filled(rows, 0), "labels": filled(labels, -100)}


def _llama(size: int) -> Any:
    torch.manual_seed(0)
    configuration = transformers.LlamaConfig(
        vocab_size=size,
        hidden_size=96,
        intermediate_size=192,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=1024,
        eos_token_id=0,
        bos_token_id=None,
        pad_token_id=0,
    )
    return transformers.LlamaForCausalLM(configuration)


def _train(network: Any, count: int, steps: int, batch: Callable[[torch.Tensor], dict[str, torch.Tensor]]) -> None:
    """Until it knows its lines by heart."""
    optimiser = torch.optim.AdamW(network.parameters(), lr=4e-3, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=steps, pct_start=0.1)
    network.train()
    for _ in range(steps):
        loss = network(**batch(torch.randperm(count)[:32])).loss
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    network.eval()
