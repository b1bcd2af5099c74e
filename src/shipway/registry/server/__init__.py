"""The embedded registry: the OCI distribution API over a folder that is an image layout at the same time."""
