"""What checks found, for people and machines: one module a format, one table."""
