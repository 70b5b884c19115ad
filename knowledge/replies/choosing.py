"""Which templates may be used for a reply, the best first: a template of another case would say what is not so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from investigations.diagnosis.reply import SURE_ENOUGH
from investigations.models import Investigation
from knowledge.models import ReplyTemplate, ReplyTemplateVersion
from knowledge.models.replies import Kind, Tone
from knowledge.replies.format import UNDECIDED

#: Answers that name no fault: the words for a class's faults do not fit them.
_NO_FAULT: Final = ("none.", "other.")


@dataclass(frozen=True, slots=True)
class Case:
    """What a reply is about. `label` is that of the leading cause where one may be named, else `inconclusive`;
    `classes`: the playbook that found it and the class it is of, the narrower first.
    """

    label: str = UNDECIDED
    classes: tuple[str, ...] = ()

    @property
    def is_decided(self) -> bool:
        return self.label != UNDECIDED


def case_of(run: Investigation | None) -> Case:
    """Of a finished run; undecided without one."""
    if run is None or not run.diagnosis:
        return Case()
    candidates = run.diagnosis.get("candidates") or [{}]
    sure = float(candidates[0].get("confidence") or 0.0)
    label = str(candidates[0].get("label") or "") if sure >= SURE_ENOUGH else ""
    classes = (str(run.diagnosis.get("playbook") or ""), str(run.diagnosis.get("class") or ""))
    return Case(label or UNDECIDED, tuple(dict.fromkeys(one for one in classes if one)))


def fits(template: ReplyTemplate, case: Case) -> bool:
    if template.incident_class not in ("", *case.classes):
        return False
    if template.kind != Kind.ANSWER:
        return template.label in ("", case.label)
    if template.label in (UNDECIDED, case.label):
        return True
    if template.label or not case.is_decided:
        return False
    return not (template.incident_class and case.label.startswith(_NO_FAULT))


def choices(case: Case, *, kind: str, language: str = "en", tone: str = Tone.NEUTRAL) -> Sequence[ReplyTemplateVersion]:
    """Versions in force that fit, best first: in this language, for this very cause, class and tone. One query."""
    active = ReplyTemplateVersion.objects.active().filter(template__kind=kind).select_related("template")
    fitting = [version for version in active if fits(version.template, case)]

    def worth(version: ReplyTemplateVersion) -> tuple[bool, bool, bool, bool, int, bool, str]:
        of = version.template
        is_of_cause = of.label == case.label
        return (
            of.language != language,
            # To say less than is known is possible, not usual.
            case.is_decided and of.label == UNDECIDED,
            not is_of_cause,
            # A tone that was asked for is worth more than words of the class.
            tone != Tone.NEUTRAL and of.tone != tone,
            case.classes.index(of.incident_class) if of.incident_class else len(case.classes),
            of.tone != Tone.NEUTRAL,
            of.key,
        )

    return sorted(fitting, key=worth)
