"""REST of escalations."""
