"""Questions to engineering without an escalation, and the hours that support costs engineering."""
