"""Diagnosis measured on generated incidents: `generate` makes labelled cases, `run` investigates and scores them."""
