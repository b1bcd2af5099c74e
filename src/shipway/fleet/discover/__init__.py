"""Readers that find images in the files people already have."""
