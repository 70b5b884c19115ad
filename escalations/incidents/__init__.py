"""Incidents: one cause fought together, told to customers at the promised interval, closed with what it leaves."""
