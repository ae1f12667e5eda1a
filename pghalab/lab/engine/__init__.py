"""The container engine: its client, what it holds, and its long calls."""
