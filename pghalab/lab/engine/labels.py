"""The labels that mark what belongs to a lab, and the port of its nodes that is published."""

from __future__ import annotations

LAB_LABEL = "pghalab.lab"
NODE_LABEL = "pghalab.node"
SNAPSHOT_LABEL = "pghalab.snapshot"
"""The name of the snapshot that a volume, or a container that copies it, belongs to."""
SSH_PORT = 22
