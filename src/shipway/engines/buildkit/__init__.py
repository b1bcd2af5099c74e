"""BuildKit on its own: daemons that ``buildctl`` or ``buildx`` speak to, on this machine or another."""
