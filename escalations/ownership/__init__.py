"""Who owns a ticket, since when, and how its clocks stand under what its customer was promised."""
