"""Evidence: statements about images, keys that sign them, and what a look at both of them shows."""
