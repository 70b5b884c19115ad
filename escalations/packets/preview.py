"""The packet as it would be sent now, before anybody has decided to escalate."""

from __future__ import annotations

from datetime import datetime

from altor.models import User
from escalations.packets.build import build_packet
from escalations.packets.format import Packet
from investigations.models import Investigation


def preview(run: Investigation, *, user: User | None, now: datetime) -> Packet:
    """With the severity that the diagnosis proposes, without a contract's checklist and owner."""
    diagnosis = run.diagnosis or {}
    return build_packet(
        run,
        severity=str(diagnosis.get("severity") or ""),
        severity_why=str(diagnosis.get("severity_why") or ("" if diagnosis.get("severity") else "None is proposed.")),
        now=now,
        made_by=user,
    )
