"""Root-cause entries: what they hold, how they are saved, how far they are trusted, what proves them."""
