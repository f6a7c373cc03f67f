"""From what a user wrote to pure functions: specs, topology, objective."""
