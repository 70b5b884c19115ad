"""Models that every app may use: people and teams, tokens, the audit log, phase events, inbound events,
webhooks that leave, notices."""

from altor.models.audit import AuditEvent
from altor.models.events import PhaseEvent
from altor.models.inbound import InboundEndpoint, InboundEvent
from altor.models.notices import Notice, NoticeChannel, NoticeDelivery, NoticePreference, NoticeThread
from altor.models.outbound import OutboundAttempt, OutboundDelivery, OutboundEndpoint
from altor.models.people import Membership, Team, User
from altor.models.tokens import ApiToken, IdempotencyRecord

__all__ = [
    "ApiToken",
    "AuditEvent",
    "IdempotencyRecord",
    "InboundEndpoint",
    "InboundEvent",
    "Membership",
    "Notice",
    "NoticeChannel",
    "NoticeDelivery",
    "NoticePreference",
    "NoticeThread",
    "OutboundAttempt",
    "OutboundDelivery",
    "OutboundEndpoint",
    "PhaseEvent",
    "Team",
    "User",
]
