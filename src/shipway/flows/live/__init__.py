"""Live preflight: registries, credentials, bases and the engine, looked at before anything is built."""
