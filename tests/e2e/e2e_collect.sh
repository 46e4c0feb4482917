#!/usr/bin/env bash
# Space comes back, and nothing else goes: beside backups, restores and other machines' collections, over kills, with workers
# that stand still for longer than anybody waits.
# shellcheck source=../support/harness.sh
. "${BASH_SOURCE%/*}/../support/harness.sh"

pg_start
for db in shop other; do need createdb $db; done
need sql shop -c "create table orders as select i as id, md5(i::text) || md5((i * 3)::text) as note from generate_series(1, 20000) i"
need sql other -c "create table big as select i as id, gen_random_uuid() as a, gen_random_uuid() as b from generate_series(1, 60000) i"
sums other >"$T/other.sums"
kg_setup
vault=$(kg_vault_dir)

# shellcheck disable=SC2120 # by way of "succeeds" and "fails"
collect()     { keepgres vault collect -v $VAULT "$@"; }
report()      { jq -r "$1" <<<"$out"; }
in_vault()    { find "$vault/$1" -type f 2>/dev/null | wc -l; }
forget()      { keepgres backup-instance delete -n "$1" -v $VAULT --yes; }
pictures()    { (cd "$vault" && find . -type f -printf '%p %s %T@\n' -exec sha256sum {} + | sort); }
drop()        { sql postgres -c "drop database if exists $1" 2>/dev/null; }
restores() # what is said, instance, its newest point's sums
{
    succeeds "$1: the restore" kg_restore "$2" "$(kg_newest "$2")" back
    same_file "$1: what comes back is what went in" "$3" <(sums back)
    drop back
}

# A backup or a restore that stands still in the middle: its worker is stopped when it has made itself known in the vault.
begin() # command…
{
    local service
    need keepgres service status
    service=$(kg_pid)
    "$@" >"$T/tmp/begun" 2>&1 &
    begun=$!
    for _ in $(seq 1000); do
        compgen -G "$vault/writers/*" >/dev/null && break
        sleep 0.005
    done
    stopped=$(pgrep -P "$service" -f worker)
    # shellcheck disable=SC2086 # a list
    kill -STOP $stopped
    check "$1 has begun and stands still" [ "$(in_vault writers)" -eq 1 ]
}
go_on() # the exit code of what was begun
{
    # shellcheck disable=SC2086 # a list
    kill -CONT $stopped
    wait $begun
}

# ---- what went is given back, what stays is whole ----

need kg_protect shop
need kg_protect other
declare -A sums_of
for round in 1 2 3; do
    need sql shop -c "update orders set note = md5(note) where id % 10 = $round; insert into orders select 100000 * $round + i, 'new' from generate_series(1, 500) i"
    need kg_backup shop
    sums shop >"$T/shop.$round"
    sums_of[$(kg_newest shop)]=$T/shop.$round
done
need kg_backup other
succeeds "with nothing to collect a collection succeeds" collect
is "and deletes nothing" "$(report .deletedPacks)" 0
need forget other
bytes=$(kg_vault_bytes)
pictures >"$T/before"
succeeds "a dry run succeeds" collect --dry-run
isnt "and tells what would go" "$(report .deadPacks)" 0
like "in words, too" "$err" '[0-9]+ packs? \(.*\) would be deleted'
dead=$(report .deadBytes)
same_file "and changes nothing in the vault" "$T/before" <(pictures)
succeeds "the collection succeeds" collect
like "and says what it gave back" "$err" '[0-9]+ packs? \(.*\) deleted'
check "that is what the dry run told, or more" [ "$(report .freedBytes)" -ge "$dead" ]
freed=$(($(report .freedBytes) - $(report .rewrittenBytes)))
at_most "the vault is smaller by it" "$(kg_vault_bytes)" $((bytes - freed + 100000))
for point in "${!sums_of[@]}"; do
    need kg_restore shop "$point" back
    same_file "the point of ${sums_of[$point]##*/} comes back as it was" "${sums_of[$point]}" <(sums back)
    drop back
done
vault_is_healthy "and the vault is healthy" --read-data
succeeds "once more" collect
is "there is nothing more to delete" "$(report .deletedPacks)" 0
is "and nothing is left of the collections" "$(($(in_vault doomed) + $(in_vault writers) + $(in_vault locks)))" 0

# ---- a backup that counts on what is collected, and stands still ----

