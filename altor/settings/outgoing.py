"""What leaves Altor on its own: webhooks to other systems and notices to people."""

#: Dotted paths of dicts that add event types to webhooks: name -> what it tells, in words.
OUTBOUND_EVENTS: list[str] = []
