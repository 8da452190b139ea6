"""Chat models as translators, in process or on a server: one prompt, two ways to run it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from clinextract.models.base import LogitModel, Message
from clinextract.prompts import SLOT, split
from clinextract.translation.prompt import messages, prompt_hash

SPARE_TOKENS = 48
"""An answer has at most as many tokens as its line has characters, and these."""

# Behind a server a text passes a chat template that this package does not see. A space takes their meaning from control
# tokens that are none: <|im_end|>, </s>, <start_of_turn>, [INST].
_CONTROL = re.compile(r"<(?=[|/a-z])|\[(?=/?INST)", re.IGNORECASE)


@runtime_checkable
class TextModel(LogitModel, Protocol):
    """A model in process that can also go on with a text."""

    def continuations(self, rows: Sequence[Sequence[int]], max_tokens: int) -> list[str | None]:
        """The likeliest text behind each row of tokens; None where it has no end within `max_tokens`."""


class ChatServer(Protocol):
    """A server that answers chats."""

    name: str
    fingerprint: str

    def complete(self, chats: Sequence[Sequence[Message]], max_tokens: Sequence[int]) -> list[str | None]:
        """The answer to each chat; None where it has no end within its `max_tokens`."""


class LocalChatTranslator:
    """A chat model in process as a `Translator`: the likeliest answer, token by token, in batches.

    What looks like a control token in a line is text to the model, and no line passes a template engine.

    Args:
        model: Any causal model with a chat template.
    """

    def __init__(self, model: TextModel) -> None:
        self._model = model
        self.name: str = model.info.name
        told = [model.info.hash, model.info.dtype, prompt_hash(), str(SPARE_TOKENS)]
        self.fingerprint: str = hashlib.sha256("|".join(told).encode()).hexdigest()[:16]

    def __repr__(self) -> str:
        return f"LocalChatTranslator({self.name!r})"

    def translate(self, texts: Sequence[str], *, source: str, target: str) -> list[str]:
        """Translate lines; see `Translator.translate`.

        Raises:
            ModelError: The model failed, or its chat template cannot render the prompt.
        """
        encoder = self._model.tokenizer
        chat = split(self._model.chat(messages(source, target)))
        before, *behind = [encoder.encode_control(part) for part in chat]
        rows = []
        for text in texts:
            words = encoder.encode(text)
            rows.append([*before, *(token for part in behind for token in (*words, *part))])
        found = self._model.continuations(rows, max(map(len, texts), default=0) + SPARE_TOKENS)
        return [_answer(one) for one in found]


class ServerTranslator:
    """A chat model behind an OpenAI-compatible server as a `Translator`.

    Args:
        server: The server and the name of its model.
    """

    def __init__(self, server: ChatServer) -> None:
        self._server = server
        self.name: str = server.name
        told = [server.fingerprint, prompt_hash(), str(SPARE_TOKENS)]
        self.fingerprint: str = hashlib.sha256("|".join(told).encode()).hexdigest()[:16]

    def __repr__(self) -> str:
        return f"ServerTranslator({self.name!r})"

    def translate(self, texts: Sequence[str], *, source: str, target: str) -> list[str]:
        """Translate lines; see `Translator.translate`.

        Raises:
            ModelConnectionError, ModelTimeout: The server does not answer, also when asked again.
            ModelError: It refuses, or what it answers is no chat completion.
        """
        template = messages(source, target)
        chats = [_filled(template, _CONTROL.sub(lambda found: found[0] + " ", text)) for text in texts]
        limits = [len(text) + SPARE_TOKENS for text in texts]
        return [_answer(one) for one in self._server.complete(chats, limits)]


def _filled(template: Sequence[Message], text: str) -> list[Message]:
    return [{**message, "content": message["content"].replace(SLOT, text)} for message in template]


def _answer(text: str | None) -> str:
    """An answer without the blanks around it; an endless one is no answer."""
    return "" if text is None else text.strip()
