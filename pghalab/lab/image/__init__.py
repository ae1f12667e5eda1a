"""The image of the nodes: its base, its context and its build."""
