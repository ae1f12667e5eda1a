"""A step's expected output beside what this lab printed, compared by meaning and not by text.

`values` knows the types of what differs from lab to lab, `rules` what a lesson says beyond them, `tables` finds the
tables, `align` puts lines side by side, `compare` judges them, `reasons` explains, `words` sums up. All of it is pure.
"""
