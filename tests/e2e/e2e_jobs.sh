#!/usr/bin/env bash
# Everything that is done to backups has a job: who wanted it, its steps, its log, how it ended. What did not complete can be
# retried; what a kill left unfinished is settled; vaults tell what they hold. The clock is the test's own (KG_CLOCK).
# shellcheck source=../support/harness.sh
. "${BASH_SOURCE%/*}/../support/harness.sh"

export KG_CLOCK=$T/clock
head -c 8 /dev/zero >"$KG_CLOCK"
clock_by() # seconds: how much the service's clock is ahead from now on
{
    python3 -c 'import struct, sys
with open(sys.argv[1], "r+b") as f: f.write(struct.pack("=q", int(sys.argv[2]) * 1000000))' "$KG_CLOCK" "$1"
}
settings() { mkdir -p "$T/config/keepgres"; printf '%s\n' "$@" >"$T/config/keepgres/keepgres.conf"; }
settings 'lifecycle_seconds = 1' 'clock_settle_seconds = 0' 'clock_away_days = 36500'

jobs()    { keepgres job list -v $VAULT "$@"; }
newest()  { jobs --operation "$1" | jq -c '.[0].properties'; }         # of an operation
job_id()  { jobs --operation "$1" | jq -r '.[0].name'; }
of()      { jq -r "$2" <<<"$1"; }                                       # field of a job
retry()   { keepgres job retry -v $VAULT --job-id "$1" --wait; }
usage()   { keepgres backup-vault usage -v $VAULT | jq -r ".properties.$1"; }
instance() { keepgres backup-instance show -v $VAULT -n "$1" | jq -r .properties.currentProtectionState; }

pg_start
need createdb shop
need sql shop -o /dev/null -c "create table orders as select g as id, md5(g::text) || md5((g * 7)::text) as what from generate_series(1, 60000) g;
                  create table small as select 1 as a"
kg_setup

# ---- configuring ----

need kg_protect shop
job=$(newest ConfigureBackup)
is "configuring has a job" "$(of "$job" '[.status, .operationCategory, .startedBy, .isUserTriggered] | join(" ")')" "Completed Management $(id -un) true"
is "of the instance" "$(of "$job" '[.backupInstanceFriendlyName, .dataSourceName, .policyName, .vaultName] | join(" ")')" "pg1\\shop shop weekly $VAULT"
is "with its step" "$(of "$job" '.extendedInfo.subTasks | map(.taskName + ": " + .taskStatus) | join(", ")')" "Check readiness: Completed"
is "and nothing to retry" "$(of "$job" '.supportedActions | length')" 0
like "its log can be read" "$(keepgres job log -v $VAULT --job-id "$(job_id ConfigureBackup)")" "ConfigureBackup of pg1.*, asked for by $(id -un)"

# ---- usage ----

measured() { [ "$(usage recoveryPoints)" = "$1" ] && [[ $(usage measuredTime) == 2* ]] && [[ $(usage measuredTime) > $2 ]]; }
need kg_backup shop
check "a backup's vault is measured" wait_for 60 measured 1 "$(of "$(newest Backup)" .endTime)"
logical=$(usage logicalBytes) unique=$(usage uniqueBytes)
is "logical is what the recovery point has" "$logical" "$(keepgres recovery-point list --backup-instance-name shop -v $VAULT | jq '.[0].properties.summary.bytes')"
lies() { find "$(kg_vault_dir)" "$(kg_vault_dir)-archive" -type f ! -path '*/writers/*' -printf '%s\n' | awk '{ n += $1 } END { print n }'; }
is "what is stored are the bytes of the vault and its archive" "$(usage storedBytes)" "$(lies)"
is "each by itself" "$(usage 'tiers | map("\(.dataStoreType) \(.recoveryPoints) \(.logicalBytes > 0)") | join(", ")')" "VaultStore 1 true, ArchiveStore 0 false"
is "unique is what compression saves and what is needed" "$unique" "$(($(usage neededStoredBytes) + $(usage savedByCompressionBytes)))"
at_most "compression saves" "$(usage neededStoredBytes)" "$unique"
need kg_backup shop
check "and another one's" wait_for 60 measured 2 "$(of "$(newest Backup)" .endTime)"
is "the same again is twice as much" "$(usage logicalBytes)" $((2 * logical))
at_most "of which nearly all is saved" "$(usage uniqueBytes)" $((unique + unique / 4))
is "by deduplication" "$(usage savedByDeduplicationBytes)" "$(($(usage logicalBytes) - $(usage uniqueBytes)))"
is "for each instance" "$(keepgres backup-vault usage -v $VAULT --by-instance | jq -r '.[] | "\(.name) \(.recoveryPoints)"')" "shop 2"
is "for each day" "$(keepgres backup-vault usage -v $VAULT --history | jq length)" 1
is "and for all vaults" "$(keepgres backup-vault list-usage | jq -r '.[] | "\(.name) \(.properties.recoveryPoints)"')" "$VAULT 2"
like "as a table, too" "$(keepgres backup-vault usage -v $VAULT -o table)" SavedByDeduplication

