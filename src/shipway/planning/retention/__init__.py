"""Retention: which tags and manifests of a repository stay, which go, and why."""
