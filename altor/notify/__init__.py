"""Notices to people: by mail, Slack, Teams and other services, at once or in a digest, quiet when people are.

`notify` stores what is to be told in the caller's transaction; jobs deliver. At least once: a worker that is killed
between sending and noting it sends again.
"""

from altor.notify.storing import notify

__all__ = ["notify"]
