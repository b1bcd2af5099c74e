"""Promotion: what was delivered is named in the repositories that clusters follow."""
