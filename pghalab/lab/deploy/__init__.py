"""The deployment: what has to exist, what is in the way, and the steps that make and end it."""
