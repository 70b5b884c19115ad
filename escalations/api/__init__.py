"""The REST contract of escalations."""
