"""The shell scripts of snapshots: what runs on the nodes, and in the container that copies their volumes.

They are handed to bash as they are, so that nodes of any image can be put into a snapshot.
"""

from __future__ import annotations

FOLDER = "/etc/pghalab/keys/.snapshot.$HOSTNAME"
"""What a node adds to the one volume in which only root can write, while it is copied; removed again."""
FROM, TO = "/lab", "/snapshot"
"""Where the copying container has the lab's volumes, each below its name, and the snapshot."""
LISTS = "/tmp/pghalab.lists"
"""Where the copying container has its lists of what was there."""
SLOW = 124
"""The status of a copy that took longer than it may."""

ANSWERS = 10.0
"""Seconds that Patroni may take to say whether it leads: a busy machine needs some, and who is not known to lead would
not be started first."""

_SERVICES = "etcd patroni"

# Prints a word for each service that runs, and `leader` where Patroni holds the leader key. The environment, the folder
# and the open files of a process are closed even to root, who may not trace on a node: its own user reads them.
SAVE = f"""
set -eu
umask 077
rm -rf {FOLDER}
mkdir {FOLDER}
for name in {_SERVICES}; do
    number=0
    for pid in $(pgrep -x $name); do
        parent=$(awk '$1 == "PPid:" {{ print $2 }}' /proc/$pid/status 2>/dev/null) || continue
        [ "$(cat /proc/$parent/comm 2>/dev/null)" != $name ] || continue
        user=$(stat -c %U /proc/$pid)
        as=""
        [ "$user" = root ] || as="setpriv --reuid $user --regid $user --clear-groups"
        folder={FOLDER}/$name.$number
        mkdir $folder
        echo "$user" >$folder/user
        cat /proc/$pid/cmdline >$folder/command
        $as cat /proc/$pid/environ >$folder/environment
        $as readlink /proc/$pid/cwd >$folder/cwd
        $as readlink /proc/$pid/fd/1 >$folder/output
        number=$((number + 1))
    done
    [ $number = 0 ] || echo $name
done
if curl -fs -m {ANSWERS:g} -o /dev/null http://localhost:8008/primary; then echo leader; fi
cd /
kept=""
for each in etc/hosts root var/lib/postgresql var/log/etcd var/log/patroni var/log/pgbackrest var/lib/pgbackrest; do
    [ ! -e $each ] || kept="$kept $each"
done
tar -cf {FOLDER}/files.tar --exclude=root/.ssh --exclude=var/lib/postgresql/.ssh --warning=no-file-changed \\
    --warning=no-file-removed $kept || [ $? = 1 ]
"""

FORGET = f"rm -rf {FOLDER}"

# Puts back what lies outside the volumes. The engine mounts /etc/hosts, so that it can only be written, not replaced.
FILES = f"""
set -eu
[ -f {FOLDER}/files.tar ] || exit 0
cd /
rm -rf var/log/etcd var/log/patroni var/log/pgbackrest var/lib/pgbackrest
find root var/lib/postgresql -mindepth 1 -maxdepth 1 ! -name .ssh -exec rm -rf -- {{}} +
tar -xpf {FOLDER}/files.tar --exclude=etc/hosts
tar -xOf {FOLDER}/files.tar etc/hosts >/etc/hosts
"""

# Starts a service, $1, as it ran: user, folder, environment, words and output. A script is named without its
# interpreter, since the process is known by the script's name. What marks a process as a run's belongs to that run.
START = f"""
set -eu
for folder in {FOLDER}/$1.*; do
    [ -d $folder ] || continue
    mapfile -d '' -t words <$folder/command
    mapfile -d '' -t environment <$folder/environment
    if [ "${{words[0]##*/}}" != $1 ] && [ "${{words[1]##*/}}" = $1 ]; then words=("${{words[@]:1}}"); fi
    kept=()
    for each in "${{environment[@]}}"; do
        case $each in PGHALAB_*) ;; *) kept+=("$each") ;; esac
    done
    user=$(<$folder/user)
    as=()
    [ $user = root ] || as=(setpriv --reuid $user --regid $user --init-groups)
    cd "$(<$folder/cwd)" 2>/dev/null || cd /
    output=$(<$folder/output)
    setsid "${{as[@]}}" bash -c '
        output=$1
        shift
        [ -w "$output" ] || [ -w "${{output%/*}}" ] || output=/dev/null
        exec >>"$output" 2>&1 </dev/null
        exec env -i "$@"
    ' start "${{output% (deleted)}}" "${{kept[@]}}" "${{words[@]}}" </dev/null >/dev/null 2>&1 &
done
"""

