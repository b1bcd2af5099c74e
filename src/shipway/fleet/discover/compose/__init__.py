"""Compose files: which services are built, from what, and as which image."""
