"""The nodes over ssh: links, commands, shells, tunnels and keys."""
