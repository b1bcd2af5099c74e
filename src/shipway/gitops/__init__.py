"""GitOps: tag policies as Flux decides them, proofs about them, and byte-exact edits of manifests."""
