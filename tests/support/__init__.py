"""What tests share: real programs on free ports, as children of the test session."""
