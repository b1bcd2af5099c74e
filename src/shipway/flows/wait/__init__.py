"""Wait until what was promoted runs, or until it is known that it will not."""
