"""What verify looks at: the image itself, the evidence about it, and where that says it came from."""
