"""A terminal in memory: what a program on a node draws, and what keys, mouse and paste mean to it.

`engine` loads libghostty-vt, which does the work; `screen` is what is drawn and what scrolled away, `cells` one row of
it, `marked` what is selected or searched for, `keys` the way back to the program; `terminal` holds them together. None
of them knows Textual, or where the bytes come from. What a program says to the terminal itself (titles, clipboard,
notifications, links) ends here.
"""
