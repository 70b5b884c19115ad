"""One weight moved by a notch: the file changes in that place and nowhere else."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from investigations.playbooks.format import Playbook
from investigations.playbooks.loader import library_files, parse_playbook, read_file
from investigations.playbooks.parts import Weight
from investigations.playbooks.reading import PlaybookInvalid
from investigations.playbooks.reweighing import Edit, EditRefused, notch_down, notch_up, reweighed, rewritten
from investigations.playbooks.skeleton import insert_hypothesis
from tests.playbooks.test_loader import GOOD

SIGNAL = '      - {when: speed.slow, for: strong, says: "It is slow"}\n'


def edit(side: str = "for", before: Weight = "strong", after: str = "decisive", signal: int = 0) -> Edit:
    return Edit("lat.sample", signal, "speed.slow", side, before, after)  # type: ignore[arg-type]  # of two words


@pytest.mark.parametrize(
    ("weight", "up", "down"),
    [
        ("weak", "moderate", None), ("moderate", "strong", "weak"), ("strong", "decisive", "moderate"),
        ("decisive", None, "strong"), (0.0, "weak", None), (1.6, "strong", "moderate"), (9.5, None, "decisive"),
    ],
)  # fmt: skip
def test_a_notch_is_the_next_word(weight: Weight, up: str | None, down: str | None) -> None:
    assert (notch_up(weight), notch_down(weight)) == (up, down)


@pytest.mark.parametrize(
    ("written", "wanted", "what"),
    [
        (SIGNAL, SIGNAL.replace("strong", "decisive"), edit()),
        (SIGNAL.replace("strong", "'strong'"), SIGNAL.replace("strong", "decisive"), edit()),
        (SIGNAL.replace("strong", "2.50"), SIGNAL.replace("strong", "decisive"), edit(before=2.5)),
        (SIGNAL, SIGNAL.replace("says", "against: weak, says"), edit("against", 0.0, "weak")),
        (
            "      - says: It is slow # said first\n        when: speed.slow\n        for:  strong   # why\n",
            "      - says: It is slow # said first\n        when: speed.slow\n        for:  decisive   # why\n",
            edit(),
        ),
        (
            "      - says: It is slow # said first\n        when: speed.slow\n        for: weak\n",
            "      - against: weak\n        says: It is slow # said first\n"
            "        when: speed.slow\n        for: weak\n",
            edit("against", 0.0, "weak"),
        ),
        (
            "      - when: >-\n          speed.slow\n        for: strong\n        says: |\n          It is slow\n",
            "      - when: >-\n          speed.slow\n        for: decisive\n        says: |\n          It is slow\n",
            edit(),
        ),
        (SIGNAL * 2, SIGNAL + SIGNAL.replace("strong", "decisive"), edit(signal=1)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_other_byte_stays(written: str, wanted: str, what: Edit, end: str) -> None:
    text = ("# ours\n" + GOOD.replace(SIGNAL, written) + "# the end").replace("\n", end)
    assert rewritten(text, [what]) == ("# ours\n" + GOOD.replace(SIGNAL, wanted) + "# the end").replace("\n", end)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GOOD.replace("for: strong", "for: weak"), "another by now"),
        (GOOD.replace("for: strong, ", ""), "another by now"),
        (GOOD.replace("when: speed.slow", "when: speed.fast"), "gone"),
        (GOOD.replace("lat.sample", "lat.other"), "gone"),
        (GOOD.replace(SIGNAL, SIGNAL.replace("speed.slow", "x") + SIGNAL * 2), "gone|twice"),
        ("key: sample\n", "gone"),
        ("- a\n- b\n", "gone"),
        ("hypotheses: {lat.sample: 1}\n", "gone"),
    ],
)
def test_a_text_without_the_signal_is_refused(text: str, words: str) -> None:
    with pytest.raises(EditRefused, match=words):
        rewritten(text, [edit(signal=0)])


def test_a_text_that_is_no_yaml_is_refused() -> None:
    with pytest.raises(PlaybookInvalid):
        rewritten("key: [", [edit()])


def test_a_signal_that_moved_is_found_by_its_condition() -> None:
    text = GOOD.replace(SIGNAL, SIGNAL.replace("speed.slow", "speed.row_count > 1.0") + SIGNAL)
    assert rewritten(text, [edit()]).count("decisive") == 1


def _edits(playbook: Playbook) -> list[Edit]:
    """One of each hypothesis: what speaks loudest, or a price for what is not so."""
    found = []
    for number, hypothesis in enumerate(playbook.hypotheses):
        for at, signal in enumerate(hypothesis.signals):
            side = "for" if number % 2 else "against"
            before = signal.for_ if side == "for" else signal.against
            after = notch_up(before) or notch_down(before)
            if signal.when_true > 0 and after is not None:
                found.append(Edit(hypothesis.label, at, signal.when, side, before, after))  # type: ignore[arg-type]
                break
    return found


@pytest.mark.parametrize("file", library_files(), ids=lambda file: file.stem)
def test_in_shipped_files_the_text_means_what_was_asked_for(file: Path) -> None:
    text = read_file(file)
    playbook = parse_playbook(text, name=file.name)
    edits = list(islice(_edits(playbook), 3))
    changed = rewritten(text, edits)
    assert parse_playbook(changed, name=file.name).model_dump() == reweighed(playbook, edits).model_dump()
    before, after = text.splitlines(), changed.splitlines()
    added = [line for line in after if line not in before]
    assert len(added) <= 2 * len(edits) and abs(len(after) - len(before)) <= len(edits)


def test_the_beginning_of_a_hypothesis_leads_nowhere() -> None:
    text, line = insert_hypothesis(GOOD + "# the end\n", "lat.new", "Say it")
    assert text.startswith(GOOD) and text.endswith("# the end\n") and text.split("\n")[line - 1] == "  - label: lat.new"
    added = parse_playbook(text, name="x").hypotheses[-1]
    assert (added.label, added.title, added.signals, added.prior) == ("lat.new", "Say it", [], -6.0)
