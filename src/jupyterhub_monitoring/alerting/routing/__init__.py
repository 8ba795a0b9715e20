"""What an Alertmanager decides: routes, groups, inhibition, silences, times. All of it is pure."""
