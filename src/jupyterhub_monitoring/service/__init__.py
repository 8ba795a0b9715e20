"""The monitoring service: the wiring of scraping, store, queries and pages into one process."""
