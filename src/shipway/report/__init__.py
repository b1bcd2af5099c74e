"""Results and events for people and machines."""
