"""What the recipe of the embedded model trains on: which texts are drawn, with which twins, and what weighs more."""

from __future__ import annotations

from recipe import printed

TWINS = """
import json, random, torch
from pathlib import Path
from corpus import load_calls
from mixes import TURNED_LINE_WEIGHT, TURNED_WEIGHT, Encoder, Mixer
from tokenizer import build_tokenizer, layout
calls, _ = load_calls(Path("calls/g.jsonl"))
tokenizer = build_tokenizer([call.text for call in calls], 2000)
encoder = Encoder(tokenizer, layout(tokenizer), 0.0)
mixer = Mixer(calls, random.Random(0), 0.0, 0.4)
lines = {cut.call.id: [segment.text for segment in cut.segments] for cut in mixer.cuts["fa"] + mixer.cuts["en"]}
found, noises = [], set()
for runs in (mixer.wholes() for _ in range(80)):
    batch = encoder.batch(encoder.examples(runs, mixer.rng), 2048)
    differ = (batch.targets != batch.targets[0]).any(0)
    shared = set.intersection(*(set(lines[run.about]) for run in runs))  # as the file has them, whatever the noise
    decides = torch.tensor([line not in shared for run in runs for line in lines[run.about]])[:, None] & differ
    weighs = bool((batch.weights == 1 + (TURNED_WEIGHT - 1) * differ).all())
    weighs &= bool((batch.line_weights == 1 + (TURNED_LINE_WEIGHT - 1) * decides).all())
    found.append([len(runs), int(differ.sum()), weighs, int(decides.sum())])
    first = [run.segments[0].text for run in runs]
    if len(runs) == 2 and lines[runs[0].about][0] == lines[runs[1].about][0]:
        noises.add((first[0] == first[1], first[0] == lines[runs[0].about][0]))
print(json.dumps([found, sorted(noises)]))
"""

SOURCES = """
import json, random
from pathlib import Path
from corpus import REAL, load_calls
from mixes import PERSIAN_SHARE, Mixer
calls, _ = load_calls(*map(Path, ("calls/g.jsonl", "calls/da.jsonl", "fragments/xa.jsonl", "fragments/ya.jsonl")))
def found(calls, share):
    mixer = Mixer(calls, random.Random(0), share, 0.4)
    drawn = sum(mixer._source() == REAL for _ in range(2000)) / 2000
    for _ in range(50):
        mixer.mixes(), mixer.wholes()  # no source is asked for that is not there
    by = {name: sorted({cut.call.author for cut in cuts}) for name, cuts in mixer.cuts.items()}
    fragments = {name: sorted({cut.call.author for cut in cuts}) for name, cuts in mixer.fragments.items()}
    return {"drawn": drawn, "english": 1 - PERSIAN_SHARE, "by": by, "fragments": fragments}
english_first = [call for call in calls if call.author == "da"]
print(json.dumps([found(calls, 0.4), found(english_first, 0.4)]))
"""

KNOWN = """
import json, random, torch
from pathlib import Path
from corpus import load_calls
from mixes import Encoder, Mixer
from model import Sizes, Trainee, new_model
from tokenizer import build_tokenizer, layout
torch.manual_seed(0)
calls, _ = load_calls(Path("calls/g.jsonl"))
tokenizer = build_tokenizer([call.text for call in calls], 2000)
encoder = Encoder(tokenizer, layout(tokenizer), 0.0)
trainee = Trainee(new_model(len(tokenizer), layout(tokenizer), Sizes(64, 3, 1, 128)), layout(tokenizer), 0.0, 0.0, 1)
mixer = Mixer(calls, random.Random(0), 0.0, 0.4)
pair = next(runs for runs in iter(mixer.wholes, None) if len(runs) == 2)
batch = encoder.batch(encoder.examples(pair, mixer.rng), 512)
before = trainee(batch).right.tolist()
optimizer = torch.optim.Adam(trainee.parameters(), 3e-3)
for _ in range(150):
    optimizer.zero_grad()
    losses = trainee(batch)
    losses.total().backward()
    optimizer.step()
after = losses.right.tolist()
mixer.learned([*batch.about, None], [*after, True])
noted = sorted(mixer.known)
cuts = mixer.cuts["fa"]
mixer.known = {cut.call.id for cut in cuts[::2]}
drawn = [mixer._drawn(cuts).call.id for _ in range(3000)]
mixer.learned(batch.about, [False, False])
print(json.dumps({
    "before": before, "after": after, "noted": noted, "about": sorted(batch.about),
    "drawn": sum(one in {cut.call.id for cut in cuts[::2]} for one in drawn) / len(drawn),
    "forgotten": not mixer.known & set(batch.about),
    "alone": [mixer._drawn(cuts[:1]) is cuts[0] for _ in range(50)],
}))
"""

