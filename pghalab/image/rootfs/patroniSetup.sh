#!/bin/bash
set -euo pipefail
# shellcheck source=rootfs/usr/local/lib/pghalab/common.sh
. /usr/local/lib/pghalab/common.sh

usage() {
    cat <<'END'
Usage: /patroniSetup.sh [-h]

Writes /pgha/config/patroni.yaml from /pgha/config/patroniVars (made by /etcdSetup.sh).
Run it as user postgres on every node that will hold a database.

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
(($# == 0)) || bad_usage "unexpected argument '$1'"

# One YAML scalar, whatever characters it holds.
yaml_string() {
    local quote="'"
    printf "'%s'" "${1//$quote/$quote$quote}"
}

require_postgres
require_folder /pgha/config /pgha/data/postgres /var/log/patroni
vars=/pgha/config/patroniVars
[[ -r "$vars" ]] || fail "$vars is missing; run /etcdSetup.sh -y first"
[[ -r /etc/pghalab/node.env ]] || fail "/etc/pghalab/node.env is missing; this node was not started by node-start"

ETCD_NODES='' NODE_NAME='' PATRONI_CFG='' DATADIR='' CFG_DIR='' PG_BIN_DIR='' NAMESPACE='' SCOPE=''
# shellcheck disable=SC1090
. "$vars"
PGHALAB_PASSWORD='' PGHALAB_AUTH=''
# shellcheck disable=SC1091
. /etc/pghalab/node.env
for needed in ETCD_NODES NODE_NAME PATRONI_CFG DATADIR CFG_DIR PG_BIN_DIR NAMESPACE SCOPE; do
    [[ -n "${!needed}" ]] || fail "$vars does not set $needed; run /etcdSetup.sh -y again"
done
[[ "$NODE_NAME" == "$HOSTNAME" ]] || fail "$vars was made for $NODE_NAME, this node is $HOSTNAME; run /etcdSetup.sh -y here"
say "Configuration loaded successfully from $vars."

address=$(getent ahostsv4 "$NODE_NAME" | awk 'NR == 1 { print $1 }')
[[ -n "$address" ]] || fail "$NODE_NAME does not resolve to an address"
network="${address%.*}.0/24"
password=$(yaml_string "$PGHALAB_PASSWORD")
auth=$PGHALAB_AUTH
# PostgreSQL stores SCRAM verifiers unless told otherwise; md5 in pg_hba alone would not change that.
password_encryption=''
if [[ "$auth" == md5 ]]; then
    password_encryption=$'\n        password_encryption: md5'
fi
hosts=''
IFS=, read -ra etcd_nodes <<<"$ETCD_NODES"
for etcd_node in "${etcd_nodes[@]}"; do hosts+=$'\n    - '"$etcd_node"; done

write_file "$PATRONI_CFG" 600 <<END
namespace: $NAMESPACE
scope: $SCOPE
name: $NODE_NAME

log:
  dir: /var/log/patroni
  level: INFO

restapi:
  listen: 0.0.0.0:8008
  connect_address: $NODE_NAME:8008

etcd3:
  hosts:$hosts

bootstrap:
  dcs:
    ttl: 30
    loop_wait: 10
    retry_timeout: 10
    maximum_lag_on_failover: 1048576
    postgresql:
      use_pg_rewind: true
      use_slots: true
      parameters:
        archive_command: /bin/true
        archive_mode: true
        archive_timeout: 600s
        hot_standby: true
        log_filename: postgresql-%a.log
        log_line_prefix: '%m [%r] [%p]: [%l-1] user=%u,db=%d,host=%h '
        log_lock_waits: 'on'
        log_min_duration_statement: 500
        logging_collector: 'on'
        max_replication_slots: 10
        max_wal_senders: 10
        max_wal_size: 1GB
        wal_keep_size: 4096
        wal_level: logical
        wal_log_hints: true$password_encryption
  initdb:
    - encoding: UTF8
    - data-checksums
    - auth-local: peer
    - auth-host: $auth
  post_bootstrap: $CFG_DIR/createRoles.sh
  pg_hba:
    - local all all peer
    - host all all 127.0.0.1/32 $auth
    - host replication replicator 127.0.0.1/32 $auth
    - host replication replicator $network $auth
    - host all bubba $network $auth

postgresql:
  listen: 0.0.0.0:5432
  connect_address: $NODE_NAME:5432
  data_dir: $DATADIR
  bin_dir: $PG_BIN_DIR
  pgpass: /var/lib/postgresql/patroni.pgpass
  authentication:
    superuser:
      username: postgres
      password: $password
    replication:
      username: replicator
      password: $password
  create_replica_methods:
    - basebackup
  basebackup:
    checkpoint: fast

tags:
  nofailover: false
  noloadbalance: false
  clonefrom: false
  nosync: false
END
