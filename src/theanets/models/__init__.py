"""The models, and all that knows a network."""
