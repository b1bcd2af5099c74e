"""The tables of the ledger, one migration a version; ``PRAGMA user_version`` says how many have run."""

MIGRATIONS = (
    """
    CREATE TABLE runs (
        id INTEGER PRIMARY KEY,
        command TEXT NOT NULL,
        started TEXT NOT NULL,
        finished TEXT,
        state TEXT NOT NULL,
        plan TEXT NOT NULL
    );
    CREATE TABLE events (
        seq INTEGER PRIMARY KEY,
        run INTEGER NOT NULL REFERENCES runs (id),
        at TEXT NOT NULL,
        kind TEXT NOT NULL,
        image TEXT,
        data TEXT NOT NULL
    );
    CREATE INDEX events_of_run ON events (run, seq);
    CREATE TABLE deliveries (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL REFERENCES runs (id),
        image TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        reference TEXT NOT NULL,
        digest TEXT NOT NULL,
        platforms TEXT NOT NULL,
        tags TEXT NOT NULL,
        size INTEGER NOT NULL,
        seconds REAL NOT NULL,
        verified TEXT NOT NULL
    );
    CREATE INDEX deliveries_of_image ON deliveries (image, id);
    CREATE TABLE inputs (fingerprint TEXT PRIMARY KEY, data BLOB NOT NULL);
    """,
    """
    ALTER TABLE runs ADD COLUMN kind TEXT NOT NULL DEFAULT 'ship';
    UPDATE runs SET kind = 'prune' WHERE command LIKE 'shipway prune%';
    UPDATE runs SET kind = 'undo' WHERE command LIKE 'shipway prune --undo%';
    """,
    "CREATE INDEX events_of_image ON events (image, kind, seq)",
    "ALTER TABLE deliveries ADD COLUMN stand_in INTEGER NOT NULL DEFAULT 0",
)
