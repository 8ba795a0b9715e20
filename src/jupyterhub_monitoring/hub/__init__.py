"""HOST 1: everything that runs inside the Hub's process."""
