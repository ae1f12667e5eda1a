"""A recording in the place of a lab: the same session over it, on a machine that needs no engine."""
