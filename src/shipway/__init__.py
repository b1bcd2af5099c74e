"""Shipway: a fleet of container images, from Dockerfiles to a cluster, every step proven."""

__version__ = "0.1.0"
