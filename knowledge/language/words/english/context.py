"""What stands around a phrase and takes its meaning away."""

from __future__ import annotations

from typing import Final

#: A time of the next step, which makes a promise one that can be kept.
TIMED: Final = (
    r"\b\d{1,2}:\d{2}\b|\b\d{1,2}\s?(?:am|pm|uhr)\b|\b(?:by|until|on|before|at|till|this|next)\s(?:the\s)?(?:end of\s)?(?:the\s)?"
    r"(?:day|today|tonight|tomorrow|noon|week|monday|tuesday|wednesday|thursday|friday|saturday|sunday)\b"
    r"|\bwithin\s(?:the next\s)?(?:an?|one|two|three|four|\d{1,3})\s(?:business\s|working\s)?(?:hours?|minutes?|days?|weeks?)\b"
    r"|\b(?:tomorrow|every|in)\s(?:an?|one|two|three|four|\d{1,3})\s(?:hours?|minutes?|days?|weeks?)\b|\btomorrow\b|\btoday\b"
    r"|\b(?:by|on|until)\s\d{1,2}\.?\s[a-z]{3,9}\b|\b20\d\d-\d\d-\d\d\b"
)
#: Advice and permission claim nothing.
ADVICE: Final = r"\b(?:please|make sure|if you|you (?:can|should|need to|must|may)|we recommend|we advise)\b"
#: A condition up to four words before.
IF: Final = r"\b(?:if|whether|unless|in case)\s(?:[\w']{1,20}\s){0,4}"
#: Words of another person that the reply repeats.
SAID: Final = r"\byou (?:wrote|said|reported|mentioned|told)\b"
