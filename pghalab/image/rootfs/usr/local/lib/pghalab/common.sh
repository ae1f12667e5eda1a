# shellcheck shell=bash
# Sourced by the scripts that live on a node.

say() { printf '%s\n' "$*"; }

fail() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

bad_usage() {
    printf '%s: %s\nTry %s -h\n' "${0##*/}" "$*" "$0" >&2
    exit 2
}

require_postgres() {
    [[ "$(id -un)" == postgres ]] || fail "run this as user postgres, for example: sudo -E -u postgres /bin/bash -l"
}

require_folder() {
    local folder
    for folder in "$@"; do
        [[ -d "$folder" ]] || fail "the folder $folder is missing; create it: mkdir -p $folder"
        [[ -w "$folder" ]] || fail "the folder $folder is not writable by $(id -un); as root: chown postgres:postgres $folder"
    done
}

# Fills `names` and `addresses` from NODELIST ("name:address name:address ...").
read_nodelist() {
    local entry octet='(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])'
    local pattern="^([a-z0-9][a-z0-9-]*):($octet\\.$octet\\.$octet\\.$octet)\$"
    names=()
    addresses=()
    [[ -n "${NODELIST:-}" ]] || fail "NODELIST is not set; root has it, and keeps it in: sudo -E -u postgres /bin/bash -l"
    for entry in $NODELIST; do
        [[ "$entry" =~ $pattern ]] || fail "NODELIST holds '$entry', which is not name:address"
        names+=("${BASH_REMATCH[1]}")
        addresses+=("${BASH_REMATCH[2]}")
    done
}

# Sets `here` to this node's place in NODELIST.
find_here() {
    local i
    here=-1
    for i in "${!names[@]}"; do
        if [[ "${names[i]}" == "$HOSTNAME" ]]; then here=$i; fi
    done
    ((here >= 0)) || fail "NODELIST does not name this node, $HOSTNAME"
}

# Joins the arguments after the first with the first.
join() {
    local by=$1 first=${2:-}
    shift 2 || return 0
    printf '%s' "$first" "${@/#/$by}"
}

# Makes the folders that are missing; which could not be made shows by itself.
make_folders() {
    local folder
    for folder in "$@"; do
        [[ -d "$folder" ]] || mkdir "$folder" || true
    done
}

# Writes standard input to $1 with mode $2 so that a reader never sees half of it; a link of that name is replaced.
# Who else may write in the folder could put a link in the place of the new file, so root does this in its own only.
write_file() {
    local new=$1.$BASHPID.$SRANDOM
    # A file is made with the bits of 666 that are not in the mask, and only where there is none (noclobber).
    (
        umask "$(printf %o $((0666 & ~0$2)))"
        set -C
        cat >"$new"
    )
    mv -fT "$new" "$1"
}

# Runs a command, or a function of this file, as postgres, with an environment of its own: in its own folders a link
# leads no further than it may go.
as_postgres() {
    # shellcheck disable=SC2016
    setpriv --reuid postgres --regid postgres --init-groups --reset-env \
        /bin/bash -euo pipefail -c '. /usr/local/lib/pghalab/common.sh; "$@"' "$0" "$@"
}
