"""The check of a reply before it goes to a customer: pure functions over text, no database and no network."""
