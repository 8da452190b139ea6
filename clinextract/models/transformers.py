"""Models of Hugging Face `transformers`, in process: a folder or a hub name, on CPU, CUDA or MPS."""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

# Read when the libraries are imported: nothing is reported to anyone.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("DO_NOT_TRACK", "1")

import huggingface_hub
import torch
import transformers
from jinja2 import TemplateError

from clinextract.errors import ModelError, ModelUnavailable, mapped
from clinextract.keeping import keep
from clinextract.models.base import Message, ModelInfo, Prefix, Read, Step
from clinextract.models.card import ModelCard, read_card
from clinextract.models.generation import continuations
from clinextract.models.session import CachedPrefix, CachedSession, attention_windows
from clinextract.models.tokenizer import BackendTokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

PREFIXES = 4
"""How many prefixes' keys and values are kept: a language or two, for a schema or two."""
DTYPES = ("bfloat16", "float32", "float16")
"""What the weights may be."""
MASK_IGNORED = 0.1
"""What `probe` gives from here on is no rounding."""
HASHED_WHOLE = 1 << 30
"""Weight files up to this many bytes are hashed whole; of larger ones the first and last 16 MiB, and the size."""


class TransformersModel:
    """The `LogitModel` port over a causal language model.

    Args:
        model: In evaluation mode.
        tokenizer: Its tokenizer.
        info: What is known of it.
        card: What it says of itself for this package, where it was made for a schema.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        info: ModelInfo,
        card: ModelCard | None = None,
    ) -> None:
        self.info = info
        self.model = model
        self._hf_tokenizer = tokenizer
        self.tokenizer = _backend_tokenizer(tokenizer, made_for_schema=card is not None)
        # The one that was used last stands last.
        self._prefixes: OrderedDict[tuple[int, ...], CachedPrefix] = OrderedDict()
        _check_attention(model)

    def __repr__(self) -> str:
        return f"TransformersModel({self.info.name!r}, {self.info.device}, {self.info.dtype})"

    def chat(self, messages: Sequence[Message]) -> str:
        """The messages as one text; see `LogitModel.chat`."""
        tokenizer: Any = self._hf_tokenizer
        if not tokenizer.chat_template:
            text = "\n\n".join(message["content"] for message in messages)
            # Where the tokenizer would put a beginning-of-sequence token, it is written out: it is then there once.
            starts = tokenizer("").input_ids[:1] == [tokenizer.bos_token_id]
            return (tokenizer.bos_token if starts else "") + text
        try:
            return _chat(tokenizer, messages)
        except TemplateError:
            if messages[0]["role"] == "system":
                # Templates without a system turn (Gemma) get its text in the first turn of the user.
                first = {"role": "user", "content": messages[0]["content"] + "\n\n" + messages[1]["content"]}
                with suppress(TemplateError):
                    return _chat(tokenizer, [first, *messages[2:]])
            raise ModelError(
                f"the chat template of {self.info.name!r} cannot render the prompt",
                hint="Use a model whose template takes turns of a user and an assistant, or remove the template.",
            ) from None

    @torch.inference_mode()
    def prefill(self, tokens: Sequence[int]) -> CachedPrefix:
        """Run a prefix once; the last `PREFIXES` are kept."""
        key = tuple(tokens)
        prefix = self._prefixes.get(key)
        if prefix is None:
            cache = transformers.DynamicCache()  # without a configuration: every layer keeps everything
            if key:
                self.model(
                    input_ids=torch.tensor([key], device=self.model.device),
                    past_key_values=cache,
                    use_cache=True,
                    logits_to_keep=1,
                )
            layers: Any = cache.layers
            prefix = CachedPrefix([(layer.keys, layer.values) for layer in layers], len(key))
        keep(self._prefixes, key, prefix, PREFIXES)
        return prefix

    def session(self, prefix: Prefix, rows: int) -> CachedSession:
        """A batch of rows; see `LogitModel.session`."""
        assert isinstance(prefix, CachedPrefix)
        return CachedSession(self.model, prefix, rows)

    def generate(self, tokens: Sequence[int], regex: str, max_tokens: int) -> str:
        """Token by token under `outlines.Generator`; see `GuidedModel.generate`."""
        from clinextract.models.guided import generate  # noqa: PLC0415 - outlines takes a second to import

        return generate(self.model, self._hf_tokenizer, tokens, regex, max_tokens)

    def continuations(self, rows: Sequence[Sequence[int]], max_tokens: int) -> list[str | None]:
        """The likeliest text behind each row of tokens; see `generation.continuations`."""
        with mapped("generating"):
            return continuations(self.model, self._hf_tokenizer, rows, max_tokens)

    def probe(self) -> float:
        """How far apart the logits of a branch and of the same tokens in a row are, as a share of their spread.

        A model whose attention does not honour a mask over a tree of tokens would choose by the wrong words. Near 0.01
        is rounding in bfloat16; a mask that is ignored gives 0.1 and more.
        """
        ids = [n % max(2, len(self.tokenizer.token_bytes) - 8) + 4 for n in (3, 1, 4, 1, 5, 9, 2, 6)]
        every = torch.arange(len(self.tokenizer.token_bytes)).numpy()
        row = self.session(self.prefill(ids[:4]), 1)
        tree = self.session(self.prefill(ids[:4]), 1)
        [[plain]] = row.extend([Step(ids[4:7], (), [Read(2, every)])])
        branches = [(0, ids[7]), (0, ids[5]), (3, ids[6])]
        [[branch]] = tree.extend([Step([ids[4], ids[0]], branches, [Read(4, every)])])
        return float(abs(plain - branch).max() / max(plain.std(), 1e-9))


def load_transformers(
    name: str, *, device: str | None = None, dtype: str | None = None, display: str | None = None
) -> TransformersModel:
    """Load a causal model from a folder or by its hub name.

    Args:
        name: A folder with `config.json` and weights, or a hub name.
        device: "cpu", "cuda", "mps"; by default the best that is there.
        dtype: "bfloat16", "float32", "float16"; by default bfloat16 where the hardware multiplies it fast, else
            float32.
        display: What to call it in results, if not `name`.

    Raises:
        ModelUnavailable: No weights there, or no such name, or no network to ask; the device is not here; or the model
            needs code of its own.
        ModelError: The weights or the tokenizer cannot be used, or do not fit into memory.
        ValueError: `dtype` is none of these.
    """
    folder = Path(name)
    if folder.is_dir() and not holds_a_model(folder):
        raise ModelUnavailable(
            f"the folder {name!r} holds no weights",
            hint="A model folder holds config.json, tokenizer.json and *.safetensors.",
        )
    device, chosen = hardware(device, dtype)
    # A library does not draw on its user's screen.
    transformers.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        with loading_files(name):
            given: Any = {"local_files_only": folder.is_dir() or is_cached(name), "trust_remote_code": False}
            tokenizer = transformers.AutoTokenizer.from_pretrained(name, **given)
            causal: Any = transformers.AutoModelForCausalLM
            model, loading = causal.from_pretrained(name, dtype=chosen, output_loading_info=True, **given)
    except (ValueError, KeyError):
        raise ModelError(
            f"{name!r} is not a causal language model that transformers {transformers.__version__} knows",
            hint="Its config.json must name a causal architecture, and a tokenizer must lie beside it.",
        ) from None
    except RuntimeError:
        raise ModelError(
            f"the weights of {name!r} do not fit its config.json", hint="Take both from the same place."
        ) from None
    if loading["missing_keys"]:  # they would have random values
        raise ModelError(
            f"{len(loading['missing_keys'])} weights of {name!r} are missing", hint="Get the model's files again."
        )
    with mapped(f"loading the model {name!r}"):
        model.to(device).eval()
    card = read_card(folder)
    loaded = TransformersModel(model, tokenizer, _info(display or name, folder, model, card), card)
    _check_masks(loaded)
    return loaded


@contextmanager
def loading_files(name: str) -> Iterator[None]:
    """`mapped`, where `transformers` reads a model's files with `trust_remote_code=False`.

    Left to itself, it asks on standard input whether to run code that comes with a model. Here the answer is no: the
    code would run in the process that holds the transcripts.

    Raises:
        ModelUnavailable: As `mapped`, or the model needs such code.
    """
    try:
        with mapped(f"loading the model {name!r}"):
            yield
    except ValueError as error:
        if "trust_remote_code" not in str(error):
            raise
        raise ModelUnavailable(
            f"the model {name!r} needs code of its own",
            hint="clinextract never runs code that comes with a model. Use one that transformers itself knows.",
        ) from None


def hardware(device: str | None, dtype: str | None) -> tuple[str, torch.dtype]:
    """The device and the dtype that are meant; told before the weights are read, which may take minutes.

    Raises:
        ModelUnavailable: The device is not here.
        ModelError: It has no memory left.
        ValueError: `dtype` is none of `DTYPES`.
    """
    if dtype and dtype not in DTYPES:
        raise ValueError(f"dtype must be one of {', '.join(map(repr, DTYPES))}")
    device = device or best_device()
    try:
        with mapped(f"looking for the device {device!r}"):
            torch.empty(0, device=device)
    except (RuntimeError, AssertionError):  # the first where a device is not here, the second where torch cannot use it
        raise ModelUnavailable(
            f"the device {device!r} is not here", hint="Use cpu, cuda or mps; without a device the best here is taken."
        ) from None
    return device, getattr(torch, dtype) if dtype else best_dtype(device)


def best_device() -> str:
    """The accelerator where there is one ("cuda" or "mps"), else "cpu"."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def best_dtype(device: str) -> torch.dtype:
    """bfloat16 where the hardware multiplies it fast, else float32."""
    if device == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if device == "mps":
        return torch.bfloat16
    cpu: Any = torch.cpu
    fast = cpu._is_avx512_bf16_supported() or cpu._is_amx_tile_supported()
    return torch.bfloat16 if fast else torch.float32


