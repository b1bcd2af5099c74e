"""Shipping measured beside what people build fleets with: bake, and loops over docker and buildah."""
