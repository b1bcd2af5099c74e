"""How registries delete: one module an interface, one explicit table."""