WOVEN = """
import json, random
from pathlib import Path
from corpus import load_calls
from mixes import Mixer
calls, _ = load_calls(Path("calls/g.jsonl"), Path("fragments/xa.jsonl"))
mixer = Mixer(calls, random.Random(0), 0.0, 0.4)
found = []
for language in ("fa", "en"):
    for cut in mixer.cuts[language][:40]:
        fragment = mixer.rng.choice(mixer.fragments[language])
        runs = mixer._woven(cut, fragment)
        added = len(runs[0][0]) - len(cut.segments) == len(fragment.segments)
        either = [int(a or b) for a, b in zip(cut.call.labels, fragment.call.labels)]
        hidden = all(a == b for a, b, c in zip(runs[0][1], runs[1][1], cut.call.labels) if c)
        found.append([added, list(runs[0][1]) == either, hidden, runs[0][1] != runs[1][1]])
print(json.dumps(found))
"""

PAIRED = """
import json, random
from pathlib import Path
from corpus import is_paired, load_calls
from mixes import Batches, Mixer
calls, _ = load_calls(*map(Path, ("calls/d.jsonl", "calls/g.jsonl")))
paired = {call.id for call in calls if is_paired(call)}
def share(of):
    mixer = Mixer(calls, random.Random(0), 0.0, of)
    drawn = [run.about for runs in (mixer.wholes() for _ in range(300)) for run in runs]
    return sum(one in paired for one in drawn) / len(drawn)
def wholes(of):
    batches = Batches(Mixer(calls, random.Random(0), 0.0, 0.0), None, 64, 0.1, of)
    found = []
    for progress in (0.05, 0.5, 1.0):
        batches.advance(progress)
        found.append(batches.whole_share)
    return found
print(json.dumps([share(1.0), share(0.0), wholes(0.9), wholes(0.1)]))
"""

NAMES = """
import json
from corpus import Call, contrast_set, is_paired, is_version
names = ("g-001", "g-001a", "g-001.ea2", "aci-D2N010.13-32")
calls = [Call(name, name, "en", "g", "note", "", (False,) * 13, ()) for name in names]
print(json.dumps([[contrast_set(call), is_paired(call), is_version(call)] for call in calls]))
"""


def test_texts_of_a_contrast_set_are_known_by_their_names() -> None:
    assert printed(NAMES) == [
        ["g-001", False, False],
        ["g-001", True, False],
        ["g-001", False, True],
        ["aci-D2N010.13-32", False, False],
    ]


def test_a_feature_that_a_twin_turns_weighs_more_and_so_do_the_lines_that_decide() -> None:
    found, noises = printed(TWINS)
    assert noises == [[True, False], [True, True]]  # lines that both have are the same, noisy or not
    assert all(weighs for _, _, weighs, _ in found)
    assert {runs for runs, _, _, _ in found} == {1, 2}
    assert all((turned > 0) == (runs > 1) == (decides > 0) for runs, turned, _, decides in found)


def test_calls_written_as_pairs_and_whole_calls_are_drawn_as_often_as_is_asked() -> None:
    all_paired, as_they_are, many, few = printed(PAIRED)
    assert all_paired == 1.0
    assert 0.0 < as_they_are < 0.9
    assert [round(share, 6) for share in many] == [0.05, 0.8, 0.9]
    assert [round(share, 6) for share in few] == [0.05, 0.0, 0.1]


def test_english_that_is_like_public_dialogues_is_drawn_as_they_are() -> None:
    both, alone = printed(SOURCES)
    assert both["by"] == {"fa": ["da", "g"], "en": ["g"], "real_dialogue": ["da"]}
    assert both["fragments"] == {"fa": ["xa", "ya"], "en": ["xa"], "real_dialogue": ["ya"]}
    assert abs(both["drawn"] - 0.4 * both["english"]) < 0.04
    assert abs(alone["drawn"] - alone["english"]) < 0.04  # there is no other English


def test_what_was_read_rightly_is_drawn_less_often() -> None:
    found = printed(KNOWN)
    assert not all(found["before"])  # a network with random weights says the same of both sides
    assert all(found["after"])
    assert found["noted"] == found["about"]
    assert 0.15 < found["drawn"] < 0.3  # of as many that are known as not
    assert found["forgotten"]
    assert all(found["alone"])  # where everything is known something is drawn still


def test_a_fragment_among_the_lines_of_a_whole_call_turns_what_the_call_does_not_say() -> None:
    found = printed(WOVEN)
    assert all(added and either and hidden for added, either, hidden, _ in found)
    assert sum(turned for *_, turned in found) > len(found) / 2
