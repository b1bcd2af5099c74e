"""Public fakes that stand in for what Shipway meets outside."""
