"""Samples into the store and out of it, in bulk: OpenMetrics, Parquet, a Prometheus."""
