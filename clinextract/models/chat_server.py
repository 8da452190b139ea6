"""Chats with a server that speaks OpenAI's chat completions (vLLM, SGLang, llama.cpp, Ollama), over `httpx2`.

The `openai` package would do the same and brings six more; `httpx2` is here already, with huggingface-hub.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from clinextract.errors import ClinExtractError, ModelConnectionError, ModelError, ModelTimeout, ModelUnavailable
from clinextract.models.base import Message

TIMEOUT = 120.0
"""Seconds without an answer after which a request is made again."""
ATTEMPTS = 3
_LONGEST_WAIT = 8.0
_WORKERS = 8
"""Requests at a time: servers batch what comes together."""

_SPELLING = re.compile(r"(?P<base>https?://[^\s#?]+)#(?P<model>\S+)")


class OpenAIServer:
    """A model behind an OpenAI-compatible server.

    The name of the host is resolved once, the address is checked, and every request goes to that address: to no proxy,
    and along no redirection.

    Args:
        spelling: The base address and the model's name: "http://127.0.0.1:8000/v1#model-name".
        allow_remote: Whether addresses beyond this machine and private networks may be asked. Patients' words then
            leave the house.
        timeout: Seconds without an answer after which a request counts as lost.
        wait: Seconds before the first repetition, about; they double with each.
        api_key: What the server asks for, if anything.

    Raises:
        ModelUnavailable: The spelling cannot be read, or the address is public.
        ModelConnectionError: The host's name cannot be resolved.
    """

    def __init__(
        self,
        spelling: str,
        *,
        allow_remote: bool = False,
        timeout: float = TIMEOUT,
        wait: float = 0.5,
        api_key: str | None = None,
    ) -> None:
        found = _SPELLING.fullmatch(spelling)
        if found is None or "@" in found["base"]:
            raise ModelUnavailable(
                "the server's address cannot be read",
                hint="Spell it with the model's name: http://127.0.0.1:8000/v1#model-name",
            )
        self.name = spelling
        self._model = found["model"]
        self._url = httpx2.URL(found["base"].rstrip("/") + "/chat/completions")
        self._address = _address(self._url.host, self._url.port or 0, allow_remote=allow_remote)
        # What the server has loaded under a name cannot be told from here: its weights are not in this.
        self.fingerprint = hashlib.sha256(spelling.encode()).hexdigest()[:16]
        self._wait = wait
        headers = {"Host": self._url.netloc.decode()}
        if api_key:
            headers["Authorization"] = f"Bearer {api_key}"
        self._client = httpx2.Client(headers=headers, timeout=timeout, trust_env=False, follow_redirects=False)

    def __repr__(self) -> str:
        return f"OpenAIServer({self.name!r})"

    def complete(self, chats: Sequence[Sequence[Message]], max_tokens: Sequence[int]) -> list[str | None]:
        """The likeliest answer to each chat; None where it has no end within its `max_tokens`.

        Args:
            chats: Each as the server's chat template takes it.
            max_tokens: Most tokens of each answer.

        Raises:
            ModelConnectionError: The server cannot be reached, or says that it is overloaded or broken, three times.
            ModelTimeout: It does not answer in time, three times.
            ModelError: It refuses the request, or what it answers is no chat completion.
        """
        with ThreadPoolExecutor(max_workers=max(1, min(_WORKERS, len(chats)))) as pool:
            return list(pool.map(self._patiently, chats, max_tokens))

    def _patiently(self, chat: Sequence[Message], max_tokens: int) -> str | None:
        again = Retrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_random_exponential(multiplier=self._wait, max=_LONGEST_WAIT),
            retry=retry_if_exception(lambda error: isinstance(error, ClinExtractError) and error.retryable),
            reraise=True,
        )
        return again(self._ask, chat, max_tokens)

    def _ask(self, chat: Sequence[Message], max_tokens: int) -> str | None:
        """One request. No error has words of the chat: what the server says of it may quote them."""
        content = {"model": self._model, "messages": list(chat), "temperature": 0, "max_tokens": max_tokens}
        try:
            response = self._client.post(
                self._url.copy_with(host=self._address),
                json=content,
                extensions={"sni_hostname": self._url.host},
            )
        except httpx2.TimeoutException:
            raise ModelTimeout(
                "the server did not answer in time", hint="Ask it for less at once, or wait until it has loaded."
            ) from None
        except httpx2.HTTPError as error:
            raise ModelConnectionError(
                f"the server cannot be reached: {type(error).__name__}",
                hint="Check that it is running, and its address.",
            ) from None
        return _content(response)


def _address(host: str, port: int, *, allow_remote: bool) -> str:
    """The address of a host; where it has several, the first, and all of them must be near."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        raise ModelConnectionError(
            f"the name {host!r} cannot be resolved", hint="Check the server's address, or give it in numbers."
        ) from None
    addresses = [str(one[4][0]).partition("%")[0] for one in found]
    if not allow_remote and not all(_is_near(address) for address in addresses):
        raise ModelUnavailable(
            f"the server {host!r} is not on this machine or in a private network, and patients' words would leave it",
            hint="Run the model on a machine of your own. In Python, allow_remote=True lifts this if you may do so.",
        )
    return addresses[0]


def _is_near(address: str) -> bool:
    """Whether an address is of this machine or of a private network."""
    parsed = ipaddress.ip_address(address)
    mapped = getattr(parsed, "ipv4_mapped", None)  # ::ffff:8.8.8.8 is 8.8.8.8
    return (mapped or parsed).is_private or (mapped or parsed).is_loopback


def _content(response: httpx2.Response) -> str | None:
    """The answer in a response.

    Raises:
        ModelConnectionError: The server is overloaded or broken; it may be well again.
        ModelError: It refused, or its answer is no chat completion.
    """
    status = response.status_code
    if status in {408, 425, 429} or status >= 500:
        raise ModelConnectionError(f"the server answered with status {status}", hint="Look at the server's log.")
    if status != 200:
        raise ModelError(
            f"the server refused the request with status {status}",
            hint="Check the model's name behind the #, the path (/v1), and whether it asks for a key.",
        )
    try:
        [choice, *_] = response.json()["choices"]
        content: Any = choice["message"]["content"]
        ended = choice.get("finish_reason") != "length"
    except (ValueError, LookupError, TypeError, AttributeError):
        content, ended = 0, True
    if content is not None and not isinstance(content, str):
        raise ModelError(
            "what the server answered is no chat completion",
            hint="The address must be that of an OpenAI-compatible API.",
        )
    return content if ended else None
