"""What is taught: lessons, checks, the runner, progress and the journal."""
