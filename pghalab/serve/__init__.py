"""What is on the presenter's screen, in the browsers of a room: they look, and may vote.

`follow` is the mirror at the door of the console that drives; `picture` draws what it tells on a terminal in memory and
makes rows of styled text of it, `hidden` what is not shown in them; `scene` is all that a room sees at this moment,
`ballot` its votes; `server` hands it to browsers, `address` says under which address, and `page` is what they load. No
byte of a node reaches a browser: the page is given text and colours, and draws no terminal of its own.
"""
