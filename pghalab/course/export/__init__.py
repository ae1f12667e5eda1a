"""A lab's journal for others to read: a runbook, JSON, a recording for terminal players; all without secrets."""
