"""Dockerfiles as BuildKit reads them: instructions, stages, references, ignore files, context sources."""
