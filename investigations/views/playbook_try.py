"""Trying one step of a draft on a past ticket, and starting a step from a pasted query."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_POST

from altor import flash
from altor.access import page, person
from altor.errors import DomainError, InvalidInput
from altor.words import counted
from investigations.models import PlaybookDraft
from investigations.playbooks.format import Step
from investigations.playbooks.reading import PlaybookInvalid
from investigations.playbooks.skeleton import StepRefused, insert_step, params_of, step_text, tidy
from investigations.services import drafts, trying
from investigations.services.trying import Tried, about_whom, step_of
from investigations.sources.clickhouse.guard import QueryRefused, read_statement
from investigations.views.playbook_edit import address, draft_or_begun, editor_of

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,59}")


@require_POST
@page("playbook.edit")
def try_step(request: HttpRequest, key: str = "") -> HttpResponse:
    """The answer to one question of the draft, for htmx as a fragment."""
    tried, refused = None, ""
    try:
        tried = _tried(request, key, request.POST.get("step", ""))
    except DomainError as error:
        refused = error.detail
    context = {
        "here": "playbooks", "key": key, "tried": tried, "refused": refused, "editor": editor_of(key),
    }  # fmt: skip
    part = request.headers.get("HX-Request") == "true"
    # A refusal is an answer to read, and htmx shows only what succeeded.
    status = 200 if part or not refused else 422
    return render(
        request, f"investigations/{'_playbook_tried' if part else 'playbook_tried'}.html", context, status=status
    )


def _tried(request: HttpRequest, key: str, step_id: str, step: Step | None = None) -> Tried:
    user = person(request)
    about = about_whom(
        user,
        request.POST.get("about", "")[:120],
        playbook=key,
        start=_moment(request, "start"),
        end=_moment(request, "end"),
    )
    was_there = PlaybookDraft.objects.of(user, key).exists()
    draft = drafts.ensure_draft(owner=user, key=key)
    given = {
        name.removeprefix("value."): str(value) for name, value in request.POST.items() if name.startswith("value.")
    }
    drafts.claim_try(draft, for_s=trying.LIMIT_S + 5)
    try:
        return trying.try_step(step or step_of(draft.text, step_id), about, actor=user, playbook=key, given=given)
    finally:
        drafts.end_try(draft, is_kept=was_there)


def _moment(request: HttpRequest, name: str) -> datetime | None:
    """A time of the form, UTC; InvalidInput for what is none."""
    text = request.POST.get(name, "").strip()
    if not text:
        return None
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None:
        raise InvalidInput(f"{text!r} is no time: write 2026-05-01T10:00, in UTC.")
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@require_POST
@page("playbook.edit")
def new_step(request: HttpRequest, key: str = "") -> HttpResponse:
    """A step around a pasted query, at the end of the draft's steps; with a ticket or customer it is tried first."""
    given = {name: request.POST.get(name, "") for name in ("sql", "step_id", "title", "about", "start", "end")}
    try:
        line = _put_in(request, key, given)
    except (DomainError, QueryRefused, StepRefused, PlaybookInvalid) as refused:
        why = refused.detail if isinstance(refused, DomainError) else str(refused)
        context = {
            "here": "playbooks", "key": key, "given": given, "refused": why, "editor": editor_of(key),
            "urls": {"step": address("step", key)},
        }  # fmt: skip
        return render(request, "investigations/playbook_step.html", context, status=422)
    said = f"The step {given['step_id']} is in the draft."
    flash.done(request, said, undo="Undo", url=address("undo", key))
    return redirect(f"{editor_of(key)}#line-{line}")


def _put_in(request: HttpRequest, key: str, given: Mapping[str, Any]) -> int:
    sql, name = tidy(given["sql"]), given["step_id"].strip()
    title = given["title"].strip()[:200] or name.replace("_", " ").capitalize()
    if not _NAME.fullmatch(name):
        raise InvalidInput("The step needs a name: small letters, digits and _, a letter first, e.g. slow_calls.")
    read_statement(sql)
    draft = draft_or_begun(request, key)
    # Both fail here before the source is asked.
    insert_step(draft.text, name, step_text(step_id=name, title=title, sql=sql))
    columns, told = [], ""
    if given["about"].strip():
        step = Step(
            id=name,
            title=title,
            question=title,
            source="clickhouse",
            query=sql,
            params=params_of(sql),
        )
        tried = _tried(request, key, name, step)
        if tried.missing:
            raise InvalidInput(
                f"Not known for {tried.about.ref}: {', '.join(tried.missing)}. Leave the ticket out to try it later."
            )
        if tried.outcome is not None and tried.outcome.error:
            raise InvalidInput(f"The query was tried and gave no answer: {tried.outcome.error}")
        columns = tried.columns
        told = f"tried: {counted(tried.row_count, 'row')} in {tried.took}"
    text, line = insert_step(
        draft.text, name, step_text(step_id=name, title=title, sql=sql, columns=columns, tried=told)
    )
    drafts.replace_text(owner=person(request), key=key, text=text, why=f"the step {name}")
    return line
