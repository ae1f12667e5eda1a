# What a login shell of root or postgres on a node needs.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/pgsql-17/bin
export PATH
export PGDATA=/pgdata/17/data
export EDITOR=vi
# Terminals scroll back by themselves; a pager would wait for a key, and what it draws tells nobody what was printed.
export PAGER=cat
export ETCDCTL_API=3
export LANG=C.UTF-8
# `sudo -E -u postgres /bin/bash -l` leaves postgres in root's home, where it can write nothing.
if [ ! -w . ] && [ -O /var/lib/postgresql ]; then
    cd /var/lib/postgresql || true
fi
