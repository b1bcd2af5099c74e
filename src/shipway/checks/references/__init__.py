"""Image references wherever files hold them: where they stand, and what they should say."""
