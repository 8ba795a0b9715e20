"""Series on disk: one SQLite file, written scrape by scrape, sealed into pages, read in tiles."""
