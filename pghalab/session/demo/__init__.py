"""A lesson shown to a room: what comes when, how the commands are typed, and what the presenter is told."""
