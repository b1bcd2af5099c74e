"""Registries: the client of the OCI distribution API, and the embedded server."""
