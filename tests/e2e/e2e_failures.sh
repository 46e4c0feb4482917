#!/usr/bin/env bash
# Everything that goes wrong is named, with advice; nothing of it leaves a recovery point, and none of it needs a hand
# before the next backup works.
# shellcheck source=../support/harness.sh
. "${BASH_SOURCE%/*}/../support/harness.sh"

pg_start
need createdb shop
need sql shop -c "create table orders(id int primary key, note text);
                  insert into orders select i, md5(i::text) || repeat(md5((i * 7)::text), 20) from generate_series(1, 30000) i;
                  create table small(id int); insert into small select generate_series(1, 100);
                  select lo_from_bytea(0, decode(repeat('beef', 1000), 'hex')) from generate_series(1, 20)" -o /dev/null
kg_setup
succeeds "protection is configured" kg_protect shop

# The reason in $err, the advice behind "fix:", and the job Failed.
job_failed() # name, regex
{
    local job
    job=$(keepgres job list -v $VAULT | jq -c 'sort_by(.properties.startTime) | last.properties')
    is "$1: the job is Failed" "$(jq -r .status <<<"$job")" Failed
    like "$1: the job says why" "$(jq -c .errorDetails <<<"$job")" "$2"
    like "$1: and what to do" "$(jq -c '[.errorDetails[].recommendedAction] | flatten | join(" ")' <<<"$job")" '[A-Za-z]{3,}'
    check "$1: there is no recovery point" no_points shop
}
set_login() { printf '%s' "$1" | need keepgres keyvault secret set -v $KV -n login --value-stdin; }

# ---- the secret ----

set_login "Server=127.0.0.1;Port=$PGPORT;User Id=backup;Password=wrong;Ssl Mode=Disable;"
fails "a wrong password" '[Pp]assword|auth' kg_backup shop
job_failed "a wrong password" 'UserErrorDBUserAuthFailed'
set_login "this is not a connection string"
fails "a secret in another format" '[Ss]ecret|connection string' kg_backup shop
job_failed "a secret in another format" 'UserErrorSecretValueInUnsupportedFormat'
need keepgres keyvault secret delete -v $KV -n login --yes
fails "a secret that is gone" '[Ss]ecret' kg_backup shop
job_failed "a secret that is gone" 'UserErrorInvalidSecret'
set_login "$(connection)"

# ---- the server ----

need sql postgres -c "alter database shop rename to elsewhere"
fails "a database that is gone" 'shop' kg_backup shop
job_failed "a database that is gone" 'UserErrorDBNotFound'
need sql postgres -c "alter database elsewhere rename to shop"
need sql postgres -c "create role reader login password 'reader'"
set_login "Server=127.0.0.1;Port=$PGPORT;User Id=reader;Password=reader;Ssl Mode=Disable;"
fails "a user without the right to read" 'orders|permission|privilege' kg_backup shop
job_failed "a user without the right to read" 'UserErrorMissingDBPermissions'
set_login "$(connection)"
need keepgres server add pg1 --host localhost --port "$PGPORT" --sslmode disable
fails "a secret that is for another server" "for server '127\.0\.0\.1', port $PGPORT, not for 'localhost'" kg_backup shop
job_failed "a secret that is for another server" 'UserErrorSecretOfAnotherServer'
set_login "User Id=backup;Password=$PASSWORD;"
need keepgres server add pg1 --host 127.0.0.1 --port 1 --sslmode disable
fails "a server that does not answer" '127\.0\.0\.1' kg_backup shop
job_failed "a server that does not answer" 'UserErrorMissingNetworkSecurityPermissions'
need keepgres server add pg1 --host 127.0.0.1 --port "$PGPORT" --sslmode require
fails "a server that does not speak TLS" 'SSL|TLS' kg_backup shop
check "a server that does not speak TLS: there is no recovery point" no_points shop
need keepgres server add pg1 --host 127.0.0.1 --port "$PGPORT" --sslmode disable
set_login "$(connection)"

# A lock that somebody holds: named after its tries, and gone when they are.
psql -X -q -d shop -c 'begin; lock table orders in access exclusive mode; select pg_sleep(8); commit' >/dev/null &
sleep 0.5
run kg_backup shop
if [ $status -eq 0 ]; then ok "a table that is locked for a while is waited for"
else like "a table that is locked is named" "$err" 'orders|lock'; fi
wait $!
[ $status -ne 0 ] || need keepgres backup-instance delete -n shop -v $VAULT --yes
[ $status -ne 0 ] || need kg_protect shop

