"""Every setting of the fleet file, declared once.

Validation, the published JSON Schema and the commented file that ``shipway init`` writes are derived
from these declarations. Keys of an image are those of Compose and bake.
"""
