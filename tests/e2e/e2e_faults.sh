#!/usr/bin/env bash
# Every step that can fail is made to fail, and to die, while a backup and two restores run through service and worker.
# What was reported as done must be there; what was not must have said why; the next backup must work by itself.
# shellcheck source=../support/harness.sh
. "${BASH_SOURCE%/*}/../support/harness.sh"

pg_start
need createdb shop
need sql shop -o /dev/null -c "create table orders(id int primary key, note text);
                  insert into orders select i, md5(i::text) from generate_series(1, 2000) i;
                  create sequence s; select nextval('s'); select lo_from_bytea(0, 'large');
                  create role gone login; alter table orders owner to gone"
kg_setup
need kg_protect shop
need kg_backup shop
need kg_restore_files shop "$(kg_newest shop)" first
base=$(kg_newest shop)
# The base has an owner whom a restore has to make.
need sql shop -c 'alter table orders owner to postgres' -c 'drop role gone'
sums shop >"$T/shop.sums"
need keepgres service stop

# A service that has the fault in its environment, and hands it to its workers.
serve_with()
{
    KG_FAULT=$1 keepgres serve >>"$T/tmp/serve.log" 2>&1 &
    server=$!
    for _ in $(seq 100); do
        [ -n "$(kg_pid)" ] && return 0
        [ -d /proc/$server ] || return 1
        sleep 0.02
    done
    return 1
}

points=$(sed -n 's/^KG_FP([A-Z_]*, *"\([a-z_.]*\)").*/\1/p' "$TOP/src/base/fault_points.def")
hit=0 ran=0
for point in $points; do
    complaints=''
    complain() { complaints+="$1"$'\n'; }
    for how in 1:EIO 1:kill 3:ENOSPC 4:kill; do
        case $how/$point in 3:*/store.* | 3:*/catalog.* | 3:*/files.*) ;; 3:*) continue ;; esac # where a disk can be full
        ran=$((ran + 1))
        fault=$point:$how
        before=$(find "$T/data" -path '*/points/*' -type f | wc -l)
        # Without something new a backup has nothing to store.
        sql shop -c "insert into orders values ($((10000 + ran)), md5('$fault'))"
        # A service that cannot start with the fault has met it; its clients start the one without.
        met=0
        serve_with "$fault" || met=1
        run kg_backup shop
        backup=$status
        if [ $backup -ne 0 ]; then
            met=1
            [ -n "$err" ] || complain "$fault: the backup failed without a word"
        fi
        run kg_restore shop "$base" back --roles create
        [ "$fault" != restore.roles:1:EIO ] || [ "$(sql postgres -c "select count(*) from pg_roles where rolname = 'gone'")" = 0 ] ||
            complain "$fault: a role was left"
        if [ $status -ne 0 ]; then
            met=1
            [ -n "$err" ] || complain "$fault: the restore failed without a word"
            [ "$(sql postgres -c "select count(*) from pg_database where datname = 'back'")" = 0 ] || {
                cmp -s "$T/shop.sums" <(sums back) || complain "$fault: a restore that failed left a wrong database"
            }
        else
            cmp -s "$T/shop.sums" <(sums back) || complain "$fault: the restored database is not the source"
        fi
        sql postgres -c 'drop database if exists back' -c 'drop role if exists gone' 2>/dev/null
        run kg_restore_files shop "$base" again
        if [ $status -eq 0 ]; then
            cmp -s "$T/files/dumps/first.dump" "$T/files/dumps/again.dump" || complain "$fault: the restored archive is another one"
        else
            [ ! -e "$T/files/dumps/again.dump" ] || (cd "$T/files/dumps" && pg_restore -l again.dump >/dev/null 2>&1) ||
                complain "$fault: a restore as files that failed left half an archive under its final name"
        fi
        rm -f "$T"/files/dumps/again*
        timeout 60 keepgres service stop >/dev/null 2>&1
        wait $server 2>/dev/null
        hit=$((hit + met))
        after=$(find "$T/data" -path '*/points/*' -type f | wc -l)
        [ $backup -ne 0 ] || [ "$after" -gt "$before" ] || complain "$fault: the backup said it was done, and there is no point"
    done
    run kg_backup shop
    [ $status -eq 0 ] || complain "after $point: the next backup fails: $err"
    run keepgres vault check -v $VAULT
    [ "$(fact healthy)" = true ] || complain "after $point: the vault is not healthy: $out$err"
    [ "$(kg_points shop | wc -l)" = "$(find "$T/data" -path '*/points/*' -type f | wc -l)" ] ||
        complain "after $point: the catalog knows $(kg_points shop | wc -l) points, the vault has $(find "$T/data" -path '*/points/*' -type f | wc -l)"
    [ "$(keepgres job list -v $VAULT | jq '[.[] | select(.properties.status == "InProgress")] | length')" = 0 ] ||
        complain "after $point: a job is left InProgress"
    need keepgres service stop
    is "a fault at $point loses nothing" "$complaints" ''
done
note "$ran faults armed, $hit of them met"
check "most faults were met" [ $hit -gt $((ran / 2)) ]
succeeds "the first point is restored" kg_restore shop "$base" last
same_file "and is the source" "$T/shop.sums" <(sums last)
vault_is_healthy "every byte of the vault is right" --read-data
finish
