"""The weekly review: what is worth a look, proposed by the data, and what comes of it."""
