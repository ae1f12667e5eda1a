# What a login shell of root or postgres on a node needs.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/pgsql-17/bin
export PATH
export PGDATA=/pgdata/17/data
export EDITOR=vi
export ETCDCTL_API=3
export LANG=C.UTF-8
# `sudo -E -u postgres /bin/bash -l` leaves postgres in root's home, where it can write nothing.
if [ "$(id -un)" = postgres ] && [ ! -w . ]; then
    cd /var/lib/postgresql || true
fi
