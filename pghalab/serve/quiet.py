"""What the server logs: no address of a room, which aiohttp quotes when somebody sends rubbish, and no rubbish."""

from __future__ import annotations

import logging
import traceback

from aiohttp.http_exceptions import HttpProcessingError

LOG = logging.getLogger("pghalab.serve.http")
"""For aiohttp's server."""


class NoRubbish(logging.Filter):
    """Drops what tells only that somebody does not speak HTTP: whoever does it a thousand times fills no log."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is anything else."""
        return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


class Without(logging.Filter):
    """Takes a word out of every record, also out of the traceback in it."""

    def __init__(self, word: str) -> None:
        super().__init__()
        self._word = word

    def filter(self, record: logging.LogRecord) -> bool:
        """Let it pass, without the word."""
        if self._word in (text := record.getMessage()):
            record.msg, record.args = text.replace(self._word, "…"), None
        if record.exc_info and not record.exc_text:
            record.exc_text = "".join(traceback.format_exception(*record.exc_info)).rstrip()
        if record.exc_text:
            record.exc_text = record.exc_text.replace(self._word, "…")
        return True


def keep_from_logs(word: str) -> None:
    """Whatever is logged from now on, this word is not in the log."""
    for handler in logging.getLogger().handlers:
        handler.addFilter(Without(word))


LOG.addFilter(NoRubbish())
