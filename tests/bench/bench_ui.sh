#!/usr/bin/env bash
# bench_ui.sh KEEPGRES - how quick and how quiet the portal is, with 100,000 jobs in the catalog. Each line says what it should be;
# fails when one is missed.
KEEPGRES=$(realpath "$1")
# shellcheck source=../support/harness.sh
. "${BASH_SOURCE%/*}/../support/harness.sh"
pty="$TOP/tests/bench/portal_pty.py"
measure() { python3 "$pty" "$KEEPGRES" "$@" || { echo "Bail out! $*"; exit 1; }; }
at_most_f() { check "$1: $2, at most $3" awk "BEGIN { exit !($2 <= $3) }"; }

pg_start pg
kg_setup
need createdb big
need sql big -c "create table t as select i, repeat(md5(i::text), 8) v from generate_series(1, 300000) i"
need kg_protect big
need kg_backup big
need keepgres service stop
need python3 -c "
import sys
sys.path.insert(0, '$TOP/tests/bench')
import bench_jobs
bench_jobs.fill('$T/state/keepgres/catalog.sqlite', 100000)"
need keepgres group list
read -r median worst < <(measure start 9 backup-vaults Succeeded)
at_most_f "start to the first page, ms (median; worst $worst)" "$median" 150
read -r median p99 n < <(measure keys 300 backup-jobs 'rows' j j j '\x04' k '\x15' G g ' ' '\x1b[6~')
at_most_f "a key to its picture, ms (p99 of $n; median $median)" "$p99" 30
read -r sent _ < <(measure bytes 8 backup-vaults Succeeded)
at_most_f "bytes sent in 8 s while nothing happens" "$sent" 0
read -r mib < <(measure memory backup-jobs 'rows' G G G G G G G G G G)
at_most_f "memory, MiB" "$mib" 32
keepgres backup-policy update -n weekly -v $VAULT --rate-limit 8 >/dev/null
sql big -q -c "update t set v = v || 'x'"
kg_backup big >/dev/null 2>&1 &
for _ in $(seq 100); do [ "$(keepgres job list -v $VAULT | jq -r '.[0].properties.status')" = InProgress ] && break; sleep 0.1; done
read -r _ rate < <(measure bytes 5 backup-jobs 'In progress')
at_most_f "bytes a second while a job runs" "$rate" 2048
wait
finish
