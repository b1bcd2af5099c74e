"""Shipway's registry commands beside crane, oras and skopeo: one run, whole processes, medians and ratios."""
