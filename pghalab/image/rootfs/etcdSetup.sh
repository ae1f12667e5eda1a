#!/bin/bash
set -euo pipefail
# shellcheck source=rootfs/usr/local/lib/pghalab/common.sh
. /usr/local/lib/pghalab/common.sh

usage() {
    cat <<'END'
Usage: /etcdSetup.sh [-y] [-e] [-h]

Writes this node's etcd configuration, made from NODELIST, and prints it.
Run it as user postgres on every node.

  -y  write /pgha/config/etcd.yaml, for: etcd --config-file /pgha/config/etcd.yaml
      Without it, /pgha/config/etcd.conf is written: ETCD_NAME=value lines, as a systemd unit reads them.
  -e  call the nodes etcd1, etcd2, ... instead of by name and address.
      Every node must resolve those aliases.
  -h  show this help

Also writes /pgha/config/patroniVars, which /patroniSetup.sh reads.
NODELIST is "name:address name:address ..."; the node's own name must be in it.
END
}

yaml=false
aliases=false
while getopts ':yeh' option; do
    case $option in
        y) yaml=true ;;
        e) aliases=true ;;
        h) usage; exit 0 ;;
        *) bad_usage "unknown option -$OPTARG" ;;
    esac
done
shift $((OPTIND - 1))
(($# == 0)) || bad_usage "unexpected argument '$1'"

require_postgres
require_folder /pgha/config /pgha/data/etcd
read_nodelist
find_here

members=()
hosts=()
cluster=()
for i in "${!names[@]}"; do
    if $aliases; then
        members+=("etcd$((i + 1))")
        hosts+=("etcd$((i + 1))")
        getent hosts "etcd$((i + 1))" >/dev/null || fail "etcd$((i + 1)) does not resolve; without -e the nodes' own names are used"
    else
        members+=("${names[i]}")
        hosts+=("${addresses[i]}")
    fi
    cluster+=("${members[i]}=http://${hosts[i]}:2380")
done

# etcd binds to addresses only, so an alias may stand in what is advertised but not in what is listened on.
name=${members[here]}
address=${addresses[here]}
initial_cluster=$(join , "${cluster[@]}")
peer_url="http://${hosts[here]}:2380"
client_url="http://${hosts[here]}:2379"
listen_peers="http://$address:2380"
listen_clients="http://$address:2379,http://localhost:2379"

if $yaml; then
    target=/pgha/config/etcd.yaml
    write_file "$target" 644 <<END
name: $name
initial-cluster: "$initial_cluster"
initial-cluster-token: pgha-token
data-dir: /pgha/data/etcd
initial-cluster-state: new
initial-advertise-peer-urls: "$peer_url"
listen-peer-urls: "$listen_peers"
listen-client-urls: "$listen_clients"
advertise-client-urls: "$client_url"
END
else
    target=/pgha/config/etcd.conf
    write_file "$target" 644 <<END
ETCD_NAME=$name
ETCD_INITIAL_CLUSTER="$initial_cluster"
ETCD_INITIAL_CLUSTER_TOKEN=pgha-token
ETCD_DATA_DIR=/pgha/data/etcd
ETCD_INITIAL_CLUSTER_STATE=new
ETCD_INITIAL_ADVERTISE_PEER_URLS="$peer_url"
ETCD_LISTEN_PEER_URLS="$listen_peers"
ETCD_LISTEN_CLIENT_URLS="$listen_clients"
ETCD_ADVERTISE_CLIENT_URLS="$client_url"
END
fi

if $aliases; then
    endpoints=$(join , "${hosts[@]/%/:2379}")
else
    endpoints=$(join , "${names[@]/%/:2379}")
fi

write_file /pgha/config/patroniVars 644 <<END
ETCD_NODES="$endpoints"
NODE_NAME="${names[here]}"
PATRONI_CFG="/pgha/config/patroni.yaml"
DATADIR="/pgdata/17/data"
CFG_DIR="/pgha/config"
PG_BIN_DIR="/usr/pgsql-17/bin/"
NAMESPACE="pgha"
SCOPE="pgha_patroni_cluster"
END

cat "$target"
cat <<END


Add the following environment variable to your profile for easy access to the etcd endpoints

	export ENDPOINTS="$endpoints"

END
