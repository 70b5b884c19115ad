"""Proof of recovery: after a fix each affected customer is measured again, before anybody calls it back to normal."""
