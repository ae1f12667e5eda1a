# Shared by the set-up scripts: how they speak, and when they may install packages.

say() { printf '%s\n' "$*" >&2; }

# True on Debian or Ubuntu as root, unless PGHALAB_NO_INSTALL=1 refuses.
may_install() {
  [ "${PGHALAB_NO_INSTALL:-0}" != 1 ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && [ -f /etc/debian_version ]
}

# Installs packages of the distribution, NAME? only if it has one of that name; what apt prints is shown only when it
# fails.
apt_install() {
  log=$(mktemp)
  if ! { apt-get update && apt_get_known "$@"; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    say "apt-get could not install: $*"
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}

apt_get_known() {
  packages=
  for package; do
    case $package in
      *\?)
        package=${package%\?}
        apt-cache show "$package" >/dev/null || continue
        ;;
    esac
    packages="$packages $package"
  done
  # shellcheck disable=SC2086 # names of packages
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $packages
}