# ---- stopping and resuming ----

for action in stop-protection:StopProtection resume-protection:ResumeProtection suspend-backup:SuspendBackups resume-protection:ResumeProtection; do
    need keepgres backup-instance "${action%:*}" -n shop -v $VAULT
    job=$(newest "${action#*:}")
    is "${action%:*} has a job" "$(of "$job" '.status + " " + .extendedInfo.backupInstanceState')" "Completed $(instance shop)"
done
need keepgres backup-policy create -n other -v $VAULT --policy "$T/policy.json"
need keepgres backup-instance update-policy -n shop -v $VAULT --policy-id "${POLICY_ID%/*}/other"
is "so has another policy" "$(of "$(newest UpdatePolicy)" '.status + " " + .policyName')" "Completed other"
fails "what completed is not retried" 'nothing to retry' retry "$(job_id UpdatePolicy)"

# ---- retry ----

need createdb taken
settings # the vault is not measured all the time
kg_stop
fails "a restore over a database that is there" 'taken' kg_restore shop "$(kg_newest shop)" taken
failed=$(job_id Restore)
like "its message stands in the table" "$(keepgres job show -v $VAULT --job-id "$failed" -o table)" "database 'taken'"
need dropdb taken
succeeds "the same restore again" retry "$failed"
is "is a job of its own" "$(of "$(newest Restore)" '[.status, .extendedInfo.additionalDetails.TargetDatabase] | join(" ")')" "Completed taken"
is "that says of what" "$(of "$(newest Restore)" .retryOf)" "$(keepgres job show -v $VAULT --job-id "$failed" | jq -r .id)"
is "and is named there" "$(keepgres job show -v $VAULT --job-id "$failed" | jq -r .properties.retriedBy)" "$(keepgres job show -v $VAULT --job-id "$(job_id Restore)" | jq -r .id)"
is "what was restored is right" "$(sql taken -c 'select count(*) from orders')" 60000
fails "once is enough" 'was retried already' retry "$failed"

right=$(connection)
keepgres keyvault secret set -v $KV -n login --value-stdin <<<"${right/$PASSWORD/wrong}" >/dev/null
fails "a backup with a wrong password fails" '.' kg_backup shop
keepgres keyvault secret set -v $KV -n login --value-stdin <<<"$right" >/dev/null
succeeds "its retry reads the secret anew" retry "$(job_id Backup)"
is "and keeps the tag" "$(of "$(newest Backup)" .extendedInfo.additionalDetails.RetentionTag)" Default

# ---- what a kill leaves ----

# The newest job of that operation has failed, and says why.
left() { like "$1: its job says why" "$(of "$(newest "$1")" '.status + ": " + .errorDetails[0].message')" "Failed: .*$2"; }
none_left() { is "nothing is left in progress" "$(jobs --all --status InProgress)" '[]'; }
api() # method, path, more for curl
{
    curl -sS --max-time 20 -X "$1" --unix-socket "$T/run/keepgres/api.sock" "${@:3}" \
         "http://keepgres$(keepgres backup-vault show -v $VAULT | jq -r .id)/$2"
}
put() { api PUT "backupInstances/$1" --data "@$T/bi-$1.json"; }
for db in second third; do
    need createdb $db
    kg_document $db; need kg_grant "$T/bi-$db.json"
done

# faulty FAULT COMMAND…: with a service whose workers have that fault.
faulty() { kg_stop; KG_FAULT=$1 keepgres account list >/dev/null; "${@:2}" >"$T/tmp/faulty" 2>&1; }
faulty worker.report:1:kill keepgres vault check -v $VAULT
left Check 'killed by signal 9'
keepgres vault collect -v $VAULT >/dev/null 2>&1
left Collect 'killed by signal 9'
put second >/dev/null
check "a worker that is killed fails the job of a configuration" wait_for 20 eval '[ "$(instance second)" = ConfiguringProtectionFailed ]'
left ConfigureBackup 'killed by signal 9'
kg_stop
succeeds "configuring is retried" retry "$(job_id ConfigureBackup)"
is "and protects" "$(instance second)" ProtectionConfigured
faulty worker.report:1:kill keepgres backup-instance delete -n second -v $VAULT --yes
left DeleteBackupInstance 'killed by signal 9'
none_left
kg_stop
succeeds "deleting is retried" retry "$(job_id DeleteBackupInstance)"
fails "and has deleted" 'no resource' keepgres backup-instance show -n second -v $VAULT

