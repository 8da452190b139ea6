"""The thirteen features of a palliative-care call, the schema that is used when none is given.

Names, order and meaning are those of arXiv 2602.21374, which extracted them from 1,221 Persian
calls to a cancer palliative-care line. This is their one definition: prompts, tables and the
documentation read it from here, and `schemas/palliative_care.yaml` is the same schema as a
clinician would write it.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from clinextract.schema.features import Feature


class PalliativeCall(BaseModel):
    """What the transcript of one call states about the patient at the time of the call."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    visit_request: bool = Feature(
        label={"en": "Doctor's visit request", "fa": "درخواست ویزیت پزشک"},
        definition={
            "en": "The patient, or someone for the patient, asks for a physician to see the "
            "patient (home visit, clinic visit, an appointment), or accepts the offer of one. "
            "Asking only for advice, a prescription, a phone call back, equipment, an ambulance "
            "or a nurse is not it.",
            "fa": "بیمار یا کسی از طرف او می‌خواهد که پزشک بیمار را ببیند (ویزیت در منزل، مراجعه "
            "به درمانگاه، نوبت)، یا پیشنهاد آن را می‌پذیرد. درخواست مشاوره، نسخه، تماس دوباره، "
            "وسایل، آمبولانس یا پرستار به‌تنهایی به حساب نمی‌آید.",
        },
    )
    psychological_complaints: bool = Feature(
        label={"en": "Psychological complaints", "fa": "شکایت‌های روان‌شناختی"},
        definition={
            "en": "The patient has a psychiatric or psychological complaint: anxiety, fear, low "
            "mood, crying, hopelessness, agitation, aggression, hallucination, wish to die, "
            "refusal out of despair. Passing worry and the caller's own distress are not it.",
            "fa": "بیمار شکایت روانی یا روان‌پزشکی دارد: اضطراب، ترس، خلق پایین، گریه، ناامیدی، "
            "بی‌قراری، پرخاشگری، توهم، آرزوی مرگ، یا امتناع از سر ناامیدی. نگرانی گذرا و پریشانی "
            "خودِ تماس‌گیرنده به حساب نمی‌آید.",
        },
        codes={"ICD-10": "R45"},
    )
    sleep_disorders: bool = Feature(
        label={"en": "Sleep disorders", "fa": "اختلال خواب"},
        definition={
            "en": "The patient sleeps badly: cannot fall or stay asleep, has nightmares, has day "
            "and night reversed, or sleeps far too much as a complaint.",
            "fa": "بیمار بد می‌خوابد: خوابش نمی‌برد یا زود از خواب می‌پرد، کابوس می‌بیند، شب و "
            "روزش جابه‌جا شده، یا از خوابِ بیش از حد شکایت دارد.",
        },
        codes={"ICD-10": "G47"},
    )
    loss_of_appetite: bool = Feature(
        label={"en": "Loss of appetite", "fa": "کاهش اشتها"},
        definition={
            "en": "The patient has no or less appetite, or does not want to eat. Being unable to "
            "swallow or vomiting food up is not it by itself.",
            "fa": "بیمار اشتها ندارد یا اشتهایش کم شده، یا نمی‌خواهد غذا بخورد. ناتوانی در بلع یا "
            "بالا آوردن غذا به‌تنهایی به حساب نمی‌آید.",
        },
        codes={"ICD-10": "R63.0"},
    )
    seizures: bool = Feature(
        label={"en": "Seizures", "fa": "تشنج"},
        definition={
            "en": "The patient has had a seizure, convulsion or fit in the present episode (the "
            "last days). A seizure years ago, or taking an anti-seizure medicine, is not it.",
            "fa": "بیمار در همین دورهٔ اخیر (چند روز گذشته) تشنج یا حملهٔ تشنجی داشته است. تشنجِ "
            "سال‌ها پیش یا مصرف داروی ضدتشنج به حساب نمی‌آید.",
        },
        codes={"ICD-10": "R56"},
    )
    weakness_and_fatigue: bool = Feature(
        label={"en": "Weakness and fatigue", "fa": "ضعف و خستگی"},
        definition={
            "en": "The patient is weak, tired, exhausted or without energy, cannot stand or walk "
            "for weakness, or is bedridden for weakness.",
            "fa": "بیمار ضعیف، خسته، بی‌رمق یا بی‌انرژی است، از ضعف نمی‌تواند بایستد یا راه برود، "
            "یا از ضعف در بستر افتاده است.",
        },
        codes={"ICD-10": "R53"},
    )
    decreased_consciousness: bool = Feature(
        label={"en": "Decreased level of consciousness", "fa": "کاهش سطح هوشیاری"},
        definition={
            "en": "The patient is drowsy beyond sleep, hard to wake, does not respond, is "
            "confused or disoriented, does not recognise people, or is in a coma.",
            "fa": "بیمار بیش از خواب معمول خواب‌آلود است، به‌سختی بیدار می‌شود، پاسخ نمی‌دهد، گیج "
            "است یا زمان و مکان را نمی‌داند، اطرافیان را نمی‌شناسد، یا در کماست.",
        },
        codes={"ICD-10": "R40"},
    )
    fever: bool = Feature(
        label={"en": "Fever", "fa": "تب"},
        definition={
            "en": "The patient has fever, a raised temperature (38 °C or more when only a number "
            "is given), or chills with heat.",
            "fa": "بیمار تب دارد، دمای بدنش بالاست (۳۸ درجه یا بیشتر، اگر فقط عدد گفته شود)، یا "
            "لرز همراه با داغی بدن دارد.",
        },
        codes={"ICD-10": "R50"},
    )
    respiratory_complaints: bool = Feature(
        label={"en": "Respiratory complaints", "fa": "مشکلات تنفسی"},
        definition={
            "en": "The patient is short of breath, has low oxygen saturation, coughs, wheezes, "
            "has secretions in the chest or throat, or needs more oxygen. A runny or blocked nose "
            "alone is not it.",
            "fa": "بیمار تنگی نفس دارد، اکسیژن خونش پایین است، سرفه یا خس‌خس می‌کند، در سینه یا "
            "گلو ترشح دارد، یا اکسیژن بیشتری لازم دارد. آبریزش یا گرفتگی بینی به‌تنهایی به حساب "
            "نمی‌آید.",
        },
        codes={"ICD-10": "R06"},
    )
    insurance_or_cost_issues: bool = Feature(
        label={"en": "Insurance / treatment cost issues", "fa": "مشکلات بیمه / هزینهٔ درمان"},
        definition={
            "en": "The patient or the family has trouble with insurance cover, or cannot afford, "
            "or complains of, the cost of treatment, medicine, equipment or visits. Merely naming "
            "an insurer is not it.",
            "fa": "بیمار یا خانواده‌اش با پوشش بیمه مشکل دارند، یا از عهدهٔ هزینهٔ درمان، دارو، "
            "وسایل یا ویزیت برنمی‌آیند یا از آن شکایت دارند. نام بردن از بیمه به‌تنهایی به حساب "
            "نمی‌آید.",
        },
        codes={"ICD-10": "Z59"},
    )
    urinary_issues: bool = Feature(
        label={"en": "Urinary tract issues", "fa": "مشکلات ادراری"},
        definition={
            "en": "The patient has trouble with urine: burning, retention, incontinence, blood, "
            "infection, little urine, a blocked or leaking catheter. A catheter that works is not "
            "it.",
            "fa": "بیمار مشکل ادراری دارد: سوزش، احتباس، بی‌اختیاری، خون، عفونت، کم شدن ادرار، یا "
            "سوندی که گرفته یا نشت می‌کند. سوندی که درست کار می‌کند به حساب نمی‌آید.",
        },
        codes={"ICD-10": "R30-R39"},
    )
    pain: bool = Feature(
        label={"en": "Pain", "fa": "درد"},
        definition={
            "en": "The patient has pain anywhere, of any strength, also pain that medicine "
            "lessens but does not remove. Pain said to be gone is not it.",
            "fa": "بیمار در هر جای بدن و با هر شدتی درد دارد، حتی دردی که دارو کمش می‌کند ولی از "
            "بین نمی‌برد. دردی که گفته شود برطرف شده به حساب نمی‌آید.",
        },
        codes={"ICD-10": "R52"},
    )
    gastrointestinal_issues: bool = Feature(
        label={"en": "Gastrointestinal issues", "fa": "مشکلات گوارشی"},
        definition={
            "en": "The patient has nausea, vomiting, constipation, diarrhoea, bloating or "
            "ascites, heartburn, bleeding from the gut, trouble swallowing, mouth sores, or a "
            "problem with a stoma or feeding tube.",
            "fa": "بیمار تهوع، استفراغ، یبوست، اسهال، نفخ یا آب آوردن شکم، سوزش سر دل، خون‌ریزی "
            "گوارشی، سختی بلع، زخم دهان، یا مشکل استوما یا لولهٔ تغذیه دارد.",
        },
        codes={"ICD-10": "R10-R19"},
    )
