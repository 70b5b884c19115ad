"""An escalation's life: proposed, sent or refused, acknowledged, worked on, resolved, verified; and its clocks."""
