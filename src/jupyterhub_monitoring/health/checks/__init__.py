"""The built-in checks, one per module. Each is called without arguments and gives a `Finding`."""
