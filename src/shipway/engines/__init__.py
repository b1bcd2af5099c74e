"""Build engines: one module each, and one explicit table of them."""
