"""PromQL: Prometheus 3's semantics on NumPy, floats only."""
