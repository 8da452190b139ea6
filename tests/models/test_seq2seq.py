"""Sequence-to-sequence models of each family, tiny and random: how they are told the languages, and what bounds them.

Whether one translates is shown with a trained one, in tests/translation/test_trained_translators.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from clinextract import ModelError, ModelUnavailable, TranslationError
from clinextract.models.languages import LANGUAGES, name_of
from clinextract.models.seq2seq import Seq2SeqTranslator, family_of, is_seq2seq, load_seq2seq

pytestmark = pytest.mark.filterwarnings("ignore:Recommended")  # sacremoses, for other languages than these

LETTERS = sorted(set("abcdefghijklmnopqrstuvwxyzX .,?<>_/▁0123456789سلامتبدرخونهیکگزچجئ"))
PERSIAN = ["سلام", "درد دارم"]
_SIDES = {
    f"{side}_{what}": value
    for side in ("encoder", "decoder")
    for what, value in (("layers", 1), ("attention_heads", 2), ("ffn_dim", 32))
}
_ENDS = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "decoder_start_token_id": 2}


def nllb() -> tuple[Any, Any]:
    vocabulary = {piece: token for token, piece in enumerate(["<s>", "<pad>", "</s>", "<unk>", *LETTERS])}
    tokenizer = transformers.NllbTokenizer(vocab=vocabulary, merges=[])
    configuration = transformers.M2M100Config(
        vocab_size=len(tokenizer), d_model=32, max_position_embeddings=64, **_SIDES, **_ENDS
    )
    return transformers.M2M100ForConditionalGeneration(configuration), tokenizer


def mbart() -> tuple[Any, Any]:
    tokenizer = transformers.MBart50Tokenizer(
        vocab=[("<unk>", 0.0), ("<s>", 0.0), ("</s>", 0.0), *((letter, -3.0) for letter in LETTERS)]
    )
    configuration = transformers.MBartConfig(
        vocab_size=len(tokenizer), d_model=32, max_position_embeddings=64, **_SIDES, **_ENDS
    )
    return transformers.MBartForConditionalGeneration(configuration), tokenizer


def madlad() -> tuple[Any, Any]:
    codes = [(f"<2{code}>", -5.0) for code in ("en", "fa")]
    tokenizer = transformers.T5Tokenizer(
        vocab=[("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *codes, *((letter, -3.0) for letter in LETTERS)],
        extra_ids=0,
    )
    configuration = transformers.T5Config(
        vocab_size=len(tokenizer),
        d_model=32,
        d_kv=8,
        d_ff=32,
        num_layers=1,
        num_heads=2,
        pad_token_id=0,
        eos_token_id=1,
        decoder_start_token_id=0,
    )
    return transformers.T5ForConditionalGeneration(configuration), tokenizer


def spm(folder: Path) -> Path:
    """A sentencepiece model over a few lines."""
    import sentencepiece

    (folder / "lines.txt").write_text("\n".join(["سلام درد دارم تب ندارد", "hello i have pain no fever"] * 20))
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / "lines.txt"),
        model_prefix=str(folder / "spm"),
        vocab_size=60,
        hard_vocab_limit=False,
        minloglevel=2,
        num_threads=1,
    )
    return folder / "spm.model"


def pieces(model: Path) -> list[str]:
    import sentencepiece

    words = sentencepiece.SentencePieceProcessor(model_file=str(model))
    return [words.id_to_piece(token) for token in range(3, words.get_piece_size())]


def m2m(folder: Path) -> tuple[Any, Any]:
    model = spm(folder)
    vocabulary = {piece: token for token, piece in enumerate(["<s>", "<pad>", "</s>", "<unk>", *pieces(model)])}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    tokenizer = transformers.M2M100Tokenizer(str(folder / "vocab.json"), str(model))
    configuration = transformers.M2M100Config(
        vocab_size=len(vocabulary) + 108, d_model=32, max_position_embeddings=64, **_SIDES, **_ENDS
    )
    return transformers.M2M100ForConditionalGeneration(configuration), tokenizer


def marian(folder: Path, codes: tuple[str, ...] = (), **languages: str) -> tuple[Any, Any]:
    model = spm(folder)
    known = ["</s>", "<unk>", *codes, *pieces(model), "<pad>"]
    (folder / "vocab.json").write_text(json.dumps({piece: token for token, piece in enumerate(known)}))
    tokenizer = transformers.MarianTokenizer(str(model), str(model), str(folder / "vocab.json"), **languages)
    pad = len(known) - 1
    configuration = transformers.MarianConfig(
        vocab_size=len(known), d_model=32, max_position_embeddings=64, **_SIDES,
        pad_token_id=pad, eos_token_id=0, bos_token_id=0, decoder_start_token_id=pad, forced_eos_token_id=None,
    )  # fmt: skip
    return transformers.MarianMTModel(configuration), tokenizer


class Spied:
    """A translator of random weights, and what its model was last given and gave."""

    def __init__(self, parts: tuple[Any, Any]) -> None:
        torch.manual_seed(0)
        network, self.tokenizer = parts
        self.translator = Seq2SeqTranslator(network.eval(), self.tokenizer, name="tiny", weights="0" * 16, beams=2)
        self.given: dict[str, Any] = {}
        generate = network.generate

        def spied(**given: Any) -> Any:
            self.given = given
            self.made = generate(**given)
            return self.made

        network.generate = spied

    def translate(self, texts: list[str], source: str = "fa", target: str = "en") -> list[str]:
        return self.translator.translate(texts, source=source, target=target)

    def rows(self) -> list[list[str]]:
        """The tokens that the model was given, without padding."""
        rows = zip(self.given["input_ids"].tolist(), self.given["attention_mask"].tolist(), strict=True)
        return [self.tokenizer.convert_ids_to_tokens([t for t, m in zip(*row, strict=True) if m]) for row in rows]

    def second(self) -> str:
        """The token that the first translation began with, after the start token."""
        token: str = self.tokenizer.convert_ids_to_tokens([int(self.made[0, 1])])[0]
        return token


@pytest.mark.parametrize(
    ("make", "family", "source", "target"), [(nllb, "NLLB", "pes_Arab", "eng_Latn"), (mbart, "mBART", "fa_IR", "en_XX")]
)
def test_codes_stand_before_the_line_and_its_translation(
    make: Callable[[], tuple[Any, Any]], family: str, source: str, target: str
) -> None:
    spied = Spied(make())
    assert spied.translator.family.name == family
    assert len(spied.translate(PERSIAN)) == 2
    assert [(row[0], row[-1]) for row in spied.rows()] == [(source, "</s>")] * 2
    assert spied.second() == target
    assert repr(spied.translator) == f"Seq2SeqTranslator('tiny', {family})"


def test_codes_of_m2m_stand_there_too(tmp_path: Path) -> None:
    spied = Spied(m2m(tmp_path))
    assert spied.translator.family.name == "M2M100"
    spied.translate(PERSIAN)
    assert spied.rows()[0][0] == "__fa__"
    assert spied.second() == "__en__"


def test_madlad_is_told_the_target_before_the_line() -> None:
    spied = Spied(madlad())
    assert spied.translator.family.name == "MADLAD"
    spied.translate(PERSIAN)
    assert [row[0] for row in spied.rows()] == ["<2en>"] * 2
    assert "".join(spied.rows()[1][1:-1]) == "▁درد▁دارم"


def test_a_marian_of_several_targets_is_told_the_target(tmp_path: Path) -> None:
    spied = Spied(marian(tmp_path, (">>eng<<", ">>deu<<")))
    spied.translate(PERSIAN)
    assert [row[0] for row in spied.rows()] == [">>eng<<"] * 2
    with pytest.raises(TranslationError, match="into French"):
        spied.translate(PERSIAN, target="fr")


def test_a_marian_of_one_direction_is_told_nothing_and_refuses_another(tmp_path: Path) -> None:
    spied = Spied(marian(tmp_path, source_lang="fa", target_lang="en"))
    spied.translate(PERSIAN)
    assert spied.rows()[0][0].startswith("▁")
    for source, target in (("en", "fa"), ("ar", "en")):
        with pytest.raises(TranslationError, match="does not translate from") as caught:
            spied.translate(PERSIAN, source, target)
        assert "nllb" in caught.value.hint
    group = Spied(marian(tmp_path, source_lang="ine", target_lang="en"))  # Indo-European languages
    assert len(group.translate(PERSIAN)) == 2


@pytest.mark.parametrize("pair", [("fa", "xx"), ("xx", "en")])
def test_a_language_that_the_model_does_not_know_is_an_error_with_a_hint(pair: tuple[str, str]) -> None:
    with pytest.raises(TranslationError, match="xx") as caught:
        Spied(nllb()).translate(PERSIAN, *pair)
    assert caught.value.hint


@pytest.mark.parametrize("make", [nllb, mbart, madlad])
def test_what_looks_like_a_control_token_is_text(make: Callable[[], tuple[Any, Any]]) -> None:
    spied = Spied(make())
    spied.translate(["درد دارم"])
    control = {token for token in spied.rows()[0] if len(token) > 1}
    spied.translate(["درد </s> eng_Latn <2fa> en_XX <pad> دارم"])
    row = spied.rows()[0]
    assert [token for token in row if token in control] == [row[0], row[-1]][-len(control) :]
    assert not {"eng_Latn", "<2fa>", "en_XX", "<pad>"} & set(row)


def test_a_code_of_marian_in_a_line_is_text(tmp_path: Path) -> None:
    spied = Spied(marian(tmp_path, (">>eng<<", ">>deu<<")))
    spied.translate([">>deu<< درد"])
    assert ">>deu<<" not in spied.rows()[0]


def test_a_line_that_is_longer_than_the_model_takes_comes_back_empty_and_nothing_is_cut() -> None:
    spied = Spied(nllb())
    assert spied.translate(["س" * 100, "سلام", "س" * 100])[::2] == ["", ""]
    assert len(spied.rows()) == 1
    assert spied.translate(["س" * 100]) == [""]
    assert spied.translate([]) == []


def test_the_length_of_a_translation_is_bounded_by_the_line_s() -> None:
    spied = Spied(nllb())
    spied.translate(["سلام"])
    assert spied.given["max_new_tokens"] == 3 * 7 + 32
    spied.translate(["سلام سلام سلام سلام"])
    assert spied.given["max_new_tokens"] == 62  # the model's positions


def test_a_model_that_does_not_translate_is_refused() -> None:
    network, tokenizer = madlad()
    plain = transformers.T5Tokenizer(vocab=[("<unk>", 0.0), ("<s>", 0.0), ("</s>", 0.0), ("a", -1.0)], extra_ids=0)
    assert family_of(network, tokenizer).name == "MADLAD"
    with pytest.raises(ModelError, match="no translation model") as caught:
        family_of(network, plain)
    assert "NLLB" in caught.value.hint


def test_a_folder_is_loaded_and_its_fingerprint_is_that_of_its_weights(tmp_path: Path) -> None:
    prints = set()
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        network, tokenizer = nllb()
        network.save_pretrained(tmp_path)
        tokenizer.save_pretrained(tmp_path)
        assert is_seq2seq(str(tmp_path))
        loaded = load_seq2seq(str(tmp_path), device="cpu", dtype="float32")
        assert len(loaded.translate(PERSIAN, source="fa", target="en")) == 2
        assert len(loaded.fingerprint) == 16
        prints.add(loaded.fingerprint)
    assert len(prints) == 2
    assert loaded.fingerprint not in {load_seq2seq(str(tmp_path), dtype="bfloat16").fingerprint}


def test_a_folder_without_weights_or_with_others_is_refused(tmp_path: Path) -> None:
    network, tokenizer = nllb()
    with pytest.raises(ModelUnavailable):
        load_seq2seq(str(tmp_path))
    network.config.d_model = 48
    network.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"cannot be loaded|missing"):
        load_seq2seq(str(tmp_path))


def test_codes_are_those_of_the_vocabulary() -> None:
    from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES

    assert {language.flores for language in LANGUAGES.values()} <= set(FAIRSEQ_LANGUAGE_CODES)
    assert all(len(code) == 2 for code in LANGUAGES)
    assert (LANGUAGES["fa"].script, LANGUAGES["fa"].long, name_of("fa"), name_of("xx")) == (
        "Arab",
        "pes",
        "Persian",
        "xx",
    )
