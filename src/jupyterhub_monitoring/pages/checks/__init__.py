"""The Hub's health checks, how they are and how they were."""
