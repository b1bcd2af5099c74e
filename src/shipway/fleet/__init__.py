"""The fleet: what one repository, or several, delivers."""
