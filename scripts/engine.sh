#!/bin/sh
# Sees to a container engine and debootstrap: installs and starts them as root on Debian or Ubuntu, else says what to do.
# Always exits 0: without an engine the console still opens, and its doctor screen says what is missing.
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

answers() {
  .venv/bin/python - <<'PY' 2>/dev/null
import docker
docker.from_env(timeout=5).ping()
PY
}

# Waits up to 30 s for the engine; the condition is its answer.
wait_for_engine() {
  tries=0
  until answers; do
    tries=$((tries + 1))
    [ "$tries" -lt 30 ] || return 1
    sleep 1
  done
}

start_engine() {
  if [ -d /run/systemd/system ]; then
    systemctl start docker || return 1
  elif [ -x /etc/init.d/docker ] && service docker start >/dev/null 2>&1; then
    :
  else
    nohup dockerd >/var/log/dockerd.log 2>&1 &
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
      apt_install docker.io iptables debootstrap debian-archive-keyring ca-certificates || exit 0
    fi
    say "Starting the engine."
    start_engine || say "The engine did not start within 30 s; its log is /var/log/dockerd.log or 'journalctl -u docker'."
  else
    say "The doctor says what to install: .venv/bin/pghalab doctor"
  fi
fi
# Without a registry the base image is made with debootstrap.
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
if { ! command -v debootstrap >/dev/null || [ ! -f $keyring ]; } && may_install; then
  say "Installing debootstrap: the base image is made with it where no registry answers."
  apt_install debootstrap debian-archive-keyring || say "Without debootstrap the base image has to come from a registry."
fi
exit 0
