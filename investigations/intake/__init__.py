"""What a ticket's text claims: endpoints, times, ids, codes, amounts. Plain functions, no models, no network."""
