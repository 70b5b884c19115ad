"""Clocks that run in a calendar's open hours: what has passed, what is left, when it is due, to the second."""
