"""What every other folder may use: checks, names, keys of functions."""
