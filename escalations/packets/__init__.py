"""The packet: what engineering reads when a case is escalated."""
