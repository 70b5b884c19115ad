"""From phase events to what each closing of a ticket took: pure, the same for the same events."""