# ---- a full disk ----

if [ "$(id -u)" -eq 0 ] && mkdir "$T/tiny" && mount -t tmpfs -o size=1M none "$T/tiny" 2>/dev/null; then
    mounts+=("$T/tiny")
    VAULT=tiny
    need keepgres backup-vault create -v $VAULT --soft-delete-state Off --store-path "$T/tiny/vault" --recovery-key-file "$T/$VAULT.key"
    need keepgres backup-policy create -n weekly -v $VAULT --policy "$T/policy.json"
    other=$POLICY_ID
    POLICY_ID=$(keepgres backup-policy show -n weekly -v $VAULT | jq -r .id)
    need createdb other
    need sql other -c "create table t as select i, gen_random_uuid(), gen_random_uuid() as b from generate_series(1, 100000) i"
    fails "a vault with hardly any room is not ready" 'the datastore has room for' kg_protect other
    need mount -o remount,size=200M "$T/tiny"
    succeeds "with room protection is configured" kg_protect other
    need mount -o remount,size=1M "$T/tiny"
    fails "a backup to a full disk does not begin" 'the datastore has room for' kg_backup other
    # It may fill up later: while the backup, past its checks, waits for a lock.
    need mount -o remount,size=200M "$T/tiny"
    psql -X -q -d other -c 'begin; lock table t in access exclusive mode; select pg_sleep(4); commit' >/dev/null &
    locker=$!
    (sleep 2; exec mount -o remount,size=1M "$T/tiny") &
    filler=$!
    fails "a full disk" '[Nn]o space' kg_backup other
    wait $locker $filler
    check "a full disk leaves no recovery point" no_points other
    vault_is_healthy "a full disk leaves a healthy vault"
    need mount -o remount,size=200M "$T/tiny"
    succeeds "with room again the next backup succeeds" kg_backup other
    succeeds "and its restore" kg_restore other "$(kg_newest other)" other_back
    same_file "which is the source" <(sums other) <(sums other_back)
    vault_is_healthy "and the vault is healthy" --read-data
    VAULT=vault1 POLICY_ID=$other
else
    skip "a full disk" "needs root, to mount a small tmpfs"
fi

# ---- restores ----

succeeds "with everything right the backup succeeds" kg_backup shop
point=$(kg_newest shop)
fails "a restore over an existing database" 'shop' kg_restore shop "$point" shop
fails "a restore of a point that is not there" 'point|found' kg_restore shop 00000000000000000000000000000000 back
fails "a restore into a container that is not there" 'container|account' \
    sh -c "keepgres backup-instance restore initialize-for-data-recovery-as-files --datasource-type $KIND --recovery-point-id $point \
           --target-blob-container-url https://nowhere.blob.local/dumps --target-file-name it >'$T/r.json' &&
           keepgres backup-instance restore trigger -n shop -v $VAULT --restore-request-object '$T/r.json' --wait"
fails "a request that is not JSON" 'JSON' keepgres backup-instance restore trigger -n shop -v $VAULT --restore-request-object '{"a":' --wait
fails "a vault that is not there" 'nothing' keepgres recovery-point list --backup-instance-name shop -v nothing
need kg_restore shop "$point" back
same_file "the good restore is the source" <(sums shop) <(sums back)
need dropdb back

# ---- damaged objects: found, named, and never restored without a word ----

