"""The tokenizer and the one place that says how a transcript and its answer become ids.

Byte-level BPE: any text encodes without loss. Field names of the answer are single added tokens,
so that an answer is 13 forced tokens, 13 choices and a closing brace. `true` and `false` are
ordinary tokens: as added ones they would cut a patient's "untrue" in three.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from corpus import FEATURES
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    pre_tokenizers,
    trainers,
)
from transformers import AutoTokenizer, PreTrainedTokenizerFast

PAD, EOS, CALL, ANSWER = "<|pad|>", "<|end|>", "<|call|>", "<|answer|>"
BEFORE_CALL = f"{CALL}\n"
AFTER_CALL = f"\n{ANSWER}\n"
VALUES = ("false", "true")
FIELD_KEYS = tuple(f'{"{" if at == 0 else ", "}"{name}": ' for at, name in enumerate(FEATURES))

# Words with their leading space, half-spaces (ZWNJ) and apostrophes inside the word, digits one
# by one (38.5 must not be a token of its own), line ends alone: a line's end is a landmark.
WORDS = Regex(
    r" ?[\p{L}\p{M}\x{200c}]+(?:['’]\p{L}+)?| ?\p{N}| ?[^\s\p{L}\p{M}\p{N}\x{200c}]+"
    r"|\n|[^\S\n]+(?!\S)|\s"
)


def answer_text(values: Sequence[bool]) -> str:
    """The canonical JSON of an answer, (13,) booleans in the order of `FEATURES`."""
    parts = (f"{key}{VALUES[value]}" for key, value in zip(FIELD_KEYS, values, strict=True))
    return "".join(parts) + "}"


def byte_level(model: models.BPE, words: Regex) -> Tokenizer:
    """A tokenizer of bytes whose tokens stay inside what `words` finds."""
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(words, "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def build_tokenizer(texts: Iterable[str], vocab_size: int) -> PreTrainedTokenizerFast:
    """Trained on `texts`; `vocab_size` counts the special and the added tokens too."""
    tokenizer = byte_level(models.BPE(), WORDS)
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - len(FIELD_KEYS),
        special_tokens=[PAD, EOS, CALL, ANSWER],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        min_frequency=2,
        show_progress=False,
    )
    # The two values are words of the text often enough to become tokens of their own.
    tokenizer.train_from_iterator([*texts, *(f"{v}," * 500 for v in VALUES)], trainer)
    return wrapped(tokenizer)


def wrapped(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    """As `transformers` wants it, with the names of fields as its last tokens."""
    tokenizer.add_special_tokens([PAD, EOS, CALL, ANSWER])
    tokenizer.add_tokens([AddedToken(key, normalized=False) for key in FIELD_KEYS])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=EOS,
        pad_token=PAD,
        additional_special_tokens=[CALL, ANSWER],
        model_max_length=2048,
        clean_up_tokenization_spaces=False,
        padding_side="left",
    )


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """The tokenizer saved in `folder`."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert isinstance(tokenizer, PreTrainedTokenizerFast)
    return tokenizer


@dataclass(frozen=True, slots=True)
class Layout:
    """The ids around a transcript, made once a tokenizer.

    `answer` is the answer with every value false; `choices` are the 13 places in it that hold a
    value, `values` the ids of false and true.
    """

    before: tuple[int, ...]
    after: tuple[int, ...]
    answer: tuple[int, ...]
    choices: tuple[int, ...]
    values: tuple[int, int]
    eos: int
    pad: int

    @property
    def marks(self) -> tuple[int, ...]:
        """All ids that are not of a transcript, each once and in order."""
        return tuple(sorted({*self.before, *self.after, *self.answer, *self.values, self.eos}))

    def prompt(self, text_ids: Sequence[int]) -> list[int]:
        """What stands before the answer: parts encoded one by one and joined."""
        return [*self.before, *text_ids, *self.after]

    def answered(self, values: Sequence[bool]) -> list[int]:
        """The ids of the answer with these values and the end token."""
        ids = [*self.answer, self.eos]
        for place, value in zip(self.choices, values, strict=True):
            ids[place] = self.values[value]
        return ids


def layout(tokenizer: PreTrainedTokenizerFast) -> Layout:
    """Read the layout off the tokenizer, and refuse one whose answer is not 13 + 13 + 1 tokens."""

    def encode(text: str) -> tuple[int, ...]:
        return tuple(tokenizer.encode(text, add_special_tokens=False))

    answer = encode(answer_text([False] * len(FEATURES)))
    other = encode(answer_text([True] * len(FEATURES)))
    choices = tuple(at for at, pair in enumerate(zip(answer, other, strict=True)) if len({*pair}) > 1)
    expected = tuple(2 * at + 1 for at in range(len(FEATURES)))
    if choices != expected or len(answer) != 2 * len(FEATURES) + 1:
        raise ValueError(f"an answer is {len(answer)} tokens with choices at {choices}")
    eos, pad = tokenizer.eos_token_id, tokenizer.pad_token_id
    assert isinstance(eos, int)
    assert isinstance(pad, int)
    return Layout(
        before=encode(BEFORE_CALL),
        after=encode(AFTER_CALL),
        answer=answer,
        choices=choices,
        values=(answer[choices[0]], other[choices[0]]),
        eos=eos,
        pad=pad,
    )
