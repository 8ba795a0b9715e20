"""What fires, who was told, what is kept quiet, and the rules behind it."""
