"""The page where one asks in PromQL, and sees the answer as a plot and as a table."""