dir=$(kg_vault_dir)
largest() { find "$dir/$1" -type f -printf '%s %p\n' | sort -n | tail -n 1 | cut -d' ' -f2-; }
damage() # what was done, kind of object, what the check says ("": the object's name), command that damages the object
{
    local name=$1 kind=$2 wanted=$3 object keep=$T/tmp/kept
    shift 3
    object=$(largest "$kind")
    [ -n "$object" ] || { not_ok "$name: there is an object of that kind" "$dir/$kind"; return; }
    cp -p "$object" "$keep"
    chmod u+w "$object"
    "$@" "$object"
    vault_is_damaged "$name: the check finds it and names it" "${wanted:-${object##*/}}" --read-data
    run kg_restore shop "$point" broken
    if [ $status -eq 0 ]; then
        # An object that this restore does not need; what it wrote must be exact all the same.
        same_file "$name: the restore is exact" <(sums shop) <(sums broken)
        need dropdb broken
    else
        isnt "$name: the restore says so" "$err" ''
        is "$name: and leaves no database" "$(sql postgres -c "select count(*) from pg_database where datname = 'broken'")" 0
    fi
    cp -p "$keep" "$object"
}
flip()     { python3 -c 'import sys
f = open(sys.argv[1], "r+b"); f.seek(0, 2); n = f.tell(); f.seek(n // 2); b = f.read(1); f.seek(n // 2); f.write(bytes([b[0] ^ 1]))' "$1"; }
cut_end()  { truncate -s -7 "$1"; }
cut_all()  { truncate -s 0 "$1"; }
vanish()   { rm -f "$1"; }
for kind in packs index points; do
    damage "a flipped bit in $kind" $kind '' flip
    damage "a truncated object of $kind" $kind '' cut_end
    damage "an empty object of $kind" $kind '' cut_all
done
damage "a missing pack" packs '' vanish
damage "a missing index" index 'no index object lists' vanish
damage "a missing point" points '' vanish     # to the vault alone it is a point that was deleted; the service misses it
state_of() { keepgres recovery-point show -n shop -v $VAULT --recovery-point-id "$1" | jq -r .properties.recoveryPointState; }
is "a missing point: it is shown as lost" "$(state_of "$point")" Lost
vault_is_healthy "a missing point: when it is there again, nothing is missed"
is "a missing point: and it is shown as it was" "$(state_of "$point")" Completed
damage "a flipped bit in the header" keepgres-vault 'keepgres-vault|uses a hash' flip

# A point that cannot be read is passed over and named when the vault is asked for its points, as after every failed backup.
other=$dir/points/$(find "$dir/points" -type f -printf '%P\n' | head -n 1)
cp -p "$other" "$T/tmp/kept" && chmod u+w "$other" && flip "$other"
set_login "Server=127.0.0.1;Port=$PGPORT;User Id=backup;Password=wrong;Ssl Mode=Disable;"
fails "a backup that fails makes the service look" '[Pp]assword|auth' kg_backup shop
for _ in $(seq 50); do keepgres service logs --lines 200 | grep -q "cannot be read" && break; sleep 0.1; done
like "and the unreadable point is named in the log" "$(keepgres service logs --lines 200)" "recovery point '${other##*/}'.* cannot be read"
cp -p "$T/tmp/kept" "$other"
set_login "$(connection)"

# Two objects of one kind that changed places, as a careless copy or an attacker does it.
need sql shop -c "insert into orders select i, md5(random()::text) from generate_series(30001, 60000) i"
need kg_backup shop
for kind in packs index points; do
    mapfile -t both < <(find "$dir/$kind" -type f | sort | head -n 2)
    [ ${#both[@]} -eq 2 ] || { not_ok "swapped $kind: there are two" "${both[*]}"; continue; }
    mv "${both[0]}" "$T/tmp/swap"; mv "${both[1]}" "${both[0]}"; mv "$T/tmp/swap" "${both[1]}"
    vault_is_damaged "swapped $kind: the check finds it" "$kind" --read-data
    run kg_restore shop "$(kg_newest shop)" broken
    # An index is a help, not the truth: packs carry their own directories.
    if [ $status -eq 0 ] && [ $kind = index ]; then same_file "swapped $kind: the restore is exact" <(sums shop) <(sums broken)
    else isnt "swapped $kind: the restore that needs both fails" $status 0
         is "swapped $kind: and leaves no database" "$(sql postgres -c "select count(*) from pg_database where datname = 'broken'")" 0; fi
    sql postgres -c 'drop database if exists broken' 2>/dev/null
    mv "${both[0]}" "$T/tmp/swap"; mv "${both[1]}" "${both[0]}"; mv "$T/tmp/swap" "${both[1]}"
done
vault_is_healthy "with everything in its place the vault is healthy again" --read-data
succeeds "and restores" kg_restore shop "$(kg_newest shop)" good
same_file "what was backed up" <(sums shop) <(sums good)
finish
