"""Figures of metrics, read from the cycles."""
