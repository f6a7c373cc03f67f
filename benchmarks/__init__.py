"""Measures theanets against its peers: `python -m benchmarks` from the project root."""
