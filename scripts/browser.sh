#!/bin/sh
# Sees to a browser for the tests of what a room sees: installs Chromium's headless shell as root on Debian or Ubuntu.
# Always exits 0: without one those tests are skipped, and say so.
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

for name in ${PGHALAB_CHROMIUM:-} chromium-headless-shell chromium google-chrome chromium-browser; do
  if command -v "$name" >/dev/null; then exit 0; fi
done
if may_install; then
  say "Installing a headless Chromium from the distribution's packages (PGHALAB_NO_INSTALL=1 refuses)."
  apt_install 'chromium-headless-shell?' || true
else
  say "No Chromium was found: the tests with a real browser will be skipped. Install one, or name it: PGHALAB_CHROMIUM=…"
fi