need kg_protect other
need kg_backup other
need forget other
need kg_protect other
begin kg_backup other
touch -d '20 days ago' "$vault"/writers/* # who can be asked is not old
succeeds "beside a backup that stands still a collection succeeds" collect
is "and deletes nothing" "$(report .deletedPacks)" 0
is "it waits for the backup" "$(report '.waitingFor[0].what')" backup
like "and says so" "$err" "waiting for: backup on '.*' since"
is "what is to go is marked" "$(in_vault doomed)" 1
go_on
is "the backup goes on and succeeds" $? 0
restores "the backup that a collection met" other "$T/other.sums"
succeeds "the next collection goes on" collect
is "nothing is left to wait for" "$(report '.waitingFor | length')" 0
restores "after that, too" other "$T/other.sums"
vault_is_healthy "and the vault is healthy" --read-data

# ---- a restore of what is being deleted ----

need sql postgres -c "create database copy template other"
need kg_protect copy
need sql copy -c "update big set a = gen_random_uuid()"
need kg_backup copy
sums copy >"$T/copy.sums"
begin kg_restore copy "$(kg_newest copy)" back
rm -f "$vault"/points/*/"$(kg_newest copy)" # as a second service does it whose instance is deleted
fails "points that the service knows and the vault has not stop a collection" 'has lost it' collect
go_on
same_file "a restore that has begun ends well" "$T/copy.sums" <(sums back)
drop back
need forget copy

# ---- points that are not there ----

mv "$vault/points" "$T/points"
before=$(in_vault packs)
fails "a vault whose points are elsewhere is not collected" 'has lost it' collect
like "and what to do is said" "$err" 'Bring back what is missing'
is "not a pack is deleted" "$(in_vault packs)" "$before"
mv "$T/points" "$vault/points"
succeeds "with them back it is" collect

# ---- kill -9 in the middle ----

with_fault() { keepgres service stop >/dev/null; KG_FAULT=$1 collect; }
need sql other -c "update big set b = gen_random_uuid()"
for fault in store.put:1:kill vault.doom:1:kill store.list:14:kill vault.sweep:1:kill vault.swept:1:kill store.delete:4:kill; do
    need kg_protect copy
    need sql copy -c "update big set b = gen_random_uuid() where id < 10000"
    need kg_backup copy
    need forget copy
    run with_fault $fault
    need keepgres service stop
    [ $status -ne 0 ] || not_ok "the collection that was killed at $fault failed" "$out"
    succeeds "after a kill at $fault the next collection succeeds" collect
    is "and leaves nothing behind" "$(($(in_vault doomed) + $(in_vault writers) + $(in_vault locks)))" 0
done
is "nothing more can go" "$(keepgres vault collect -v $VAULT --dry-run 2>/dev/null | jq .deadPacks)" 0
restores "after the kills" other "$T/other.sums"
vault_is_healthy "and the vault is healthy" --read-data

# ---- another machine with the same vault ----

# there FAULT: a collection by a copy of this service, in a world of process numbers and with a host name of its own.
# shellcheck disable=SC2016 # for the inner shell
there()
{
    XDG_RUNTIME_DIR=$T/run2 XDG_STATE_HOME=$T/state2 KG_FAULT=$1 unshare --pid --fork --kill-child --mount-proc --uts sh -c '
        hostname elsewhere
        keepgres serve >"$2" 2>&1 &
        for i in $(seq 100); do [ -S "$XDG_RUNTIME_DIR/keepgres/api.sock" ] && break; sleep 0.05; done
        keepgres vault collect -v "$1"
        code=$?
        timeout 20 keepgres service stop --now >/dev/null 2>&1
        exit $code' sh $VAULT "$T/tmp/elsewhere.log"
}
if [ "$(id -u)" -eq 0 ] && unshare --pid --fork --mount-proc --uts true 2>/dev/null; then
    need kg_protect copy
    need kg_backup copy
    need forget copy
    need keepgres service stop
    mkdir -m 700 "$T/run2"
    cp -a "$T/state" "$T/state2"
    need kg_protect copy
    begin kg_backup copy
    succeeds "another machine's collection beside a backup here succeeds" there ''
    is "it waits" "$(report '.waitingFor[0].elsewhere')" true
    like "and says how it can be told that this machine has gone" "$err" 'waited for 14 days.*--take-over'
    touch -d '15 days ago' "$vault"/writers/*
    succeeds "after 14 days it waits no more" there ''
    isnt "and deletes" "$(report .deletedPacks)" 0
    points=$(in_vault points)
    go_on
    isnt "the backup that stood still for so long fails" $? 0
    like "and says why" "$(cat "$T/tmp/begun")" 'was collected while this machine stood still'
    is "it made no point" "$(in_vault points)" "$points"
    vault_is_healthy "the vault is healthy" --read-data
    succeeds "started again the backup succeeds" kg_backup copy
    sums copy >"$T/copy.sums"
    restores "then" copy "$T/copy.sums"
    need forget copy

    # It dies in the middle and never comes back.
    there vault.sweep:1:kill >/dev/null 2>&1
    is "a machine that died leaves its lock" "$(in_vault locks)" 1
    fails "which is in the way" "being collected by a process on 'elsewhere' since" collect
    like "what to do is said" "$err" 'collect with --take-over'
    succeeds "--take-over takes over" collect --take-over
    is "and everything is as it should be" "$(($(in_vault doomed) + $(in_vault writers) + $(in_vault locks)))" 0
    vault_is_healthy "the vault is healthy" --read-data
    restores "after all that" other "$T/other.sums"
else
    skip "another machine" "needs root, for process numbers of its own"
fi
finish
