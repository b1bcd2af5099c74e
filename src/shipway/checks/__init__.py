"""Checks: rules that look at a fleet, what they find, and the edits that mend it."""
