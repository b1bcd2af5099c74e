"""The ledger: the append-only record of runs, events and evidence, in SQLite."""
