"""One module per library measured; each runs in a process of its own."""
