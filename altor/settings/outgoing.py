"""What leaves Altor on its own: webhooks to other systems and notices to people."""

from altor.settings import environment

#: Whether webhooks and notices leave by themselves. Tests of channels, which a person starts, always do.
OUTBOUND = environment.flag("ALTOR_OUTBOUND", default=True)
#: Dotted paths of dicts that add event types to webhooks: name -> what it tells, in words.
OUTBOUND_EVENTS: list[str] = ["escalations.lifecycle.telling.EVENTS", "escalations.incidents.telling.EVENTS"]
#: Dotted paths of dicts that add kinds of notices: name -> `altor.notify.kinds.NoticeKind`.
NOTICE_KINDS: list[str] = [
    "escalations.lifecycle.telling.NOTICES",
    "escalations.interruptions.telling.NOTICES",
    "escalations.incidents.telling.NOTICES",
    "escalations.handoffs.telling.NOTICES",
    "escalations.oncall.moves.NOTICES",
    "escalations.ownership.telling.NOTICES",
    "escalations.recovery.telling.NOTICES",
    "knowledge.replies.promised.NOTICES",
    "knowledge.replies.returned.NOTICES",
    "knowledge.replies.recovered.NOTICES",
    "knowledge.recognition.watching.NOTICES",
    "metrics.notices.NOTICE_KINDS",
]
#: Slack's Web API. Replaced in tests only.
SLACK_API_URL = "https://slack.com/api"
