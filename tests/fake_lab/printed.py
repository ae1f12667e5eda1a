"""Keeps what the course printed on a real lab: `python -m tests.fake_lab.printed --lab NAME > FILE`."""

from __future__ import annotations

import argparse
import json

from pghalab.course.journal import Journal
from pghalab.course.load import load_course
from pghalab.course.localise import Names
from pghalab.course.record import printed
from pghalab.lab.host.paths import state_dir
from pghalab.lab.settings import load_settings
from pghalab.out import say


def main() -> None:
    """Print the lab's names and its outputs as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--lab", required=True)
    settings = load_settings(parser.parse_args().lab)
    names = Names(settings.prefix, settings.subnet, settings.auth_method)
    journal = Journal(state_dir(settings.name) / "journal", read_only=True)
    outputs = printed(load_course(), journal, names, settings.password)
    say(json.dumps({"prefix": settings.prefix, "subnet": settings.subnet, "printed": outputs}, indent=1))


if __name__ == "__main__":
    main()
