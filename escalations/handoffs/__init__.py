"""Handing off at the end of a shift: drafted from what is open, signed by one, accepted by the other."""
