#!/bin/sh
# pg_cluster.sh start DIR [BINDIR] [setting=value…] - makes a throwaway PostgreSQL in DIR and starts it.
# pg_cluster.sh stop DIR                            - stops it at once and removes DIR.
# pg_cluster.sh restart DIR                         - after a crash: starts it again on the data that are there.
#
# start prints, and keeps in DIR/env, shell assignments of PGHOST (a unix socket's folder), PGPORT and PGUSER. The
# superuser "postgres" logs in over the socket without a password; over TCP (127.0.0.1, same port) everybody needs one.
# BINDIR: the newest server of this machine when it is not given. As root the server runs as the user postgres.
set -eu
command=$1 dir=$2
shift 2

as_server()
{
    if [ "$(id -u)" -ne 0 ]; then
        "$@"
    else
        # Not the caller's folder: that user may not be allowed to be in it.
        (cd / && runuser -u postgres -- "$@")
    fi
}

start_server() # tries ports until one is free
{
    for _ in 1 2 3 4 5 6 7 8; do
        port=$((20000 + $(od -An -N2 -tu2 /dev/urandom) % 12000))
        if as_server "$bin/pg_ctl" -D "$dir/data" -s -w -t 60 -l "$dir/log" -o "-p $port" start >/dev/null 2>&1; then
            printf 'PGHOST=%s\nPGPORT=%s\nPGUSER=postgres\n' "$dir/socket" "$port" >"$dir/env"
            cat "$dir/env"
            return 0
        fi
        grep -q 'could not bind\|Address already in use' "$dir/log" || break
    done
    tail -n 20 "$dir/log" >&2
    return 1
}

case $command in
start)
    bin=''
    case ${1:-} in /*) bin=$1; shift ;; esac
    if [ -z "$bin" ]; then
        for b in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin; do
            [ ! -x "$b/initdb" ] || bin=$b
        done
        [ -n "$bin" ] || { p=$(command -v initdb) && bin=${p%/*}; } || { echo "no PostgreSQL server found" >&2; exit 1; }
    fi
    mkdir -p "$dir/socket"
    dir=$(cd "$dir" && pwd)
    echo "$bin" >"$dir/bin"
    [ "$(id -u)" -ne 0 ] || chown -R postgres: "$dir"
    as_server "$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >"$dir/initdb.log" 2>&1 ||
        { cat "$dir/initdb.log" >&2; exit 1; }
    cat >"$dir/data/pg_hba.conf" <<END
local all postgres          trust
local all all               scram-sha-256
host  all all  127.0.0.1/32 scram-sha-256
END
    {
        echo "listen_addresses = '127.0.0.1'"
        echo "unix_socket_directories = '$dir/socket'"
        echo "password_encryption = 'scram-sha-256'"
        echo "fsync = off"
        echo "log_line_prefix = '%m [%p] %q%u@%d '"
        for setting in "$@"; do
            echo "${setting%%=*} = '${setting#*=}'"
        done
    } >>"$dir/data/postgresql.conf"
    start_server
    ;;
restart)
    dir=$(cd "$dir" && pwd)
    bin=$(cat "$dir/bin")
    port=$(sed -n 's/^PGPORT=//p' "$dir/env")
    as_server "$bin/pg_ctl" -D "$dir/data" -s -w -t 60 -l "$dir/log" -o "-p $port" start >/dev/null 2>&1
    ;;
stop)
    [ -e "$dir/bin" ] || { rm -rf "$dir"; exit 0; }
    dir=$(cd "$dir" && pwd)
    bin=$(cat "$dir/bin")
    as_server "$bin/pg_ctl" -D "$dir/data" -s -w -t 60 -m immediate stop >/dev/null 2>&1 || true
    rm -rf "$dir"
    ;;
*)
    echo "usage: pg_cluster.sh start|stop|restart DIR" >&2
    exit 64
    ;;
esac
