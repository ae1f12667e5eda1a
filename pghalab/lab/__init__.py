"""Where it runs: the engine, the image, addresses, nodes and ssh."""
