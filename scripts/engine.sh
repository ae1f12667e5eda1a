#!/bin/sh
# Sees to a container engine and debootstrap: installs and starts them as root on Debian or Ubuntu, else says what to do.
# Always exits 0: without an engine the console still opens, and its doctor screen says what is missing.
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

LOG=${PGHALAB_DOCKERD_LOG:-/var/log/dockerd.log}
WITHIN=${PGHALAB_ENGINE_SECONDS:-30}

answers() {
  .venv/bin/python - <<'PY' 2>/dev/null
import docker
docker.from_env(timeout=2).ping()
PY
}

# Waits up to WITHIN seconds for the engine; the condition is its answer.
wait_for_engine() {
  until=$(($(date +%s) + WITHIN))
  until answers; do
    [ "$(date +%s)" -lt "$until" ] || return 1
    sleep 1
  done
}

# Sets `words` to where those of the engine are.
start_engine() {
  words="'journalctl -u docker'"
  if [ -d /run/systemd/system ]; then
    systemctl start docker || return 1
  elif [ -x /etc/init.d/docker ] && service docker start >/dev/null 2>&1; then
    words=/var/log/docker.log
  else
    words=$LOG
    # In a session of its own, so that Ctrl-C of make does not end it.
    setsid nohup dockerd >"$LOG" 2>&1 </dev/null &
  fi
  wait_for_engine
}

if ! answers; then
  say "No container engine answers."
  if [ -n "${DOCKER_HOST:-}" ]; then
    say "DOCKER_HOST points to $DOCKER_HOST: start that engine, or unset DOCKER_HOST."
  elif may_install; then
    if ! command -v dockerd >/dev/null; then
      say "Installing Docker Engine and debootstrap from the distribution's packages (PGHALAB_NO_INSTALL=1 refuses)."
      # The client is a package of its own since Debian 13; debootstrap checks signatures with gpgv.
      apt_install docker.io 'docker-cli?' iptables debootstrap gpgv debian-archive-keyring ca-certificates || exit 0
    fi
    say "Starting the engine."
    start_engine || say "The engine did not start within $WITHIN s; its log is $words."
  else
    say "The doctor says what to install: .venv/bin/pghalab doctor"
  fi
fi
# Without a registry the base image is made with debootstrap.
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
if { ! command -v debootstrap >/dev/null || ! command -v gpgv >/dev/null || [ ! -f $keyring ]; } && may_install; then
  say "Installing debootstrap: the base image is made with it where no registry answers."
  apt_install debootstrap gpgv debian-archive-keyring || say "Without debootstrap the base image has to come from a registry."
fi
exit 0
