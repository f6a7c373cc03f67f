"""The catalogue against independent formulas in NumPy, in double precision."""
