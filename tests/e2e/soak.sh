#!/usr/bin/env bash
# soak.sh [MINUTES [SEED]] - random operations against a real service and PostgreSQL, for as long as is wanted: writes, backups,
# restores, holds, policy changes, steps of the clock, collections, kill -9 of service and workers, workers that stand still for
# longer than anybody waits, a full disk, a store that does not list. What each recovery point must hold is kept outside the
# vault. After every round: no job is left unfinished, no process is left alone, the service has not grown, nothing has gone
# before its time; and now and then that the vault is whole and that points restore.
# SOAK_MINUTES and SOAK_SEED say the same ("make soak"). The same seed makes the same choices; processes take their own time.
# shellcheck source=../support/harness.sh
. "${BASH_SOURCE%/*}/../support/harness.sh"

minutes=${1:-${SOAK_MINUTES:-60}}
seed=${2:-${SOAK_SEED:-$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')}}
RANDOM=$seed
until=$(($(date +%s) + minutes * 60))
note "$minutes minutes, seed $seed: SOAK_MINUTES=$minutes SOAK_SEED=$seed make soak"

RSS_MOST=$((300 * 1024)) # KB
SETTLES=90               # seconds until every job has ended

clock_start '2030-01-01T12:00:00Z'
printf '%s\n' 'archive_compression_level = 3' 'max_jobs = 3' >>"$T/config/keepgres/keepgres.conf"
pg_start pg - fsync=off
for db in shop other; do
    need createdb $db
    need sql $db -o /dev/null -c "create table orders(id int primary key, note text);
        insert into orders select i, md5(i::text) || md5((i * 3)::text) from generate_series(1, 30000) i;
        create index on orders(note); create table items(id bigserial primary key, what text);
        insert into items(what) select gen_random_uuid()::text from generate_series(1, 5000); select lo_from_bytea(0, 'large')"
done
kg_setup
need keepgres backup-vault update -v $VAULT --soft-delete-state On --soft-delete-retention 14
disk=''
if [ "$(id -u)" -eq 0 ] && mkdir "$T/disk" && mount -t tmpfs -o size=512M none "$T/disk" 2>/dev/null; then
    disk=$T/disk
    mounts+=("$T/disk")
fi

# ---- policies: how long a point stays in the vault, and whether the archive gets it ----

policy() # name, in the vault, copy option, in the archive
{
    jq --arg v "$2" --argjson c "$3" --arg a "$4" '.policyRules[0].trigger.schedule = {timeZone: "Europe/Berlin",
            repeatingTimeIntervals: ["R/2030-01-06T02:00:00/P1W"]}
        | def store($s): {objectType: "DataStoreInfoBase", dataStoreType: $s};
        .policyRules[1].lifecycles = [{deleteAfter: {objectType: "AbsoluteDeleteOption", duration: $v}, sourceDataStore: store("VaultStore"),
            targetDataStoreCopySettings: (if $c == null then [] else [{dataStore: store("ArchiveStore"), copyAfter: $c}] end)}]
            + (if $c == null then [] else [{deleteAfter: {objectType: "AbsoluteDeleteOption", duration: $a}, sourceDataStore: store("ArchiveStore"),
               targetDataStoreCopySettings: []}] end)' "$T/policy.json" >"$T/$1.json"
    need keepgres backup-policy create -n "$1" -v $VAULT --policy "$T/$1.json"
}
policy short P7D null P6M
policy long P90D null P6M
policy cold P10D '{"objectType": "CopyOnExpiryOption"}' P6M
policies=(short long cold)
POLICY_ID=$(keepgres backup-policy show -n long -v $VAULT | jq -r .id)
for db in shop other; do need kg_protect $db; done

# ---- what is known outside the vault ----

declare -A digest leaves held     # of "database point": what it holds, when it goes (epoch, 0: never), held
declare -A had                    # databases that had points: the newest always stays
declare -A states                 # of a database: what it held from when on, oldest first: "epoch:digest ..."
service_now() { echo $(($(date +%s) + $(od -An -N8 -td8 "$KG_CLOCK") / 1000000)); }
state_of()    { sums "$1" | grep -v 'items_id_seq' | sha256sum | cut -d' ' -f1; } # a sequence is outside of every snapshot
points_of()   { keepgres recovery-point list --backup-instance-name "$1" -v $VAULT --max-items 1000 2>/dev/null; }
# What a database is known to hold from now on. A backup that began before may have seen it or not.
note_state() { states[$1]+=" $(($(service_now) + 1)):$(state_of "$1")"; } # database
# held_since DATABASE EPOCH: the digests of what the database may have held from then on.
held_since()
{
    local s sure='' later=''
    for s in ${states[$1]}; do
        if [ "${s%%:*}" -le "$2" ]; then sure=${s#*:}; else later+=" ${s#*:}"; fi
    done
    echo "$sure$later"
}
states[shop]=" 0:$(state_of shop)" states[other]=" 0:$(state_of other)"
bad=0 round=0 what='the beginning' restored=0 checked=0
complain() { bad=$((bad + 1)); note "round $round (seed $seed), after $what: $1"; }

# New points hold what their database has held since their time; what has gone must have had its time.
take_stock() # database
{
    local db=$1 now id end at list was
    now=$(service_now)
    list=$(points_of "$db") || { complain "recovery points of $db cannot be listed"; return; }
    declare -A there=()
    while read -r id end at; do
        there[$id]=1
        [ -n "${digest[$db $id]:-}" ] || digest[$db $id]=$(held_since "$db" "$at")
        leaves[$db $id]=$end
    done < <(jq -r '.[] | .name + " " + ((.properties.retention.stays | map(.until[:19] + "Z" | fromdate) | max // 0) | tostring) + " " +
        (.properties.recoveryPointTime[:19] + "Z" | fromdate | tostring)' <<<"$list")
    for was in "${!digest[@]}"; do
        [ "${was% *}" = "$db" ] || continue
        [ -z "${there[${was#* }]:-}" ] || continue
        [ "${leaves[$was]}" -le "$now" ] || complain "$was has gone, though it was to stay until $(date -u -d "@${leaves[$was]}")"
        [ -z "${held[$was]:-}" ] || complain "$was has gone, though it is held"
        unset "digest[$was]" "leaves[$was]" "held[$was]"
    done
    [ ${#there[@]} -gt 0 ] || [ -z "${had[$db]:-}" ] || complain "$db has no recovery points any more"
    [ ${#there[@]} -eq 0 ] || had[$db]=1
}
unfinished() { keepgres job list -v $VAULT --max-items 1000 2>/dev/null |
               jq -r '.[] | select(.properties.status | IN("InProgress", "Queued", "Cancelling")) | .name + " " + .properties.operation'; }
settled()    { [ -z "$(unfinished)" ] && [ -z "$(kg_workers)" ]; }
# Workers of this test that are nobody's.
orphans()
{
    local service p
    service=$(kg_pid)
    grep -lsF "XDG_RUNTIME_DIR=$T/run" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3 | while read -r p; do
        grep -qsz '^worker$' "/proc/$p/cmdline" && [ "$(awk '{ print $4 }' "/proc/$p/stat" 2>/dev/null)" != "$service" ] && echo "$p"
    done
}
no_orphans() { [ -z "$(orphans)" ]; }

# ---- operations ----

any_db()    { if [ $((RANDOM % 3)) -eq 0 ]; then db=other; else db=shop; fi; }
pause()     { sleep "$(awk -v n=$((RANDOM % $1)) 'BEGIN { print n / 1000 }')"; }
any_point() # of $db; sets point
{
    local all=()
    mapfile -t all < <(points_of "$db" | jq -r '.[] | select(.properties.recoveryPointState == "Completed" and
        (.properties.recoveryPointDataStoresDetails | any(.type == "VaultStore"))) | .name')
    point=''
    [ ${#all[@]} -eq 0 ] || point=${all[RANDOM % ${#all[@]}]}
}
write()
{
    any_db
    need sql $db -c "update orders set note = md5(note) where id % $((20 + RANDOM % 50)) = 1; delete from items where id % 17 = $((RANDOM % 17));
                     insert into items(what) select gen_random_uuid()::text from generate_series(1, $((RANDOM % 3000)))"
    note_state $db
}
backup()   { any_db; timeout 120 keepgres backup-instance adhoc-backup -n $db -v $VAULT --rule-name $RULE --wait >"$T/tmp/op" 2>&1; }
# The schedule may have been faster.
good_backup()
{
    local _
    for _ in 1 2 3; do
        backup && return 0
        grep -qE 'is in progress|is in use by a task|being deleted' "$T/tmp/op" || break
        wait_for $SETTLES settled
    done
    complain "a backup failed: $(tail -n 3 "$T/tmp/op")"
}
restore_of() # database point
{
    local got
    sql postgres -c 'drop database if exists back' 2>/dev/null
    [ -n "${digest[$1 $2]:-}" ] || take_stock "$1" # the schedule made it a moment ago
    if ! kg_restore "$1" "$2" back >"$T/tmp/op" 2>&1; then
        grep -q 'is being deleted' "$T/tmp/op" || complain "point $2 of $1 does not restore: $(tail -n 3 "$T/tmp/op")"
    elif got=$(state_of back) && ! grep -qwF "$got" <<<"${digest[$1 $2]:-}"; then
        complain "point $2 of $1 restores to $got, not to what was backed up: ${digest[$1 $2]:-}; all were${states[$1]}"
    fi
    restored=$((restored + 1))
    sql postgres -c 'drop database if exists back' 2>/dev/null
}
restore()  { any_db; any_point; [ -z "$point" ] || restore_of $db "$point"; }
archived() # a restore of what is in the archive only
{
    local id
    any_db
    id=$(points_of "$db" | jq -r '[.[] | select(.properties.recoveryPointDataStoresDetails | map(.type) == ["ArchiveStore"])][0].name // empty')
    [ -n "$id" ] || return 0
    change recovery-point rehydrate -n $db --recovery-point-id "$id" --wait || return 0
    restore_of $db "$id"
}
repolicy() { any_db; change backup-instance update-policy -n $db --policy-id "${policies[RANDOM % 3]}"; }
hold()
{
    any_db; any_point
    [ -n "$point" ] || return 0
    if [ -n "${held[$db $point]:-}" ]; then
        keepgres recovery-point release -n $db -v $VAULT --recovery-point-id "$point" >/dev/null 2>&1 && unset "held[$db $point]"
    elif keepgres recovery-point hold -n $db -v $VAULT --recovery-point-id "$point" --reason soak >/dev/null 2>&1; then
        held[$db $point]=1
    fi
}
step()     { clock_to "@$(($(service_now) + 3600 * (1 + RANDOM % 400)))"; sleep 2; }
collect()
{
    timeout 120 keepgres vault collect -v $VAULT >"$T/tmp/op" 2>&1 || grep -q 'is being collected' "$T/tmp/op" ||
        complain "a collection failed: $(tail -n 3 "$T/tmp/op")"
}
sync_it()  { any_db; timeout 60 keepgres backup-instance sync -n $db -v $VAULT >"$T/tmp/op" 2>&1 || grep -q "is in progress" "$T/tmp/op" ||
             complain "$db is not synchronized: $(tail -n 3 "$T/tmp/op")"
             [ "$(jq '.lost | length' "$T/tmp/op" 2>/dev/null || echo 0)" = 0 ] || complain "the vault of $db has lost points"; }
# What an operation says no to while a job of the same instance runs, it is asked again when that has ended.
change() # arguments of keepgres
{
    local _
    for _ in 1 2 3 4 5; do
        timeout 60 keepgres "$@" -v $VAULT >"$T/tmp/op" 2>&1 && return 0
        grep -qE 'is in progress|is in use by a task|being deleted' "$T/tmp/op" || break
        wait_for $SETTLES settled
    done
    complain "$*: $(tail -n 3 "$T/tmp/op")"
    return 1
}
has_held() { local was; for was in "${!held[@]}"; do [ "${was% *}" != "$1" ] || return 0; done; return 1; }
# Protection stops, or the instance is deleted; time goes by; then it is as before.
stopped()
{
    any_db
    change backup-instance "$([ $((RANDOM % 2)) -eq 0 ] && echo stop-protection || echo suspend-backup)" -n $db || return 0
    step
    change backup-instance resume-protection -n $db
}
deleted()
{
    any_db
    has_held $db && return 0
    change backup-instance delete -n $db --yes || return 0
    clock_to "@$(($(service_now) + 3600 * (1 + RANDOM % 200)))" # less than the days of soft delete
    sleep 2
    change backup-instance deleted-backup-instance undelete -n $db
    change backup-instance resume-protection -n $db
}
# Something begins, and somebody dies in the middle of it.
begin()
{
    local which=$((RANDOM % 3))
    any_db; any_point
    case $which in
    0) kg_restore $db "${point:-none}" back >/dev/null 2>&1 & ;;
    1) keepgres vault collect -v $VAULT >/dev/null 2>&1 & ;;
    *) backup & ;;
    esac
    client=$!
}
victim_worker() { kg_workers | head -n 1; }
kill_one() # service or worker
{
    local pid='' _
    begin
    pause 700
    for _ in $(seq 50); do
        if [ "$1" = service ]; then pid=$(kg_pid); else pid=$(victim_worker); fi
        [ -z "$pid" ] && [ -d /proc/$client ] || break
        sleep 0.02
    done
    [ -z "$pid" ] || kill -9 "$pid" 2>/dev/null
    wait $client
    sql postgres -c 'drop database if exists back' 2>/dev/null
}
kill_service() { kill_one service; }
kill_worker()  { kill_one worker; }
# A worker stands still while days go by, and a collection comes past.
stand_still()
{
    local stopped _
    backup &
    client=$!
    for _ in $(seq 100); do stopped=$(kg_workers); [ -z "$stopped" ] || break; sleep 0.02; done
    pause 400
    # shellcheck disable=SC2086 # a list
    [ -z "$stopped" ] || kill -STOP $stopped 2>/dev/null
    clock_to "@$(($(service_now) + 86400 * (2 + RANDOM % 5)))"
    timeout 30 keepgres vault collect -v $VAULT >/dev/null 2>&1
    # shellcheck disable=SC2086 # a list
    [ -z "$stopped" ] || kill -CONT $stopped 2>/dev/null
    wait $client
}
full_disk()
{
    local free
    [ -n "$disk" ] || return 0
    free=$(df --output=avail -k "$disk" | tail -n 1)
    head -c $(((free > 300 ? free - RANDOM % 300 : 0) * 1024)) /dev/zero >"$disk/ballast" 2>/dev/null
    backup
    timeout 60 keepgres vault collect -v $VAULT >/dev/null 2>&1
    rm -f "$disk/ballast"
}
# A service some of whose steps fail: the one after it must find all in order.
faulty()
{
    local faults=(store.list store.list store.get store.put store.delete store.sync catalog.commit engine.commit vault.swept) _
    kg_stop
    KG_FAULT=${faults[RANDOM % ${#faults[@]}]}:$((1 + RANDOM % 8)):$([ $((RANDOM % 3)) -eq 0 ] && echo kill || echo EIO) \
        keepgres serve >>"$T/tmp/serve.log" 2>&1 &
    disown
    for _ in $(seq 100); do [ -n "$(kg_pid)" ] && break; sleep 0.02; done
    backup
    timeout 60 keepgres vault collect -v $VAULT >/dev/null 2>&1
    kg_stop
}

# The vault lies on the small disk, when there is one.
if [ -n "$disk" ]; then
    dir=$(kg_vault_dir)
    kg_stop
    mv "$dir" "$disk/vault" && ln -s "$disk/vault" "$dir"
fi

operations=(write write write backup backup backup restore restore step step repolicy hold collect sync_it archived stopped deleted
            kill_service kill_worker kill_worker stand_still full_disk faulty)
declare -A did=()
invariants()
{
    local rss pid
    wait_for $SETTLES settled || complain "after $SETTLES seconds not settled: $(unfinished | head -n 5 | tr '\n' ';') workers: $(kg_workers | tr '\n' ' ')"
    wait_for 35 no_orphans || complain "left alone: $(orphans | tr '\n' ' ')"
    pid=$(kg_pid)
    rss=$(awk '/^VmRSS/ { print $2 }' "/proc/${pid:-none}/status" 2>/dev/null)
    [ "${rss:-0}" -le $RSS_MOST ] || complain "the service has $rss KB"
    take_stock shop
    take_stock other
    if [ $((round % 8)) -eq 0 ]; then
        checked=$((checked + 1))
        run keepgres vault check -v $VAULT --read-data
        [ "$(fact healthy)" = true ] || complain "the vault is not whole: $(cut -c1-300 <<<"$out$err" | head -n 5)"
    fi
}
take_stock shop
take_stock other
for ((round = 1; $(date +%s) < until; round++)); do
    what=${operations[RANDOM % ${#operations[@]}]}
    did[$what]=$((${did[$what]:-0} + 1))
    case $what in
    backup) good_backup ;;
    *) $what ;;
    esac
    invariants
    [ $bad -lt 20 ] || break
done

# ---- in the end everything that is there restores ----

what='everything'
note "$((round - 1)) rounds"
clock_left=$(service_now)
good_backup
for pair in "${!digest[@]}"; do
    points_of "${pair% *}" | jq -e --arg p "${pair#* }" 'any(.[]; .name == $p and (.properties.recoveryPointDataStoresDetails | any(.type == "VaultStore")))' >/dev/null &&
        restore_of "${pair% *}" "${pair#* }"
done
collect
invariants
note "$(for op in "${!did[@]}"; do echo "$op ${did[$op]}"; done | sort | tr '\n' ',')" "$restored restores compared, $checked checks, the clock came to $(date -u -d "@$clock_left" +%F)"
is "nothing was lost, left or broken (seed $seed)" $bad 0
vault_is_healthy "every byte of vault and archive is right" --read-data
finish
