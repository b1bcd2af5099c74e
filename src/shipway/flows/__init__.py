"""The use cases: each returns a result and tells what happens through events."""
