"""Who is on call when: rotations, layers, overrides, and what they leave open."""
