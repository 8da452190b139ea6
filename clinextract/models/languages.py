"""Languages by their ISO 639-1 codes: their names, and their codes in the vocabularies of translation models."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Language:
    """One language.

    Attributes:
        name: In English.
        flores: Its code in FLORES-200, which NLLB uses: ISO 639-3, and ISO 15924 for the script.
    """

    name: str
    flores: str

    @property
    def script(self) -> str:
        """ISO 15924 code of the script that it is written in, such as "Arab"."""
        return self.flores[-4:]

    @property
    def long(self) -> str:
        """Its ISO 639-3 code."""
        return self.flores[:3]


# Where FLORES-200 has several, the one that is most spoken: Western Persian, Standard Arabic, Northern Kurdish.
_TABLE = """
af Afrikaans afr_Latn   am Amharic amh_Ethi      ar Arabic arb_Arab      az Azerbaijani azj_Latn bg Bulgarian bul_Cyrl
bn Bengali ben_Beng     bs Bosnian bos_Latn      ca Catalan cat_Latn     cs Czech ces_Latn       cy Welsh cym_Latn
da Danish dan_Latn      de German deu_Latn       el Greek ell_Grek       en English eng_Latn     es Spanish spa_Latn
et Estonian est_Latn    eu Basque eus_Latn       fa Persian pes_Arab     fi Finnish fin_Latn     fr French fra_Latn
ga Irish gle_Latn       gu Gujarati guj_Gujr     he Hebrew heb_Hebr      hi Hindi hin_Deva       hr Croatian hrv_Latn
hu Hungarian hun_Latn   hy Armenian hye_Armn     id Indonesian ind_Latn  is Icelandic isl_Latn   it Italian ita_Latn
ja Japanese jpn_Jpan    ka Georgian kat_Geor     kk Kazakh kaz_Cyrl      ko Korean kor_Hang      ku Kurdish kmr_Latn
lt Lithuanian lit_Latn  lv Latvian lvs_Latn      mk Macedonian mkd_Cyrl  ml Malayalam mal_Mlym   mr Marathi mar_Deva
ms Malay zsm_Latn       ne Nepali npi_Deva       nl Dutch nld_Latn       no Norwegian nob_Latn   pa Punjabi pan_Guru
pl Polish pol_Latn      ps Pashto pbt_Arab       pt Portuguese por_Latn  ro Romanian ron_Latn    ru Russian rus_Cyrl
sk Slovak slk_Latn      sl Slovenian slv_Latn    so Somali som_Latn      sq Albanian als_Latn    sr Serbian srp_Cyrl
sv Swedish swe_Latn     sw Swahili swh_Latn      ta Tamil tam_Taml       te Telugu tel_Telu      tg Tajik tgk_Cyrl
th Thai tha_Thai        tl Tagalog tgl_Latn      tr Turkish tur_Latn     uk Ukrainian ukr_Cyrl   ur Urdu urd_Arab
uz Uzbek uzn_Latn       vi Vietnamese vie_Latn   zh Chinese zho_Hans
"""
_WORDS = _TABLE.split()

LANGUAGES = {
    code: Language(name, flores) for code, name, flores in zip(_WORDS[::3], _WORDS[1::3], _WORDS[2::3], strict=True)
}
"""By ISO 639-1 code."""


def name_of(code: str) -> str:
    """A language's name in English; of one that is not known here, its code."""
    return LANGUAGES[code].name if code in LANGUAGES else code
