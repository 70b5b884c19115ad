"""What people do with a run: stop it, repeat it, compare, answer, pass a gate, say what the cause was."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from altor.access import page, person
from altor.audit import record_event
from altor.errors import DomainError
from investigations.models import Investigation
from investigations.services.affected import affected_of, as_csv
from investigations.services.compare import compare_runs
from investigations.services.gates import override_gate
from investigations.services.present import investigation_document
from investigations.services.questions import answer_question
from investigations.services.runs import (
    answer_step,
    cancel_investigation,
    record_feedback,
    rerun_investigation,
)
from investigations.views.runs import as_download, run_context, visible_run


def _done(request: HttpRequest, run: Investigation, act: Callable[[], object], said: str) -> HttpResponse:
    """Do it and go back to the run; a refusal becomes a message there."""
    try:
        act()
    except DomainError as refused:
        messages.error(request, refused.detail)
    else:
        messages.success(request, said)
    return redirect("investigations:run", run.ref)


@require_POST
@page("run.start")
def cancel(request: HttpRequest, ref: str) -> HttpResponse:
    run = visible_run(person(request), ref)
    return _done(request, run, lambda: cancel_investigation(run, actor=person(request)), f"{run.ref} is stopped.")


@require_POST
@page("run.start")
def again(request: HttpRequest, ref: str) -> HttpResponse:
    user = person(request)
    run = visible_run(user, ref)
    try:
        new = rerun_investigation(run, actor=user)
    except DomainError as refused:
        messages.error(request, refused.detail)
        return redirect("investigations:run", run.ref)
    return redirect("investigations:run", new.ref)


@require_POST
@page("run.answer")
def answer(request: HttpRequest, ref: str, step_id: str) -> HttpResponse:
    user = person(request)
    run = visible_run(user, ref)
    given = _as_asked(run, step_id, request.POST.get("answer", "").strip()[:500])
    return _done(
        request, run, lambda: answer_step(run, step_id, given, actor=user), "Your answer is part of the evidence now."
    )


def _as_asked(run: Investigation, step_id: str, text: str) -> str | float:
    """The answer in the type that the playbook asks for; what does not fit is left to the service to refuse."""
    steps = run.playbook.document.get("steps", []) if run.playbook else []
    manual = next((step.get("manual") or {} for step in steps if step.get("id") == step_id), {})
    if manual.get("answer") == "number":
        try:
            return float(text.replace(",", ""))
        except ValueError:
            return text
    return text


@require_POST
@page("run.answer")
def question(request: HttpRequest, ref: str) -> HttpResponse:
    """The answer to the question that the diagnosis asks: the case is run again with it."""
    user = person(request)
    run = visible_run(user, ref)
    given = request.POST.get("answer", "").strip()
    try:
        new = answer_question(run, given, name=request.POST.get("name", "").strip(), actor=user)
    except DomainError as refused:
        context = run_context(request, run) | {"refused": refused.detail, "given": given}
        return render(request, "investigations/run_detail.html", context, status=refused.status)
    messages.success(request, f"Your answer is kept with {run.ticket.ref}. {new.ref} looks again with it.")
    return redirect("investigations:run", new.ref)


@require_POST
@page("gate.override")
def override(request: HttpRequest, ref: str, gate: str) -> HttpResponse:
    user = person(request)
    run = visible_run(user, ref)
    reason = request.POST.get("reason", "").strip()[:1000]
    return _done(
        request,
        run,
        lambda: override_gate(run, gate, reason, actor=user),
        "The gate is open. The reason is shown on the ticket.",
    )


@require_POST
@page("run.feedback")
def feedback(request: HttpRequest, ref: str) -> HttpResponse:
    user = person(request)
    run = visible_run(user, ref)
    given = {name: request.POST.get(name, "").strip() for name in ("verdict", "label", "comment", "grade")}
    return _done(
        request,
        run,
        lambda: record_feedback(run, actor=user, **given),
        "Thank you: this makes the next diagnosis better.",
    )


@require_safe
@page("run.read")
def compare(request: HttpRequest, ref: str) -> HttpResponse:
    run = visible_run(person(request), ref)
    if run.previous is None:
        raise Http404
    context = {
        "here": "runs",
        "run": run,
        "ticket": run.ticket,
        "previous": run.previous,
        "found": compare_runs(run, run.previous),
    }
    return render(request, "investigations/run_compare.html", context)


@require_safe
@page("run.read")
def export(request: HttpRequest, ref: str) -> HttpResponse:
    """The contract's JSON document of this run; taking it away is recorded."""
    run = visible_run(person(request), ref)
    record_event(actor=person(request), action="run.exported", target=run, request=request)
    return as_download(investigation_document(run), f"{run.ref}.json")


@require_safe
@page("export")
def affected_csv(request: HttpRequest, ref: str) -> HttpResponse:
    """The other customers that show the symptom, as a table; taking it away is recorded."""
    run = visible_run(person(request), ref)
    found = affected_of(run, person(request))
    if found is None:
        raise Http404
    record_event(actor=person(request), action="run.affected_exported", target=run, request=request)
    headers = {"Content-Disposition": f'attachment; filename="{run.ref}-affected.csv"'}
    return HttpResponse(as_csv(found), content_type="text/csv; charset=utf-8", headers=headers)
