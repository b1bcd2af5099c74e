"""Assemble as a builder: images without RUN go straight from their files to the registry."""
