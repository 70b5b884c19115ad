"""The word tables: phrases per language, and words that are also names."""
