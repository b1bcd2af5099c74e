"""Edits of manifests: where image references stand, and changes that touch no other byte."""