def holds_a_model(folder: Path) -> bool:
    """Whether a folder has a configuration and weights."""
    weights = (file for pattern in ("*.safetensors", "*.bin") for file in folder.glob(pattern))
    return (folder / "config.json").is_file() and any(weights)


def is_cached(name: str) -> bool:
    """Whether a hub model's weights are on this machine: then nobody is asked for them.

    If they are not, the hub is asked once whether it has them, since a download tries again for a minute.
    """
    files = ("model.safetensors", "model.safetensors.index.json")
    if any(isinstance(huggingface_hub.try_to_load_from_cache(name, file), str) for file in files):
        return True
    huggingface_hub.model_info(name, timeout=10)
    return False


def _chat(tokenizer: Any, messages: Sequence[Message]) -> str:
    text: str = tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True)
    return text


def _backend_tokenizer(tokenizer: PreTrainedTokenizerBase, *, made_for_schema: bool) -> BackendTokenizer:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise ModelError(
            f"the tokenizer ({type(tokenizer).__name__}) is not one of the `tokenizers` library",
            hint="Use a model with a tokenizer.json.",
        )
    eos = tokenizer.eos_token_id
    return BackendTokenizer(backend, 0 if eos is None else int(eos), added_as_text=made_for_schema)


def _check_attention(model: PreTrainedModel) -> None:
    kinds = attention_windows(model)
    if not kinds.keys() <= {"full_attention", "sliding_attention"}:
        raise ModelError(
            f"{type(model).__name__} has layers without a cache that can be rewound ({', '.join(kinds)})",
            hint="Use a model whose layers all have attention: Qwen2.5, Llama 3, Gemma 3, Mistral, Aya.",
        )


