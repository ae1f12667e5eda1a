#!/bin/sh
# Makes .venv with the pinned dependencies; a second call finds it ready and takes no time.
# Usage: scripts/setup.sh run|dev      PYTHON=… chooses the interpreter.
set -eu
cd "$(dirname "$0")/.."
kind=${1:-run}
case $kind in
  run) lock=requirements.lock ;;
  dev) lock=requirements-dev.lock ;;
  *) echo "usage: scripts/setup.sh run|dev" >&2; exit 2 ;;
esac
build=scripts/build-backend.lock
. scripts/common.sh

find_python() {
  for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  return 1
}

python=$(find_python) || {
  say "pghalab needs Python 3.11 or newer, and none was found."
  say "Install one (Debian and Ubuntu: apt-get install python3 python3-venv) or name it: PYTHON=/path/to/python3 make lab"
  exit 1
}
# What the environment must have been made from, for the stamp to count.
made_from() {
  cksum "$1" $build pyproject.toml
  # The interpreter itself, also when it is called from an activated environment, this one for instance.
  "$python" -c 'import sys; print(sys.version, sys.base_prefix)'
  pwd
}

fresh() { [ -f ".venv/.ready-$1" ] && [ "$(cat ".venv/.ready-$1")" = "$(made_from "$2")" ]; }

if fresh "$kind" "$lock"; then exit 0; fi
# The development environment holds all that running needs.
if fresh dev requirements-dev.lock; then exit 0; fi

if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  may_install || {
    say "This Python cannot make virtual environments. Install that part, then run make again:"
    say "    apt-get install python3-venv"
    exit 1
  }
  say "Installing python3-venv from the distribution's packages."
  apt_install python3-venv
fi
say "Installing the pinned dependencies into .venv (once; about half a minute)."
rm -f .venv/.ready-run .venv/.ready-dev
"$python" -m venv --clear .venv
install() { .venv/bin/python -m pip install --quiet --disable-pip-version-check "$@"; }
# What is built from source is built with what is pinned, and not with whatever is newest.
install --require-hashes -r $build
# What has no wheel for this machine, although its marker fits, is left out; the console does without.
pins=$lock
if .venv/bin/python scripts/pins.py "$lock" > .venv/pins.lock; then
  pins=.venv/pins.lock
  say "There is no terminal engine for this machine: no shell beside the lesson; the full-screen shell works."
fi
install --require-hashes --no-build-isolation -r "$pins"
install --no-build-isolation --no-deps --editable .
made_from "$lock" > ".venv/.ready-$kind"
