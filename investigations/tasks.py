"""Entry points of the queue: ids in, nothing out."""

from __future__ import annotations


def execute_run(run_id: int) -> None:
    """Carry out one run. Safe to deliver twice: the second delivery finds nothing to claim."""
    from altor.pulse import beat
    from investigations.engine.work import work_on

    beat()
    work_on(int(run_id), alive=beat)


def run_begun(run_id: int) -> None:
    """Tell the parts of the setting `RUN_BEGUN` that a run has begun. Safe to deliver twice."""
    _tell("RUN_BEGUN", int(run_id))


def run_ended(run_id: int) -> None:
    """Tell the parts of the setting `RUN_ENDED` that a run has ended, or was concluded anew. Safe to deliver twice."""
    _tell("RUN_ENDED", int(run_id))


def _tell(setting: str, run_id: int) -> None:
    """Every part is told, whatever happens to another; then the first failure is the task's."""
    from altor.registry import parts
    from investigations.models import Investigation

    run = Investigation.objects.with_context().filter(pk=run_id).first()
    failures = []
    for part in parts(setting) if run is not None else ():
        try:
            part(run)
        except Exception as error:
            failures.append(error)
    if failures:
        raise failures[0]


def process_inbound(event_id: int) -> None:
    """Work one inbound event, then those that wait behind it. Safe to deliver twice: nothing is taken twice."""
    from altor.pulse import beat
    from investigations.services.inbound import process_event, process_waiting

    process_event(int(event_id))
    beat()
    process_waiting()


def sweep_runs() -> None:
    """Queue lapsed and forgotten runs again; park those that used up their attempts."""
    from investigations.engine.lease import sweep

    sweep()


def work_trial(trial_id: int) -> None:
    """Work on a trial for a while. Safe to deliver twice: two never work on trials at the same time."""
    from altor.pulse import beat
    from investigations.services.trial_work import work_trial as work

    beat()
    work(int(trial_id), alive=beat)


def propose_change(feedback_id: int) -> None:
    """What the playbook could learn from a correction. Safe to deliver twice: a correction has one proposal."""
    from altor.pulse import beat
    from investigations.services.playbook_proposals import propose

    beat()
    propose(int(feedback_id), alive=beat)


def sweep_trials() -> None:
    """Queue a trial again whose entry was lost, or whose worker is gone."""
    from investigations.services.trial_work import sweep_trials as sweep

    sweep()


def sweep_inbound() -> None:
    """Queue inbound events again whose next try is due, or whose queue entry was lost."""
    from investigations.services.inbound import sweep_inbound as sweep

    sweep()


def sweep_automatic() -> None:
    """Look again at tickets that wait for their opening, or for a run that ended without telling."""
    from investigations.services.automatic import sweep

    sweep()


def push_note(note_id: int) -> None:
    """Write a ticket's note to its helpdesk. Safe to deliver twice: the second delivery finds it written."""
    from investigations.services.notes import push

    push(int(note_id))


def sweep_notes() -> None:
    """Queue notes again whose next try is due, or whose queue entry was lost."""
    from investigations.services.notes import sweep

    sweep()


def train_text_model(user_id: int = 0) -> None:
    """Learn from the tickets whose class became known since; nothing happens when there are none."""
    from django.utils import timezone

    from altor.models import User
    from investigations.services.textmodel import train

    train(now=timezone.now(), actor=User.objects.filter(pk=int(user_id)).first())


def sweep_automation() -> None:
    """Start tickets that waited for the quota of automatic investigations, where a place has freed."""
    from investigations.services.automation_sweep import catch_up

    catch_up()


def work_backfill(backfill_id: int) -> None:
    """Read one page of a helpdesk. Safe to deliver twice: the second delivery finds nothing to take."""
    from altor.pulse import beat
    from investigations.services.backfill import work_page

    beat()
    work_page(int(backfill_id), alive=beat)


def sweep_backfills() -> None:
    """Queue pages again whose entry was lost, whose worker is gone, or that the helpdesk asked us to wait with."""
    from investigations.services.backfill import sweep_backfills as sweep

    sweep()
