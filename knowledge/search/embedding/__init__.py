"""Texts as vectors: a small model that runs on the installation's own processors, without any service."""
