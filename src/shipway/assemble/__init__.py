"""Images without an engine: Dockerfiles without RUN to reproducible layers, config and manifest."""
