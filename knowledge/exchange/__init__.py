"""Entries in and out: as files that people read, and that give the same entries again."""
