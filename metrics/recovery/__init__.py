"""Customer recovery confidence: one question after a closing, and what the engineer thinks."""
