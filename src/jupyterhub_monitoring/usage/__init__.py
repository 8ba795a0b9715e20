"""Who uses what: CPU, memory and disk of each server and user, on any spawner."""
