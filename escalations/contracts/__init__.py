"""Escalation contracts: what an escalation must hold, who gets it, and by when."""
