"""A terminal without a screen: what a program on a node draws, and what keys, mouse and paste mean to it.

`engine` loads libghostty-vt, which does the work. It knows neither Textual nor where the bytes come from.
"""
