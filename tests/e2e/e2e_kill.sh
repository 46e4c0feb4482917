#!/usr/bin/env bash
# e2e_kill.sh [KILLS [SEED]] - kill -9 of the service, a worker, pg_dump and PostgreSQL's own processes at random moments
# of backups and restores. After every round nothing may be left running, and whatever was reported as done must be there;
# now and then, and at the end, a backup and a restore must work without anybody's help and the vault be healthy.
# shellcheck source=../support/harness.sh
. "${BASH_SOURCE%/*}/../support/harness.sh"

kills=${1:-52}
seed=${2:-$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')}
RANDOM=$seed
note "$kills kills, seed $seed: ${BASH_SOURCE##*/} $kills $seed"

pg_start
need createdb shop
need sql shop -c "create table orders(id int primary key, note text, at timestamptz default now());
                  insert into orders select i, md5(i::text) || md5((i * 3)::text) || repeat('x', 60) from generate_series(1, 250000) i;
                  create index on orders(note);
                  create table items(id int primary key, o int references orders, what text);
                  insert into items select i, 1 + i % 250000, 'item ' || i from generate_series(1, 150000) i" -o /dev/null
kg_setup
need kg_protect shop
need kg_backup shop
sums shop >"$T/base.sums"
base=$(kg_newest shop)
milliseconds() { date +%s%3N; }
begin=$(milliseconds); need kg_restore shop "$base" r; restore_takes=$(($(milliseconds) - begin))
need dropdb r
change() { need sql shop -c "update orders set note = md5(note) || note where id % 40 = $round % 40"; }
round=0
change
begin=$(milliseconds); need kg_backup shop; backup_takes=$(($(milliseconds) - begin))
note "undisturbed, a backup takes $backup_takes ms and a restore $restore_takes"

pause() { sleep "$(awk -v n=$((RANDOM % $1)) 'BEGIN { print n / 1000 }')"; }
gone()  # PID…: true when all have ended within ten seconds
{
    local p
    for _ in $(seq 200); do
        for p in "$@"; do [ ! -d "/proc/$p" ] || { sleep 0.05; continue 2; }; done
        return 0
    done
    return 1
}
wait_for() { for _ in $(seq 100); do "$@" && return 0; sleep 0.02; done; return 1; }
pg_up()    { wait_for sql postgres -o /dev/null -c 'select 1' 2>/dev/null || pg_restart; }

victim_service() { kg_pid; }
victim_worker()  { kg_workers | shuf -n 1 --random-source=<(yes $RANDOM); }
victim_pg_dump() { local w; for w in $(kg_workers); do ps -o pid=,comm= --ppid "$w"; done | awk '$2 ~ /^pg_/ { print $1; exit }'; }
victim_backend() { sql postgres -c "select pid from pg_stat_activity where backend_type = 'client backend'
                                    and pid <> pg_backend_pid() order by md5(pid || '$RANDOM') limit 1" 2>/dev/null; }

# One round: starts a backup or a restore, waits until the victim lives, kills it a random moment later.
done_backups=0 killed_service=0 killed_worker=0 killed_pg_dump=0 killed_backend=0 bad=0
complain() { bad=$((bad + 1)); note "round $round, $what, $victim after it: $1"; }
round_of()
{
    local pid='' client code workers takes
    if [ $what = backup ]; then kg_backup shop >"$T/tmp/client" 2>&1 &
    else kg_restore shop "$base" r >"$T/tmp/client" 2>&1 & fi
    client=$!
    takes=${what}_takes
    [ $victim = pg_dump ] || pause $((${!takes} * 9 / 10))
    while [ -d /proc/$client ]; do
        pid=$(victim_$victim)
        [ -z "$pid" ] || break
        sleep 0.01
    done
    workers=$(kg_workers)
    if [ -n "$pid" ] && kill -9 "$pid" 2>/dev/null; then
        eval "killed_$victim=\$((killed_$victim + 1))"
    fi
    wait $client
    code=$?
    [ $victim != backend ] || pg_up
    # shellcheck disable=SC2086 # a list
    [ -z "$workers" ] || gone $workers || complain "worker $workers still runs"
    if [ $what = backup ]; then
        [ $code -ne 0 ] || done_backups=$((done_backups + 1))
    else
        local there
        there=$(sql postgres -c "select count(*) from pg_database where datname = 'r'")
        [ $code -ne 0 ] || [ "$there" = 1 ] || complain "the restore said it was done, and there is no database"
        if [ "$there" = 1 ]; then
            cmp -s "$T/base.sums" <(sums r) || complain "the restored database is not the source"
            need dropdb r
        fi
    fi
}
works_again()
{
    local point
    succeeds "after $1 kills a backup succeeds" kg_backup shop
    point=$(kg_newest shop)
    succeeds "after $1 kills a restore succeeds" kg_restore shop "$point" r
    same_file "after $1 kills it is the source" <(sums shop) <(sums r)
    sql postgres -c 'drop database if exists r'
    vault_is_healthy "after $1 kills the vault is healthy"
    done_backups=$((done_backups + 1))
}

victims=(service worker pg_dump backend)
killed=0
for ((round = 1; killed < kills && round <= 3 * kills; round++)); do
    victim=${victims[round % 4]}
    what=backup
    [ $((RANDOM % 3)) -ne 0 ] || what=restore
    change
    round_of
    killed=$((killed_service + killed_worker + killed_pg_dump + killed_backend))
    [ $((round % 25)) -ne 0 ] || works_again $killed
done
works_again $killed

is "no round left anything running or half done" $bad 0
note "killed: service $killed_service, worker $killed_worker, pg_dump or pg_restore $killed_pg_dump, PostgreSQL $killed_backend"
check "so many were killed" [ $killed -ge $kills ]
check "every backup that was reported has its point" [ "$(kg_points shop | wc -l)" -gt $done_backups ]
is "no job is left InProgress" "$(keepgres job list -v $VAULT | jq '[.[] | select(.properties.status == "InProgress")] | length')" 0
# A statement of a killed restore's may still be running in the server; its database goes with the restore after it.
for _ in $(seq 100); do
    [ "$(sql postgres -c "select count(*) from pg_stat_activity where application_name like 'keepgres%'")" != 0 ] || break
    sleep 0.1
done
succeeds "the first point is restored" kg_restore shop "$base" r
same_file "and is what the database was then" "$T/base.sums" <(sums r)
is "no database is left of a killed restore" \
   "$(sql postgres -c "select string_agg(datname, ' ') from pg_database where datname not in ('postgres', 'template0', 'template1', 'shop', 'r')")" ''
vault_is_healthy "every byte of the vault is right" --read-data
finish
