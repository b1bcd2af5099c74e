"""From the objects of a cluster to a verdict: is a commit live, and if not, what keeps it."""
