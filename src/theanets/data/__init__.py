"""How arrays, frames, sparse rows and streams become batches."""
