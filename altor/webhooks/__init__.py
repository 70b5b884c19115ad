"""Webhooks to other systems, signed by Standard Webhooks.

An event is published in the caller's transaction, a job posts it, failures are tried again for most of a day,
everything is kept for a while and can be replayed.

At least once, under the same `webhook-id` on every try. The order in which an endpoint gets its events is not promised:
one that failed comes later than its successors.
"""

from altor.webhooks.publishing import publish

__all__ = ["publish"]