# The server hangs: one job of each kind runs or waits when the service is killed.
need kg_protect third
settings 'max_jobs = 1' 'max_light_tasks = 1'
kg_stop
need keepgres account list
postmaster=$(head -n 1 "$T/pg/data/postmaster.pid")
kill -STOP "$postmaster"
need keepgres backup-instance adhoc-backup -n shop -v $VAULT --rule-name $RULE
api POST check --data '{}' >/dev/null
api POST collect --data '{}' >/dev/null
put second >/dev/null
api DELETE backupInstances/third
is "five jobs are in progress" "$(jobs --status InProgress | jq -r 'map(.properties.operation) | sort | join(" ")')" \
   "Backup Check Collect ConfigureBackup DeleteBackupInstance"
kill -9 "$(kg_pid)"
kill -CONT "$postmaster"
for operation in Backup Check Collect ConfigureBackup DeleteBackupInstance; do
    left $operation 'the service ended while'
done
none_left
settings
kg_stop
for operation in Backup Check Collect ConfigureBackup DeleteBackupInstance; do
    succeeds "$operation is retried" retry "$(job_id $operation)"
done
is "what was to be protected is" "$(instance second)" ProtectionConfigured
fails "and what was to go has gone" 'no resource' keepgres backup-instance show -n third -v $VAULT

# ---- damage ----

pack=$(find "$(kg_vault_dir)/packs" -type f -size +100k -printf '%s %p\n' | sort -n | tail -n 1 | cut -d' ' -f2-)
cp -p "$pack" "$T/tmp/pack"
printf 'broken' | dd of="$pack" bs=1 seek=50000 conv=notrunc 2>/dev/null
vault_is_damaged "a broken pack is found" 'damaged in' --read-data
job=$(newest Check)
like "the check's job has failed, and names what is affected" "$(of "$job" '.status + ": " + .errorDetails[0].message')" \
     'Failed: .*recovery points? cannot be restored whole.*pg1.shop.*tables: .*orders'
is "for machines, too" "$(of "$job" '.errorDetails[0].details[0].objects[0].backupInstanceId | split("/") | last')" shop
like "and for readers of its log" "$(keepgres job log -v $VAULT --job-id "$(job_id Check)")" 'damaged: packs/.*needed by recovery point'
cp -p "$T/tmp/pack" "$pack"
succeeds "with the pack back its retry completes" retry "$(job_id Check)"

# ---- the list ----

many=$(jobs | jq length)
isnt "the list has them all" "$many" 0
is "filters are the catalog's" "$(jobs --status Failed --operation Restore | jq -r '.[].name')" "$failed"
is "an instance's" "$(jobs --backup-instance-name shop --operation Restore | jq length)" 2
is "page by page" "$(jobs --max-items 3 2>/dev/null | jq length)" 3
fails "a misspelt state is told" 'InProgress' keepgres job list -v $VAULT --status Done
kg_stop
need python3 -c 'import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as c:
    job, seq = c.execute("select job, max(seq) from job_log where job = ?", (sys.argv[2],)).fetchone()
    c.executemany("insert into job_log values (?, ?, 1, ?)", [(job, seq + i, "line %d" % i) for i in range(1, 1501)])' \
     "$T/state/keepgres/catalog.sqlite" "$failed"
is "a log of more than a page is printed to its end" "$(keepgres job log -v $VAULT --job-id "$failed" | tail -n 1)" 'line 1500'
kg_stop; clock_by $((8 * 86400))
is "after a week they are gone from it" "$(jobs | jq '[.[] | select(.properties.operation == "Restore")] | length')" 0
is "--all has them still" "$(jobs --all --operation Restore | jq length)" 2
is "and so has a time" "$(jobs --start-time 2020-01-01T00:00:00 --operation Restore | jq length)" 2

# ---- the service ----

scheduled() { [ "$(keepgres service status | jq -r .nextScheduledBackup.time)" != null ]; }
check "the service tells when the next backup is due" wait_for 20 scheduled
run keepgres service stop
like "and who stops it is told" "$err" 'next scheduled backup is at 20'
finish
