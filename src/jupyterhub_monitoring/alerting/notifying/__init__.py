"""From alerts to messages that arrive: kept on disk, grouped, queued, delivered again and again."""
