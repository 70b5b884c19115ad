"""Files that people attach to items of a checklist."""
