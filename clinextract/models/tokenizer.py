"""A `tokenizers` vocabulary as bytes, with text and control tokens kept apart."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from clinextract.errors import ModelError

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Backend

# Texts that an encoding is tried behind, for vocabularies that put a space before whatever comes first.
_ANCHORS = ("", "\n", ".", "a")
_UNKNOWN = "\U0010fffd"
"""A private-use character that only vocabularies of bytes have."""
_SAMPLE = '{"a": true, "b": "x y"}'


class BackendTokenizer:
    """The `Tokenizer` port over a `tokenizers.Tokenizer`.

    Args:
        backend: Byte-level BPE (Qwen, Llama 3), BPE with byte fallback (Llama 2, Gemma) and unigram (T5, XLM-R)
            vocabularies give their bytes back; others (WordPiece) lose text, which a plan then refuses.
        eos_id: The token that ends a text.
        added_as_text: Whether added tokens that are not special count as text. In a model made for a schema they spell
            the schema's fields; in others they are control tokens by another name (`<tool_call>`).
    """

    def __init__(self, backend: Backend, eos_id: int, *, added_as_text: bool = False) -> None:
        self._backend = backend
        # Some tokenizer.json files cut or pad what they encode.
        backend.no_truncation()
        backend.no_padding()
        self.eos_id = eos_id
        added = backend.get_added_tokens_decoder()
        self._control = {token: one.content for token, one in added.items() if one.special or not added_as_text}
        self._added = {token: one.content for token, one in added.items()}
        # What stands for a character that the vocabulary lacks is marked as special too, and may come of any text.
        self._forbidden = self._control.keys() - set(self._ids(_UNKNOWN))
        literals = sorted(self._control.values(), key=len, reverse=True)
        self._literals = re.compile("|".join(map(re.escape, literals))) if literals else None
        self._anchor = next((a for a in _ANCHORS if self._lossless(_SAMPLE, a)), "")
        self._anchor_tokens = self._ids(self._anchor)

    @cached_property
    def token_bytes(self) -> Sequence[bytes | None]:
        """The bytes of every token by id; None for control tokens and unused ids."""
        vocabulary = self._backend.get_vocab(with_added_tokens=True)
        spell = _spelling(self._backend)
        pieces: list[bytes | None] = [None] * (max(vocabulary.values()) + 1)
        for word, token in vocabulary.items():
            if token in self._added:
                pieces[token] = None if token in self._control else self._added[token].encode()
            else:
                pieces[token] = spell(word)
        return pieces

    @cached_property
    def fingerprint(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 over the tokenizer's whole definition."""
        return hashlib.sha256(self._backend.to_str().encode()).hexdigest()[:16]

    def encode(self, text: str) -> list[int]:
        """Tokens of plain text; see `Tokenizer.encode`."""
        tokens = [token for piece in self._pieces(text) for token in self._encode(piece)]
        if self._forbidden.isdisjoint(tokens):
            return tokens
        # A normaliser can turn other characters into a control token's. No character alone is one.
        tokens = [token for character in text for token in self._encode(character)]
        if not self._forbidden.isdisjoint(tokens):
            raise ModelError(
                "the tokenizer has a control token of a single character, which a text may not hold",
                hint="Use another model.",
            )
        return tokens

    def encode_control(self, text: str) -> list[int]:
        """Tokens of a prompt's own text; see `Tokenizer.encode_control`."""
        return self._ids(text)

    def _pieces(self, text: str) -> list[str]:
        """The text cut behind the first character of everything that spells a control token."""
        if self._literals is None:
            return [text]
        cuts = [match.start() + 1 for match in self._literals.finditer(text)]
        return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True) if a < b]

    def _encode(self, text: str) -> list[int]:
        if not self._anchor:
            return self._ids(text)
        tokens = self._ids(self._anchor + text)
        size = len(self._anchor_tokens)
        return tokens[size:] if tokens[:size] == self._anchor_tokens else self._ids(text)

    def _lossless(self, text: str, anchor: str) -> bool:
        """Whether a text behind an anchor is cut where the anchor ends and gives its bytes back."""
        tokens, first = self._ids(anchor + text), self._ids(anchor)
        pieces = [self.token_bytes[token] or b"" for token in tokens[len(first) :]]
        return tokens[: len(first)] == first and b"".join(pieces) == text.encode()

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._backend.encode(text, add_special_tokens=False).ids
        return ids


def _spelling(backend: Backend) -> Any:
    """How the vocabulary's words spell bytes, found in the decoder: a function from a word to bytes."""
    decoder = json.loads(backend.decoder.__getstate__()) if backend.decoder is not None else {}
    parts = {part["type"]: part for part in decoder.get("decoders", [decoder]) if "type" in part}
    if "ByteLevel" in parts:
        return lambda word: bytes(_BYTES.get(character, 0) for character in word)
    space = parts.get("Metaspace", {}).get("replacement", "\u2581")
    has_bytes = "ByteFallback" in parts

    def spell(word: str) -> bytes:
        if has_bytes and re.fullmatch(r"<0x[0-9A-F]{2}>", word):
            return bytes([int(word[3:5], 16)])
        return word.replace(space, " ").encode()

    return spell


def _byte_characters() -> dict[str, int]:
    """The printable character that byte-level BPE writes for each byte (GPT-2, Radford et al. 2019)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + n): byte for n, byte in enumerate(others)}


_BYTES = _byte_characters()
