"""Planning: what would be done and why, as data."""
