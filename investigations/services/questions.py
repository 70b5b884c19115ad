"""The answer to the question that a diagnosis asks: kept with the ticket, and the case run again with it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from altor import events
from altor.audit import record_event
from altor.errors import Conflict, InvalidInput, PermissionRefused
from altor.models import User
from altor.redaction import redact_text
from investigations.diagnosis import steps as meaning
from investigations.diagnosis.facts import FactSpace
from investigations.engine.work import stored_inputs
from investigations.models import Customer, Investigation, Ticket, TicketClaim
from investigations.playbooks.format import Playbook
from investigations.services.claims import ClaimEdit, keep_answer
from investigations.services.runs import RunAlreadyActive, rerun_investigation
from investigations.services.tickets import correct_ticket

#: Inputs that a ticket's claims fill.
_CLAIMS: Final = {
    "endpoint": TicketClaim.Kind.ENDPOINT,
    "claimed_onset": TicketClaim.Kind.ONSET,
    "claimed_ended": TicketClaim.Kind.ENDED,
    "request_ids": TicketClaim.Kind.REQUEST_ID,
    "error_codes": TicketClaim.Kind.ERROR_CODE,
    "amounts": TicketClaim.Kind.AMOUNT,
    "object_ids": TicketClaim.Kind.OBJECT_ID,
}
_LONGEST: Final = 2000


def answer_question(run: Investigation, answer: Any, *, actor: User, name: str = "") -> Investigation:
    """Keep the answer with the ticket, its author beside it, and run the case again with the clock of `run`.

    The new run remembers `run` for comparison; what differs between them is the answer alone. The same answer again
    gives the same new run. Conflict when the diagnosis asks nothing or another question than `name`, or while another
    run works on the ticket: the answer is kept then. InvalidInput when it does not fit.
    """
    question = (run.diagnosis or {}).get("question")
    if run.status != Investigation.Status.DONE or not question:
        raise Conflict(f"{run.ref} asks no question.")
    if name and name != question["name"]:
        raise Conflict(f"{run.ref} asks for {question['name']!r}, not for {name!r}.")
    text = _checked(run, question, answer)
    digest = hashlib.sha256(f"{question['name']}:{text}".encode()).hexdigest()
    key = f"answer:{run.ref}:{digest[:24]}"
    known = Investigation.objects.filter(event_key=key).first()
    if known is not None:
        return known
    _keep(run, question, text, actor, key)
    try:
        return rerun_investigation(run, actor=actor, as_of=run.as_of, event_key=key)
    except RunAlreadyActive as active:
        raise Conflict(
            f"Your answer is kept with {run.ticket.ref}. {active.detail} Run it again when that is over."
        ) from None


def _checked(run: Investigation, question: Mapping[str, Any], answer: Any) -> str:
    """The answer as text in the form that the question wants."""
    if question["kind"] == "step" and run.playbook is not None:
        step = Playbook.model_validate(run.playbook.document).step(question["name"])
        try:
            found = meaning.interpret_manual(step, 1, answer, FactSpace(stored_inputs(run)))
        except (ValueError, TypeError) as error:
            raise InvalidInput(f"The answer does not fit: {error}.", step=step.id) from None
        text = str(found.facts["answer"])
    else:
        text = answer.strip() if isinstance(answer, str) else str(answer)
    text = redact_text(text.replace("\x00", "")).strip()
    if not 0 < len(text) <= _LONGEST:
        raise InvalidInput(f"The answer has 1 to {_LONGEST} characters.")
    if question["kind"] == "input" and question["choices"] and text not in question["choices"]:
        raise InvalidInput(f"The answer is one of {', '.join(question['choices'])}.")
    return text


def _keep(run: Investigation, question: Mapping[str, Any], text: str, actor: User, key: str) -> None:
    """The answer becomes what the next run reads: the ticket's customer, a claim, or an answer by its name."""
    name = question["name"]
    with transaction.atomic():
        if question["kind"] == "input" and name == "org_id":
            correct_ticket(run.ticket, customer=_account(text, actor), actor=actor)
        elif question["kind"] == "input" and name in _CLAIMS:
            correct_ticket(run.ticket, claims=[ClaimEdit(kind=_CLAIMS[name], value=text)], actor=actor)
        else:
            ticket = Ticket.objects.select_for_update(of=("self",)).get(pk=run.ticket_id)
            if name == "stripe_customer":
                _refuse_anothers(ticket, text)
            keep_answer(ticket, name=name, question=question["ask"], answer=text, actor=actor)
        events.record(
            "run.answered",
            ticket_ref=run.ticket.ref,
            subject_ref=run.ref,
            at=timezone.now(),
            actor=actor,
            data={"question": name},
            key=f"run.answered:{key}",
        )
        record_event(actor=actor, action="run.answered", target=run, after={"question": name, "answer": text})


def _account(text: str, actor: User) -> Customer:
    """The customer of the directory: whose data is looked at is never taken from a free text."""
    if not actor.may("ticket.edit"):
        raise PermissionRefused("Your role may not set a ticket's customer.")
    found = Customer.objects.filter(org_id=text).first()
    if found is None:
        by_name = list(Customer.objects.filter(name__iexact=text)[:2])
        found = by_name[0] if len(by_name) == 1 else None
    if found is None:
        raise InvalidInput(f"No customer is called {text!r}. Take one of the directory.", answer=text)
    return found


def _refuse_anothers(ticket: Ticket, stripe_customer: str) -> None:
    owner = Customer.objects.filter(stripe_customer=stripe_customer).first()
    if owner is not None and owner.pk != ticket.customer_id:
        raise InvalidInput(f"{stripe_customer} is the customer of another account.", answer=stripe_customer)
