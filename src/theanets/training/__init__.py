"""The engine: it minimizes a pure function and has never heard of networks."""
