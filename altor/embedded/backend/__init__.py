"""Database backend: Django's own for PostgreSQL, with the embedded server started when a connection is opened."""
