"""Replies to customers: templates, drafts that say no more than the evidence, checks, sending, promised updates."""
