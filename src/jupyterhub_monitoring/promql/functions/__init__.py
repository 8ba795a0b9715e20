"""PromQL's functions by family; `ranges` are those over windows of samples."""
