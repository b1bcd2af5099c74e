"""Many machines: builds that travel to workers, through an existing distributed engine (Dask)."""