def _check_masks(model: TransformersModel) -> None:
    """Alternatives are scored side by side, which is right only where the attention honours a mask over a tree."""
    try:
        apart = model.probe()
    except (ValueError, RuntimeError, TypeError, IndexError):  # of a model that cannot take such a mask at all
        apart = float("inf")
    if not apart < MASK_IGNORED:
        raise ModelError(
            f"{type(model.model).__name__} does not honour a mask over a tree of tokens",
            hint="Use a model with rotary positions: Qwen2.5, Llama 3, Gemma 3, Mistral, Aya.",
        )


def _info(name: str, folder: Path, model: PreTrainedModel, card: ModelCard | None) -> ModelInfo:
    config = model.config.get_text_config()
    return ModelInfo(
        name=name,
        hash=weights_hash(folder, model),
        prompt=card.prompt if card else "chat.v1",
        order=card.order if card else "joint",
        fields=tuple(card.fields) if card else (),
        evidence=card.evidence if card else "asked",
        context=getattr(config, "max_position_embeddings", None),
        device=str(model.device),
        dtype=str(model.dtype).removeprefix("torch."),
        parameters=model.num_parameters(),
        versions={"torch": torch.__version__, "transformers": transformers.__version__},
    )


def weights_hash(folder: Path, model: PreTrainedModel) -> str:
    """First 16 hexadecimal digits of a SHA-256 over a folder's files, or over a hub name and its commit."""
    digest = hashlib.sha256()
    if not folder.is_dir():
        digest.update(f"{model.name_or_path}@{getattr(model.config, '_commit_hash', None)}".encode())
        return digest.hexdigest()[:16]
    for path in sorted(folder.iterdir()):
        if path.suffix in {".json", ".safetensors", ".bin", ".jinja", ".spm", ".model"}:
            digest.update(path.name.encode())
            with path.open("rb") as file:
                size = path.stat().st_size
                if size <= HASHED_WHOLE:
                    digest.update(file.read())
                    continue
                digest.update(str(size).encode() + file.read(1 << 24))
                file.seek(-(1 << 24), os.SEEK_END)
                digest.update(file.read())
    return digest.hexdigest()[:16]
