"""From a translator's spelling to a translator."""

from __future__ import annotations

from collections.abc import Callable

from clinextract.errors import ModelUnavailable
from clinextract.models.loading import DEFAULT, importing_torch, load_model, place_of
from clinextract.translation.chat import LocalChatTranslator, ServerTranslator, TextModel
from clinextract.translation.ports import FunctionTranslator, Translator


def load_translator(
    translator: str | Translator | Callable[[str], str], *, device: str | None = None, dtype: str | None = None
) -> Translator:
    """Load a translator.

    Args:
        translator: A folder, or a hub name such as "CohereLabs/aya-expanse-8b" or "facebook/nllb-200-distilled-600M": a
            chat model or a sequence-to-sequence model, which shows in its configuration.
            "http://127.0.0.1:8000/v1#model-name" for a chat model behind an OpenAI-compatible server of one's own. A
            function from a line to a line. A `Translator` is given back.
        device: "cpu", "cuda" or "mps", for models in process; by default the best that is there.
        dtype: "bfloat16", "float32" or "float16"; by default bfloat16 where the hardware multiplies it fast, else
            float32.

    Raises:
        ModelUnavailable: There is no such model here, or no such device, or the model needs code of its own, or the
            server's address is public.
        ModelConnectionError: The server's name cannot be resolved.
        ExtraNotInstalled: torch, transformers or sentencepiece is not installed.
        ModelError: It cannot be used.
        ValueError: `dtype` is none of these.
        TypeError: It is none of these.
    """
    if isinstance(translator, str):
        return _spelled(translator, device, dtype)
    if isinstance(translator, Translator):
        return translator
    if callable(translator):
        return FunctionTranslator(translator)
    raise TypeError(f"a translator is a spelling, a Translator or a function, not {type(translator).__name__}")


def _spelled(name: str, device: str | None, dtype: str | None) -> Translator:
    if name.startswith(("http://", "https://")):
        # Here, because an HTTP client takes a while to import, and most translators are in process.
        from clinextract.models.chat_server import OpenAIServer  # noqa: PLC0415

        return ServerTranslator(OpenAIServer(name))
    if name == DEFAULT:
        raise ModelUnavailable(
            "the embedded model does not translate",
            hint="Name a chat model such as CohereLabs/aya-expanse-8b, or facebook/nllb-200-distilled-600M.",
        )
    with importing_torch():
        # Here, because it takes seconds, and a server or a function needs none of it.
        from clinextract.models.seq2seq import is_seq2seq, load_seq2seq  # noqa: PLC0415
    place = place_of(name)
    if is_seq2seq(place):
        return load_seq2seq(place, device=device, dtype=dtype)
    model = load_model(name, device=device, dtype=dtype)
    if model.info.fields or not isinstance(model, TextModel):
        raise ModelUnavailable(
            f"{name!r} does not translate: it knows only the features that it was trained on",
            hint="Name a chat model such as CohereLabs/aya-expanse-8b, or facebook/nllb-200-distilled-600M.",
        )
    return LocalChatTranslator(model)
