"""Sequence-to-sequence models of `transformers` as translators: NLLB, M2M100, mBART-50, MADLAD and Marian.

They differ in how they are told the languages, and in nothing else here. Which family a model is of shows in its
vocabulary.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import torch
import transformers

from clinextract.errors import ExtraNotInstalled, ModelError, ModelUnavailable, TranslationError, mapped
from clinextract.models.languages import LANGUAGES, name_of
from clinextract.models.transformers import hardware, holds_a_model, is_cached, loading_files, weights_hash

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

BEAMS = 4
"""Beams of the search, as the models' authors use."""
SPARE_TOKENS = 32
"""A translation has at most three times its line's tokens, and these."""

_CODES = {"Marian": ">>", "MADLAD": "<2"}
"""How codes of languages begin that are no special tokens: in a line they are text."""

Lookup = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Family:
    """How a kind of model is told the languages.

    Attributes:
        name: Of the family.
        token: The token of a language, by its ISO 639-1 code; None for one that the model does not know.
        source: What `tokenizer.src_lang` has to be for a language; None where nothing tells the source.
        forced: Whether the translation begins with the target's token; else the line does.
    """

    name: str
    token: Lookup
    source: Lookup | None
    forced: bool


class Seq2SeqTranslator:
    """A sequence-to-sequence model as a `Translator`: beam search, in batches.

    Args:
        model: In evaluation mode.
        tokenizer: Its tokenizer.
        name: What to call it.
        weights: 16 hexadecimal digits over its weights.
        beams: Beams of the search; 1 is greedy.

    Raises:
        ModelError: The model is of none of the families that are known here.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        *,
        name: str,
        weights: str,
        beams: int = BEAMS,
    ) -> None:
        self.name = name
        self.family = family_of(model, tokenizer)
        self._model = model
        self._tokenizer: Any = tokenizer
        self._beams = beams
        self._lock = Lock()  # the tokenizer keeps its source language
        control = {*self._tokenizer.all_special_tokens, *self._tokenizer.get_added_vocab()}
        self._control = re.compile("|".join(map(re.escape, sorted(control, key=len, reverse=True))))
        told = [weights, str(model.dtype), str(beams), str(SPARE_TOKENS)]
        self.fingerprint: str = hashlib.sha256("|".join(told).encode()).hexdigest()[:16]

    def __repr__(self) -> str:
        return f"Seq2SeqTranslator({self.name!r}, {self.family.name})"

    def translate(self, texts: Sequence[str], *, source: str, target: str) -> list[str]:
        """Translate lines; see `Translator.translate`. A line that is longer than the model takes comes back empty.

        Raises:
            TranslationError: The model does not know the languages.
            ModelError: Out of memory.
        """
        self._check_direction(source, target)
        with self._lock, mapped("translating"):
            begin = self._told(source, target)
            rows = [self._tokens(begin, text) for text in texts]
            limit = getattr(self._model.config, "max_position_embeddings", None)  # T5 has none
            fits = [limit is None or len(row) <= limit for row in rows]
            fitting = [row for row, fit in zip(rows, fits, strict=True) if fit]
            found = iter(self._generated(fitting, target, limit) if fitting else [])
            return [next(found) if fit else "" for fit in fits]

    def _check_direction(self, source: str, target: str) -> None:
        """A model of one direction must not be asked for another: it would answer in its own."""
        pair = tuple(getattr(self._tokenizer, name, None) for name in ("source_lang", "target_lang"))
        wrong = [
            asked
            for asked, has in zip((source, target), pair, strict=True)
            if self.family.name == "Marian" and has in LANGUAGES and has != asked
        ]
        several = [self.family.token(target)] if self.family.forced or self.family.source is None else []
        several += [self.family.source(source)] if self.family.source is not None else []
        if wrong or None in several:
            raise TranslationError(
                f"{self.name!r} does not translate from {name_of(source)} into {name_of(target)}",
                hint="Use a model for this pair, or one of many languages such as facebook/nllb-200-distilled-600M.",
            )

    def _told(self, source: str, target: str) -> list[int]:
        """The tokens that a line begins with, with the source's language set."""
        if self.family.source is not None:
            self._tokenizer.src_lang = self.family.source(source)
            return []
        token = self.family.token(target)
        return [self._tokenizer.convert_tokens_to_ids(token)] if token else []

    def _tokens(self, begin: Sequence[int], text: str) -> list[int]:
        """A line in tokens. What looks like a control token in it is broken by a space, and so is text."""
        text = self._control.sub(lambda found: f"{found[0][:1]} {found[0][1:]}", text)
        if self.family.name in _CODES:
            text = text.replace(_CODES[self.family.name], " ".join(_CODES[self.family.name]))
        return [*begin, *self._tokenizer(text).input_ids]

    @torch.inference_mode()
    def _generated(self, rows: Sequence[Sequence[int]], target: str, limit: int | None) -> list[str]:
        tokenizer, device = self._tokenizer, self._model.device
        longest = max(map(len, rows))
        padding = tokenizer.pad_token_id or 0
        tokens = torch.tensor([[*row, *[padding] * (longest - len(row))] for row in rows], device=device)
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows], device=device)
        forced = {"forced_bos_token_id": tokenizer.convert_tokens_to_ids(self.family.token(target))}
        most = 3 * longest + SPARE_TOKENS
        generate: Any = self._model.generate
        found = generate(
            input_ids=tokens,
            attention_mask=mask,
            do_sample=False,
            num_beams=self._beams,
            max_new_tokens=min(most, limit - 2) if limit else most,
            max_length=None,
            **(forced if self.family.forced else {}),
        )
        return [self._text(row) for row in found]

    def _text(self, row: torch.Tensor) -> str:
        """A translation; one without an end is none."""
        if self._tokenizer.eos_token_id not in row[1:].tolist():
            return ""
        text: str = self._tokenizer.decode(row, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text.strip()


def family_of(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> Family:
    """The family of a model, found in its vocabulary.

    Raises:
        ModelError: It is none that translates.
    """
    # M2M100 keeps its codes beside the vocabulary.
    known = {*tokenizer.get_vocab(), *getattr(tokenizer, "lang_token_to_id", {})}

    def among(spell: Callable[[str], str]) -> Lookup:
        return lambda code: token if (token := spell(code)) in known else None

    def flores(code: str) -> str:
        return LANGUAGES[code].flores if code in LANGUAGES else ""

    if "eng_Latn" in known:
        return Family("NLLB", among(flores), among(flores), forced=True)
    if "__en__" in known:
        m2m = among(lambda code: f"__{code}__")
        return Family("M2M100", m2m, lambda code: code if m2m(code) else None, forced=True)
    if "en_XX" in known:
        regions = {token[:2]: token for token in known if re.fullmatch(r"[a-z]{2}_[A-Z]{2}", token)}
        return Family("mBART", regions.get, regions.get, forced=True)
    if "<2en>" in known:
        return Family("MADLAD", among(lambda code: f"<2{code}>"), None, forced=False)
    if model.config.model_type == "marian":
        return Family("Marian", _marian(known), None, forced=False)
    raise ModelError(
        f"{model.name_or_path!r} is no translation model that is known here ({model.config.model_type})",
        hint="Use NLLB, M2M100, mBART-50, MADLAD or Marian, or a chat model.",
    )


def _marian(known: set[str]) -> Lookup:
    """The token of a target language where the model has several; "" where it has one."""
    codes = {token for token in known if re.fullmatch(r">>\w+<<", token)}
    if not codes:
        return lambda _: ""

    def token(code: str) -> str | None:
        language = LANGUAGES.get(code)
        names = [code, *([language.long, language.flores] if language else [])]
        return next((f">>{name}<<" for name in names if f">>{name}<<" in codes), None)

    return token


def is_seq2seq(name: str) -> bool:
    """Whether a model, named by a folder or on the hub, has an encoder and a decoder; its weights are not loaded.

    Raises:
        ModelUnavailable: There is no such model here, or it needs code of its own.
        ModelError: Its configuration cannot be read.
    """
    try:
        with loading_files(name):
            local = Path(name).is_dir() or is_cached(name)
            config = transformers.AutoConfig.from_pretrained(name, local_files_only=local, trust_remote_code=False)
    except (ValueError, KeyError):
        raise ModelError(f"the configuration of {name!r} cannot be read", hint="Get the model's files again.") from None
    return bool(config.is_encoder_decoder)


def load_seq2seq(name: str, *, device: str | None = None, dtype: str | None = None) -> Seq2SeqTranslator:
    """Load a sequence-to-sequence model from a folder or by its hub name.

    Args:
        name: A folder with `config.json` and weights, or a hub name such as "facebook/nllb-200-distilled-600M".
        device: "cpu", "cuda", "mps"; by default the best that is there.
        dtype: "bfloat16", "float32", "float16"; by default bfloat16 where the hardware multiplies it fast, else
            float32.

    Raises:
        ModelUnavailable: No weights there, or no such name, or no network to ask; the device is not here; or the model
            needs code of its own.
        ExtraNotInstalled: Its tokenizer needs sentencepiece.
        ModelError: The weights or the tokenizer cannot be used, or do not fit into memory.
        ValueError: `dtype` is none of these.
    """
    folder = Path(name)
    if folder.is_dir() and not holds_a_model(folder):
        raise ModelUnavailable(
            f"the folder {name!r} holds no weights",
            hint="A model folder holds config.json, a tokenizer and *.safetensors.",
        )
    device, chosen = hardware(device, dtype)
    transformers.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        with loading_files(name):
            given: Any = {"local_files_only": folder.is_dir() or is_cached(name), "trust_remote_code": False}
            tokenizer = transformers.AutoTokenizer.from_pretrained(name, **given)
            auto: Any = transformers.AutoModelForSeq2SeqLM
            model, loading = auto.from_pretrained(name, dtype=chosen, output_loading_info=True, **given)
    except ImportError:
        raise ExtraNotInstalled(
            f"the tokenizer of {name!r} needs sentencepiece", hint='pip install "clinextract[translate]"'
        ) from None
    except (ValueError, KeyError, RuntimeError):
        raise ModelError(
            f"{name!r} cannot be loaded as a sequence-to-sequence model by transformers {transformers.__version__}",
            hint="Its config.json must fit its weights, and its tokenizer must lie beside it.",
        ) from None
    if loading["missing_keys"]:  # they would have random values
        raise ModelError(
            f"{len(loading['missing_keys'])} weights of {name!r} are missing", hint="Get the model's files again."
        )
    with mapped(f"loading the model {name!r}"):
        model.to(device).eval()
    return Seq2SeqTranslator(model, tokenizer, name=name, weights=weights_hash(folder, model))
