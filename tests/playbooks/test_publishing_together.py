"""Two people at once: exactly one is first, the other is told, and nobody's text is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connection
from django.utils import timezone

from altor.errors import Conflict
from altor.models import User
from investigations.models import PlaybookApproval, PlaybookDraft, PlaybookVersion
from investigations.services.drafts import DraftMoved, save_draft
from investigations.services.playbooks import store_version
from investigations.services.publishing import PlaybookMoved, approve, publish
from tests import factories as make
from tests.playbooks.test_loader import GOOD

pytestmark = pytest.mark.django_db(transaction=True)


def together(*acts: Callable[[], object]) -> list[object]:
    """What each gave or raised."""
    barrier, outcomes = threading.Barrier(len(acts)), []

    def run(act: Callable[[], object]) -> None:
        barrier.wait()
        try:
            outcomes.append(act())
        except Conflict as refused:
            outcomes.append(type(refused))
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return outcomes


def drafted(name: str, text: str, key: str = "sample") -> User:
    owner = make.user(name, role="lead")
    base = PlaybookVersion.objects.active().filter(key=key).first()
    PlaybookDraft.objects.create(owner=owner, key=key, text=text, base=base, saved_at=timezone.now())
    return owner


def published(owner: User, key: str = "sample") -> Callable[[], object]:
    return lambda: publish(owner=owner, key=key, revision=1, comment="x").version


def test_of_two_who_publish_one_is_first() -> None:
    store_version(GOOD, name="sample.yaml")
    lena = drafted("lena", GOOD.replace("title: Speed", "title: Mine"))
    olga = drafted("olga", GOOD.replace("title: Speed", "title: Hers"))
    outcomes = together(published(lena), published(olga))
    assert sorted(map(str, outcomes)) == sorted(["2", str(PlaybookMoved)])
    assert PlaybookDraft.objects.count() == 1 and PlaybookVersion.objects.active().get().version == 2


def test_of_two_new_playbooks_of_one_name_one_is_first() -> None:
    lena = drafted("lena", GOOD, key="")
    olga = drafted("olga", GOOD.replace("title: Speed", "title: Hers"), key="")
    outcomes = together(published(lena, ""), published(olga, ""))
    assert outcomes.count(1) == 1 and PlaybookVersion.objects.count() == 1 and PlaybookDraft.objects.count() == 1


def test_two_tabs_that_begin_a_draft_do_not_lose_one() -> None:
    store_version(GOOD, name="sample.yaml")
    lena = make.user("lena", role="lead")

    def save(text: str) -> Callable[[], object]:
        return lambda: save_draft(owner=lena, key="sample", text=GOOD + text, revision=0, base=1).revision

    outcomes = together(save("# one\n"), save("# two\n"))
    assert sorted(map(str, outcomes)) == sorted(["1", str(DraftMoved)]) and PlaybookDraft.objects.count() == 1


def test_two_approvers_decide_once() -> None:
    store_version(GOOD, name="sample.yaml")
    waits = store_version(GOOD + "# more\n", name="sample.yaml", activate=False)
    PlaybookApproval.objects.create(version=waits, asked_at=timezone.now())
    people = [make.user(name, role="lead") for name in ("lena", "olga")]
    acts = [lambda who=person: approve(waits, actor=who, against=1) for person in people]
    outcomes = together(*acts)
    assert sorted(map(str, outcomes)) == sorted(["None", str(Conflict)])
    assert PlaybookVersion.objects.active().get().version == 2
