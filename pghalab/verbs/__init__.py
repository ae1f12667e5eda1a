"""The headless verbs, one module for each group; nothing heavy is imported before a verb runs."""
