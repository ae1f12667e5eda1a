#!/bin/bash
set -euo pipefail
# shellcheck source=rootfs/usr/local/lib/pghalab/common.sh
. /usr/local/lib/pghalab/common.sh

usage() {
    cat <<'END'
Usage: /createRoles.sh [-h] [CONNECTION]

Creates the application role bubba: a superuser, as in the source text. Do not do that
outside a lab: an application needs no more than to own its tables.
Patroni runs it once, after it made a new cluster (bootstrap.post_bootstrap), with a
connection string as its argument; without one, the local server is used.
Patroni creates its own roles, the superuser and the replication role, by itself.

  -h  show this help
END
}

while getopts ':h' option; do
    case $option in
        h) usage; exit 0 ;;
        *) bad_usage "unknown option -$OPTARG" ;;
    esac
done
shift $((OPTIND - 1))
(($# <= 1)) || bad_usage "unexpected argument '$2'"

require_postgres
[[ -r /etc/pghalab/node.env ]] || fail "/etc/pghalab/node.env is missing; this node was not started by node-start"
PGHALAB_PASSWORD=''
# shellcheck disable=SC1091
. /etc/pghalab/node.env

# The password travels over standard input, where no list of processes shows it.
{
    printf "\\set password '%s'\n" "$(sed -e 's/\\/\\\\/g' -e "s/'/''/g" <<<"$PGHALAB_PASSWORD")"
    cat <<'END'
select 'create role bubba' where not exists (select from pg_roles where rolname = 'bubba') \gexec
alter role bubba login superuser nocreaterole nocreatedb password :'password';
END
} | psql -X -q -v ON_ERROR_STOP=1 -d "${1:-dbname=postgres}" -f - \
    || fail "the roles were not created; is this server the leader, and is it up?"
