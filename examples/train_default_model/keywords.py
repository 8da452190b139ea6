"""A keyword list with simple negation: what anybody could write in an hour.

Written by hand from the guidelines, widened once after its figures on training and development calls.
"""

import re

from corpus import FEATURES

ENGLISH: dict[str, str] = {
    "visit_request": r"(?:see|visit|send|come|appointment|home)\b[^.?!\n]{0,40}\bdoctor"
    r"|doctor\b[^.?!\n]{0,40}\b(?:visit|come|see|appointment)|appointment|home visit|visit requested|house call",
    "psychological_complaints": r"anxi\w*|depress\w*|afraid|scared|fear\w*|fright\w*|terrified|cry\w*|cries|weep\w*"
    r"|tears|hopeless\w*|agitat\w*|aggressi\w*|hallucinat\w*|panic\w*|wants? to die|wish\w* \w+ dead|low mood"
    r"|restless|sees? (?:people|things)|hits?|shouts?|point of living|tired of living",
    "sleep_disorders": r"insomnia|sleepless|(?:can['’]?t|cannot|doesn['’]?t|not|trouble|hardly|no) (?:a wink of )?"
    r"sleep\w*|nightmares?|awake (?:all|at|half|till|until)|wakes? up|wide awake|sleeps? (?:badly|poorly)|poor sleep"
    r"|bad dreams|till (?:dawn|morning)|until (?:dawn|morning)",
    "loss_of_appetite": r"(?:no|poor|lost|loss of|less|little|without) (?:\w+ )?appetite|anorexia|not eating"
    r"|(?:won['’]?t|doesn['’]?t|not|refuses to) (?:want to )?(?:eat|touch)|appetite (?:is |has )?(?:gone|poor|low)"
    r"|off (?:his|her|my) food|no (?:desire|wish) (?:for food|to eat)|pushes (?:the|it|his|her) ?\w* away|spoonfuls?",
    "seizures": r"seizures?|convuls\w*|\bfits?\b|epilep\w*|jerk\w*|foam\w*|shook all over|stiff\w*",
    "weakness_and_fatigue": r"weak\w*|fatigue\w*|tired\w*|exhaust\w*|no (?:energy|strength)|lethargic|bedridden"
    r"|worn out|(?:can['’]?t|cannot) (?:stand|walk|get up|lift)|legs give|strength (?:has|is) gone|run down|drained",
    "decreased_consciousness": r"drows\w*|confus\w*|unconscious\w*|coma\b|disorient\w*|muddled|hard to wake|rous\w*"
    r"|(?:doesn['’]?t|not|does not|no longer) (?:respond\w*|answer|open|wake)|unresponsive|delirious|stupor\w*"
    r"|(?:doesn['’]?t|not|does not|no longer) (?:recogni[sz]e|know)",
    "fever": r"fever\w*|febrile|temperature|\b(?:38|39|40)(?:\.\d)?\b|chills|burning up|rigors?|furnace|running hot",
    "respiratory_complaints": r"short(?:ness)? of breath|breathless\w*|cough\w*|wheez\w*|phlegm|gasp\w*|rattl\w*"
    r"|dyspn\w*|(?:can['’]?t|trouble|hard to|difficulty|catch) \w* ?breath\w*|low (?:sats?|saturation|oxygen)|spo2"
    r"|secretions?|suction\w*|gurgl\w*|saturation|SOB\b|out of breath",
    "insurance_or_cost_issues": r"(?:can['’]?t|cannot|couldn['’]?t) (?:afford|manage|pay|buy)|expensive|insur\w+ "
    r"(?:doesn['’]?t|won['’]?t|isn['’]?t|has|refus\w*|reject\w*|does not|turned)|no insurance|no money|costs? "
    r"|not covered|million|debt|borrow\w*|loan|afford|sold",
    "urinary_issues": r"burn\w* (?:urine|when|on)|blood in (?:the |his |her |my )?(?:urine|pee)|incontinen\w*|wets?\b"
    r"|urin\w*|(?:can['’]?t|cannot) (?:pee|pass)|dysuria|hematuria|catheter|\buti\b|\bpee\w*|bladder|passing water",
    "pain": r"\bpains?\b|painful|\baches?\b|aching|hurts?|hurting|sore\b|\w+aches?\b|cramps?|stabbing|throbb\w*"
    r"|shooting|\bVAS|tender|agony|stings?",
    "gastrointestinal_issues": r"nause\w*|vomit\w*|constipat\w*|diarrh\w*|bloat\w*|ascites|heartburn|bowels?|sick\b"
    r"|thr[eo]w(?:s|ing|n)? up|(?:trouble|hard to|can['’]?t) swallow\w*|stoma|stools?|mouth (?:sores?|ulcers?)|reflux"
    r"|swollen (?:belly|stomach)|N/V|brings? up|motion",
}
PERSIAN: dict[str, str] = {
    "visit_request": r"ویزیت|(?:دکتر|پزشک)[^.؟!\n]{0,40}(?:بیاد|بیاید|بیان|بیایند|ببین|بفرست)|نوبت|وقت (?:دکتر|بدی)"
    r"|معاینه",
    "psychological_complaints": r"اضطراب|مضطرب|افسرد|می.?ترس|ترس|وحشت|گریه|اشک|ناامید|بی.?قرار|پرخاش|توهم|استرس"
    r"|دلشوره|می.?خوا\w+ بمیرم|کاش (?:می.?مردم|بمیرم)|عصبی|داد می.?زن|کتک|خسته.?\w* از زندگی|غصه|دلش گرفته",
    "sleep_disorders": r"بی.?خواب|خوابش? نمی|خواب ندار|نمی.?خواب|کابوس|بدخواب|تا (?:صبح|سحر)|خواب و خوراک|بیدار می.?مون"
    r"|از خواب می.?پر|پلک",
    "loss_of_appetite": r"بی.?اشتها|اشتها|کم.?اشتها|(?:غذا|هیچی|چیزی) نمی.?خور|لب (?:به|نمی)|میل|بی.?میل|دست به غذا"
    r"|آنورکسی|پس می.?زن|دو قاشق|چند قاشق",
    "seizures": r"تشنج|صرع|غش|کف (?:از|کرد)|لرزید|پرش|خشک شد|سیژر",
    "weakness_and_fatigue": r"ضعف|ضعیف|بی.?حال|خسته|خستگی|ناتوان|نا(?:ی| ندار)|جون|جان ندار|بی.?رمق|رمق|کوفته|بی.?جون"
    r"|زمین.?گیر|توان|پاهاش",
    "decreased_consciousness": r"خواب.?آلود|گیج|بی.?هوش|هوشیار|کما\b|هذیان|جواب نمی|نمی.?شناس|بیدار نمی|چشم باز نمی"
    r"|چشماشو باز نمی|پرت و پلا|قاطی|صداش می",
    "fever": r"\bتب\b|تبش|تبم|تب.?دار|لرز|\b(?:38|39|40)\b|داغ|کوره|تنور|آتیش",
    "respiratory_complaints": r"تنگی نفس|نفس|سرفه|خلط|خس.?خس|خرخر|اکسیژن|ساکشن|ساچ|SpO2|سینه.?ش",
    "insurance_or_cost_issues": r"بیمه|گران|گرون|هزینه|پول|از پسش|خرج|قسط|وام|قرض|ندارم بدم|میلیون|تومن",
    "urinary_issues": r"ادرار|بی.?اختیار|تکرر|سوند|شاش|سوزش|دستشویی|مثانه|پوشک|جیش|کاتتر",
    "pain": r"\bدرد|\w*درد\b|دردش|دردم|تیر می.?کش|می.?سوز|درد می|VAS|زق.?زق|گزگز|کوفتگی",
    "gastrointestinal_issues": r"تهوع|استفراغ|یبوست|اسهال|نفخ|آسیت|بالا می.?آور|بالا آورد|سوزش معده|شکم|قورت|بلع|N/V"
    r"|دل.?پیچه|اجابت|مزاج|روده|مدفوع|استوما|کیسه|دهنش|آفت|عق ",
}
DENIED_BEFORE = re.compile(
    r"\b(?:no|not|denies|denied|without|never|neither|nor|free of|\w+n['’]?t)\b(?:\W+\w+){0,4}\W*$",
    re.IGNORECASE,
)
DENIED_AFTER = re.compile(r"^[^.،؛\n]{0,30}?(?:ندار|نداشت|نیست|نشد|نکرد|نبود|منفی|نه\b|رفع شد|خوب شد)")
CLAUSE = re.compile(r"[^.?!؟;؛\n]+[?؟]?")
COMPILED = {
    "en": [re.compile(ENGLISH[name], re.IGNORECASE) for name in FEATURES],
    "fa": [re.compile(PERSIAN[name]) for name in FEATURES],
}


def _affirmed(clause: str, word: re.Pattern[str], language: str) -> bool:
    """Whether some keyword of the clause stands there without a negation and is not asked."""
    if clause.rstrip().endswith(("?", "؟")):
        return False
    for hit in word.finditer(clause):
        denied = (
            DENIED_BEFORE.search(clause[: hit.start()])
            if language == "en"
            else DENIED_AFTER.search(clause[hit.end() :])
        )
        if not denied:
            return True
    return False


def keyword_answers(text: str, language: str) -> list[bool]:
    """The 13 values of one transcript."""
    clauses = CLAUSE.findall(text)
    return [any(_affirmed(clause, word, language) for clause in clauses) for word in COMPILED[language]]
