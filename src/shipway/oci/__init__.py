"""OCI images as values: manifests, indexes, configs and layouts, from bytes and back."""