# `--cluster` would wait for members that are not there.
ETCD_ANSWERS = "etcdctl --command-timeout=2s endpoint health --endpoints=http://localhost:2379"
LEADS = "curl -fs -m 2 -o /dev/null http://localhost:8008/primary"

# In the copying container: bytes that the lab's volumes take, and bytes that are free where the snapshot lies.
MEASURE = f"""
set -eu
du -s --block-size=1 {FROM} | cut -f 1
df --output=avail --block-size=1 {TO} | tail -n 1
"""

# An entry of a listing: what tells that it was changed, then what a copy must have alike, then its path, which may hold
# anything but a zero byte. A folder's times say nothing of what has to be copied.
_ENTRIES = r"""
entries() {
    find . -mindepth 1 -type d -printf '0 0 d 0 0 %m %U %G %P\0' -o "$@" -printf '%i %C@ %y %s %T@ %m %U %G %P\0'
}
export LC_ALL=C
"""

# Most of it is copied while the nodes run: what changes meanwhile is copied again. What was changed less than two
# seconds before it was listed might change again without another time, and is not in the list.
COPY_FIRST = f"""
set -eu
mkdir -p {LISTS}
{_ENTRIES}
cd {FROM}
entries -not -newerct '2 seconds ago' 2>{LISTS}/gone | sort -z >{LISTS}/before
if ! ls | xargs -P 4 -I NAME cp -a --sparse=always --reflink=auto NAME {TO}/ 2>{LISTS}/errors; then
    if grep -vE 'No such file or directory|replaced while being copied' {LISTS}/errors; then exit 1; fi
fi
cd {TO}
entries | cut -z -d ' ' -f 3,9- | sort -z >{LISTS}/copied
"""

# While the nodes stand still: what was changed, is new or is gone. Zeros, of which logs that were made in advance
# mostly consist, take no time to write and no place. $1: seconds.
COPY = f"""
changes() {{
    set -euo pipefail
    {_ENTRIES}
    cd {FROM}
    entries | sort -z >{LISTS}/now
    cut -z -d ' ' -f 3,9- {LISTS}/now | sort -z | comm -z -23 {LISTS}/copied - | cut -z -d ' ' -f 2- >{LISTS}/gone
    (cd {TO} && xargs -0 -r rm -rf -- <{LISTS}/gone)
    comm -z -13 {LISTS}/before {LISTS}/now >{LISTS}/changed
    sed -zn 's/^0 0 d //p' {LISTS}/changed | cut -z -d ' ' -f 6- >{LISTS}/folders
    tar -cf - --no-recursion --null -T {LISTS}/folders | tar -xpf - -C {TO}
    sed -z '/^0 0 d /d' {LISTS}/changed | cut -z -d ' ' -f 9- |
        xargs -0 -r -P 4 -n 16 cp -a --parents --remove-destination --sparse=always --reflink=auto -t {TO} --
}}
export -f changes
timeout $1 bash -c changes
"""

# The copy is what was there, and written down for good; prints the bytes that it takes.
KEEP = f"""
set -euo pipefail
{_ENTRIES}
cd {TO}
cut -z -d ' ' -f 3- {LISTS}/now | sort -z >{LISTS}/wanted
entries | cut -z -d ' ' -f 3- | sort -z | comm -z -3 {LISTS}/wanted - | tr -d '\\t' >{LISTS}/differs
if [ -s {LISTS}/differs ]; then
    echo "the copy is not what was copied: $(head -z -n 1 {LISTS}/differs | tr '\\0\\n' '  ')"
    exit 1
fi
sync -f {TO}
du -s --block-size=1 {TO} | cut -f 1
"""

COPY_BACK = f"""
set -eu
cd {TO}
back() {{
    find {FROM}/$1 -mindepth 1 -maxdepth 1 -exec rm -rf -- {{}} +
    cp -a --sparse=always --reflink=auto {TO}/$1/. {FROM}/$1/
}}
export -f back
ls | xargs -P 4 -I NAME bash -euc 'back NAME'
"""
