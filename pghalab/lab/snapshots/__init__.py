"""Snapshots of a whole lab: its volumes and what else lies on its nodes, at one moment, and the way back to it."""
