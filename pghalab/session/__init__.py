"""What the console knows and does, apart from any screen."""
