#!/usr/bin/env bash
# Recovery points go to the archive as their policies say, leave the vault when the archive has them, and come back from it for a
# restore; over kills of workers and services. The clock is the test's own (KG_CLOCK, see base/time.h).
# shellcheck source=../support/harness.sh
. "${BASH_SOURCE%/*}/../support/harness.sh"

export KG_CLOCK=$T/clock
head -c 8 /dev/zero >"$KG_CLOCK"
mkdir -p "$T/config/keepgres"
cat >"$T/config/keepgres/keepgres.conf" <<'END'
lifecycle_seconds = 1
clock_settle_seconds = 0
clock_away_days = 36500
archive_compression_level = 9
END
point()  { keepgres recovery-point show -n shop -v $VAULT --recovery-point-id "$1" 2>/dev/null; } # id
stores() { point "$1" | jq -r '.properties.recoveryPointDataStoresDetails | map(.type) | join(" ")'; }
tier()   { point "$1" | jq -r .properties.retention.tier; }
in_stores() { [ "$(stores "$1")" = "$2" ]; }
in_tier()   { [ "$(tier "$1")" = "$2" ]; }
jobs_of()   { keepgres job list -v $VAULT | jq -r "[.[] | select(.properties.operation == \"$1\" and .properties.status == \"$2\")] | length"; }
# has_failed OPERATION POINT: a job of it that was about the point has failed.
has_failed() { keepgres job list -v $VAULT | jq -e --arg o "$1" --arg p "$2" 'any(.[].properties; .operation == $o and .status == "Failed"
                   and .extendedInfo.additionalDetails.RecoveryPointId == $p)' >/dev/null; }
failed() { keepgres job list -v $VAULT | jq -r --arg o "$1" --arg p "$2" '[.[] | select(.properties.operation == $o and .properties.status == "Failed"
           and .properties.extendedInfo.additionalDetails.RecoveryPointId == $p)][0].name'; } # OPERATION POINT: the last such job
job_state() { keepgres job show -v $VAULT --job-id "$1" 2>/dev/null | jq -r .properties.status; }
job_is()    { [ "$(job_state "$1")" = "$2" ]; }
drop()      { sql postgres -c "drop database if exists $1" 2>/dev/null; }
rehydrate() { keepgres recovery-point rehydrate -n shop -v $VAULT --recovery-point-id "$@"; } # id …
# request POINT DATABASE [option…]: the document of a restore from the archive, in $T/request.json
request()
{
    local point=$1 target=$2
    shift 2
    keepgres backup-instance restore initialize-for-data-recovery --read-back --datasource-type $KIND --restore-location local \
             --source-datastore ArchiveStore --recovery-point-id "$point" --target-resource-id "$SERVER_ID/databases/$target" \
             --secret-store-type AzureKeyVault --secret-store-uri "$LOGIN" "$@" >"$T/request.json"
}
trigger() { keepgres backup-instance restore trigger -n shop -v $VAULT --restore-request-object "$T/request.json" "$@"; }

clock_to '2027-02-26T12:00:00Z'
pg_start
need createdb shop
need sql shop -c "create table orders as select i as id, md5(i::text) || md5((i * 3)::text) as note from generate_series(1, 60000) i"
kg_setup
vault=$(kg_vault_dir)
archive=$(keepgres backup-vault show -v $VAULT | jq -r .properties.storeSettings.archivePath)
in_vault()   { find "$vault/points" -name "$1" | grep -q .; }
in_archive() { find "$archive/points" -name "$1" | grep -q .; }
is "the archive is beside the vault" "$archive" "$vault-archive"

# A month in the vault; the archive gets it when that is over and has it for a year. Monthly: at once in both.
jq '.policyRules[0].trigger.schedule.repeatingTimeIntervals = ["R/2030-01-06T02:00:00Z/P1W"]
    | .policyRules[1].lifecycles = [
        {deleteAfter: {objectType: "AbsoluteDeleteOption", duration: "P1M"}, sourceDataStore: {dataStoreType: "VaultStore", objectType: "DataStoreInfoBase"},
         targetDataStoreCopySettings: [{dataStore: {dataStoreType: "ArchiveStore", objectType: "DataStoreInfoBase"}, copyAfter: {objectType: "CopyOnExpiryOption"}}]},
        {deleteAfter: {objectType: "AbsoluteDeleteOption", duration: "P1Y"}, sourceDataStore: {dataStoreType: "ArchiveStore", objectType: "DataStoreInfoBase"},
         targetDataStoreCopySettings: []}]
    | .policyRules += [.policyRules[1] | .name = "Monthly" | .isDefault = false
        | .lifecycles[0].targetDataStoreCopySettings[0].copyAfter = {objectType: "ImmediateCopyOption"}]
    | .policyRules += [.policyRules[1] | .name = "Weekly" | .isDefault = false
        | .lifecycles[0].targetDataStoreCopySettings[0].copyAfter = {objectType: "CustomCopyOption", duration: "P5D"}]
    | .policyRules[0].trigger.taggingCriteria += [{tagInfo: {tagName: "Monthly"}, taggingPriority: 15, isDefault: false,
         criteria: [{objectType: "ScheduleBasedBackupCriteria", absoluteCriteria: ["FirstOfMonth"]}]},
         {tagInfo: {tagName: "Weekly"}, taggingPriority: 20, isDefault: false,
         criteria: [{objectType: "ScheduleBasedBackupCriteria", absoluteCriteria: ["FirstOfWeek"]}]}]' "$T/policy.json" >"$T/archive.json"
need keepgres backup-policy create -n archive -v $VAULT --policy "$T/archive.json"
POLICY_ID=$(keepgres backup-policy show -n archive -v $VAULT | jq -r .id)
like "a preview counts what the archive will have" "$(keepgres backup-policy preview -n archive -v $VAULT --until 2031-01-01 |
     jq -c '.counts[-1].byStore')" '"ArchiveStore":[1-9]'
need kg_protect shop

# ---- to the archive when its time in the vault is over ----

need kg_backup shop
first=$(kg_newest shop)
sums shop >"$T/first.sums"
is "a point is in the vault" "$(stores "$first") $(tier "$first")" "VaultStore VaultStandard"
need sql shop -c "update orders set note = md5(note) where id % 50 = 0"
need kg_backup shop
second=$(kg_newest shop)
clock_to '2027-03-26T11:00:00Z'
sleep 3
is "before its time it stays there" "$(stores "$first")" VaultStore
clock_to '2027-03-27T12:00:00Z'
check "then it goes to the archive, and leaves the vault" wait_for 30 in_stores "$first" ArchiveStore
check "so does the next, the newest of all" wait_for 30 in_stores "$second" ArchiveStore
is "its tier says so" "$(tier "$first")" VaultArchive
check "the vault has it no more" eval '! in_vault $first'
check "the archive does" in_archive "$first"
is "by a job a point" "$(jobs_of Tiering Completed)" 2
is "which says what it did" "$(keepgres job list -v $VAULT | jq -r '[.[] | select(.properties.operation == "Tiering")][0].properties |
     "\(.operationCategory) \(.sourceDataStoreName) \(.destinationDataStoreName) \(.extendedInfo.subTasks | map(.taskStatus) | unique | join(" "))"')" \
   "Tiering VaultStore ArchiveStore Completed"
is "it says when it leaves there" "$(point "$first" | jq -r '.properties.recoveryPointDataStoresDetails[0].expiryTime[:10]')" 2028-03-26
vault_is_healthy "both are healthy" --read-data
is "the check told of both" "$(fact archive | jq .points)" 2

bytes_in() { find "$1" -type f ! -path '*/writers/*' -printf '%s\n' | awk '{ n += $1 } END { print n }'; }
usage() { keepgres backup-vault usage -v $VAULT | jq -r ".properties.$1"; }
# The first measurement after the copies may have come before they left the vault.
measured() { [ "$(usage 'tiers[1].storedBytes') $(usage 'tiers[0].neededStoredBytes')" = "$(bytes_in "$archive") 0" ]; }
check "the archive is measured, too" wait_for 20 measured
is "and has what the vault has not" "$(usage 'tiers | map("\(.dataStoreType) \(.recoveryPoints) \(.logicalBytes > 0) \(.neededStoredBytes > 0)") | join(", ")')" \
   "VaultStore 0 false false, ArchiveStore 2 true true"
is "each point is one of the vault's" "$(usage recoveryPoints)" 2
is "so it is for each instance" "$(usage 'instances | map("\(.name) \(.dataStoreType) \(.recoveryPoints) \(.uniqueBytes > 0)") | join(", ")')" \
   "shop VaultStore 0 false, shop ArchiveStore 2 true"
is "and each day" "$(usage 'history[-1].tiers | map("\(.dataStoreType) \(.recoveryPoints)") | join(", ")')" "VaultStore 0, ArchiveStore 2"

# ---- restored from there ----

fails "a restore without rehydration is refused" 'must be rehydrated' kg_restore shop "$first" back
like "and says what to do" "$err" '--rehydration-priority'
need request "$first" back
fails "from the archive, too" 'UserErrorRecoveryPointNotRehydrated|must be rehydrated' trigger --wait
need request "$first" back --rehydration-priority Standard --rehydration-duration 12
succeeds "what is in the archive can be validated" keepgres backup-instance validate-for-restore -n shop -v $VAULT --restore-request-object "$T/request.json"
succeeds "with rehydration it is restored" trigger --wait
same_file "and is what it was" "$T/first.sums" <(sums back)
drop back
is "the restore's job says how" "$(jq -r '.properties | "\(.rehydrationPriority) \(.sourceDataStoreName) \(.extendedInfo.subTasks[0].taskName)"' <<<"$out")" \
   "Standard ArchiveStore Rehydrate the recovery point"
is "a job brought it back" "$(jobs_of Rehydrate Completed)" 1
is "it is in both now" "$(stores "$first") $(tier "$first")" "VaultStore ArchiveStore VaultArchiveRehydrated"
is "as usage says, which counts it once" "$(usage 'tiers | map(.recoveryPoints) | @csv') $(usage recoveryPoints)" "1,2 2"
is "who asked for the restore asked for that job" "$(keepgres job list -v $VAULT | jq -r '[.[] | select(.properties.operation == "Rehydrate")][0].properties |
     "\(.startedBy) \(.isUserTriggered)"')" "$(id -un) true"
is "for so many days" "$(point "$first" | jq -r '.properties.recoveryPointDataStoresDetails[1] | "\(.rehydrationStatus) \(.rehydrationExpiryTime[:10])"')" \
   "COMPLETED 2027-04-08"
succeeds "meanwhile it restores as any other" kg_restore shop "$first" back
drop back
succeeds "as files as well" kg_restore_files shop "$first" again
clock_to '2027-04-08T11:00:00Z'
sleep 3
is "it stays that long" "$(stores "$first")" "VaultStore ArchiveStore"
clock_to '2027-04-08T13:00:00Z'
check "and leaves by itself" wait_for 30 in_stores "$first" ArchiveStore
is "which is told" "$(point "$first" | jq -r '.properties.recoveryPointDataStoresDetails[0].rehydrationStatus')" DELETED

# ---- by itself, prolonged, and without the service ----

succeeds "a point is rehydrated alone" rehydrate "$second" --rehydration-priority High --rehydration-duration 10 --wait
is "at that priority" "$(jq -r .properties.rehydrationPriority <<<"$out")" High
succeeds "asked again it stays longer" rehydrate "$second" --rehydration-duration 20
is "by that much" "$(point "$second" | jq -r '.properties.recoveryPointDataStoresDetails[1].rehydrationExpiryTime[:10]')" 2027-04-28
fails "nine days are too few" '10' rehydrate "$second" --rehydration-duration 9
mkdir "$T/exported"
succeeds "the archive's directory and the recovery key are enough" kg_export "$archive" "$first" "$T/exported" first
createdb exported
need pg_restore -d exported "$T"/exported/first*.dump
same_file "for all that it was" "$T/first.sums" <(sums exported)
succeeds "a new recovery key" keepgres vault recovery-key -v $VAULT --recovery-key-file "$T/new.key" --yes
mkdir "$T/exported2"
fails "makes the old one useless in the archive, too" 'key' kg_export "$archive" "$first" "$T/exported2" first
succeeds "and opens it" kg_export "$archive" "$first" "$T/exported2" first "$T/new.key"

# ---- at once, and after days ----

adhoc() { keepgres backup-instance adhoc-backup -n shop -v $VAULT --rule-name $RULE --retention-tag-override "$1" --wait; }
need adhoc Monthly
both=$(kg_newest shop)
check "what is copied immediately is in both" wait_for 20 in_stores "$both" "VaultStore ArchiveStore"
is "and counts as the vault's" "$(tier "$both")" VaultStandard
need adhoc Weekly
later=$(kg_newest shop)
sleep 2
is "what is copied after five days is not" "$(stores "$later")" VaultStore
clock_to '2027-04-13T14:00:00Z'
check "before they are over" wait_for 20 in_stores "$later" "VaultStore ArchiveStore"

# ---- what one store lost or damaged, the other has ----

sync()   { keepgres backup-instance sync -n shop -v $VAULT; }
damage_archive() # All of every pack but its ends.
{
    find "$archive/packs" -type f | while read -r pack; do
        dd if=/dev/zero of="$pack" bs=64 seek=2 count=$(($(stat -c %s "$pack") / 64 - 4)) conv=notrunc status=none
    done
}
copies() { point "$1" | jq -r '"\(.properties.recoveryPointState): " + (.properties.recoveryPointDataStoresDetails | map(.state) | join(" "))'; }
sums shop >"$T/both.sums"
object=$(find "$vault/points" -name "$both")
mv "$object" "$T/tmp/manifest"
succeeds "a copy that the vault has lost is noticed" sync
is "by itself: the point is not lost" "$(jq -c --arg p "$both" '[.lost, (.lostCopies | map(select(.recoveryPointId == $p) | .store))]' <<<"$out")" '[[],["VaultStore"]]'
is "and says so" "$(copies "$both")" "Completed: LOST COMMITTED"
fails "it is not restored from the vault" 'must be rehydrated' kg_restore shop "$both" back
need request "$both" back --rehydration-priority Standard
succeeds "it is from the archive" trigger --wait
same_file "as it was" "$T/both.sums" <(sums back)
drop back
is "and the vault has it again" "$(copies "$both")" "Completed: COMMITTED COMMITTED"
cp -r "$vault/packs" "$T/tmp/packs"
find "$vault/packs" -type f -exec python3 -c 'import sys
for name in sys.argv[1:]:
    with open(name, "r+b") as f:
        f.seek(100); b = f.read(1); f.seek(100); f.write(bytes([b[0] ^ 1]))' {} +
fails "damaged packs are found" 'damaged' keepgres vault check -v $VAULT --read-data
is "the archive's copy is whole" "$(copies "$both")" "Completed: DAMAGED COMMITTED"
fails "the damaged one is not restored" 'damaged in the vault, and whole in the archive' kg_restore shop "$both" back
need request "$both" back
succeeds "the whole one is, from where it is" trigger --wait
same_file "as it was" "$T/both.sums" <(sums back)
drop back
rm -r "$vault/packs" && mv "$T/tmp/packs" "$vault/packs"
vault_is_healthy "when the packs are back" --read-data
is "both are good" "$(copies "$both")" "Completed: COMMITTED COMMITTED"
all_again() { keepgres recovery-point list -n shop -v $VAULT | jq -e 'all(.[].properties.recoveryPointDataStoresDetails | map(.state) | join(" ");
              . != "COMMITTED DAMAGED")' >/dev/null; }
cp -r "$archive/packs" "$T/packs"
damage_archive
fails "damaged packs of the archive are found, too" 'damaged' keepgres vault check -v $VAULT --read-data
check "and what the vault has of them is made again" wait_for 40 all_again
is "so that both are good" "$(copies "$both")" "Completed: COMMITTED COMMITTED"
is "by a second job" "$(keepgres job list -v $VAULT | jq --arg p "$both" '[.[].properties | select(.operation == "Tiering" and .status == "Completed"
    and .extendedInfo.additionalDetails.RecoveryPointId == $p)] | length')" 2
cp -r "$T/packs/." "$archive/packs"
rm -rf "$T/packs"
kg_stop
need python3 -c 'import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as c: c.execute("delete from points where id = ?", (sys.argv[2],))' "$T/state/keepgres/catalog.sqlite" "$first"
succeeds "a point that only the archive has" sync
is "is adopted" "$(jq -r '.adopted | join(" ")' <<<"$out")" "$first"
is "as what it is" "$(stores "$first") $(tier "$first")" "ArchiveStore VaultArchive"

# ---- an archive that is damaged when the vault's copy is to leave ----

warned() { keepgres job list -v $VAULT | jq -r '.[].properties | select(.operation == "Expire" and .status == "CompletedWithWarnings") | .extendedInfo.warningDetails' |
           grep -q "recovery point $1 stays in the VaultStore: $2"; } # POINT WHY
cp -r "$archive/packs" "$T/packs"
damage_archive
clock_to "$(date -u -d "$(point "$both" | jq -r .properties.recoveryPointTime) + 32 days" +%FT%TZ)"
check "a copy stays while the archive's is damaged, and the job names the point" wait_for 30 warned "$both" 'its copy in the ArchiveStore is not whole'
check "that one is made again, and only then the vault's leaves" wait_for 40 in_stores "$both" ArchiveStore
need request "$both" back --rehydration-priority Standard
succeeds "which the new one bears out" trigger --wait
same_file "to the last row" <(sums shop) <(sums back)
drop back
cp -r "$T/packs/." "$archive/packs"
rm -rf "$T/packs"

# ---- kill -9 in the middle ----

with_fault() { kg_stop; KG_FAULT=$1 keepgres backup-vault list >/dev/null; }
for fault in vault.segment:1:kill vault.point:1:kill vault.committed:1:kill; do
    need sql shop -c "insert into orders select 1000000 + i, md5(random()::text) from generate_series(1, 2000) i"
    need wait_for 20 kg_backup shop
    killed=$(kg_newest shop)
    with_fault $fault
    clock_to "$(date -u -d "$(point "$killed" | jq -r .properties.recoveryPointTime) + 32 days" +%FT%TZ)"
    check "a worker is killed at $fault" wait_for 20 has_failed Tiering "$killed"
    check "and the vault still has the point" in_vault "$killed"
    with_fault ''
    check "the copy is made after all, and only then the vault's leaves" wait_for 20 in_stores "$killed" ArchiveStore
done
sums shop >"$T/killed.sums"
vault_is_healthy "both are healthy after it" --read-data

# A rehydration whose worker is killed is tried again; the restore waits, and waits across services.
with_fault vault.point:1:kill
need request "$killed" back --rehydration-priority High
succeeds "a restore begins" trigger
job=$(jq -r '.jobId // .job_id' <<<"$out"); job=${job##*/}
check "its rehydration's worker is killed" wait_for 20 has_failed Rehydrate "$killed"
is "the restore waits" "$(job_state "$job")" InProgress
kg_stop
need keepgres backup-vault list
kill -9 "$(kg_pid)"
sleep 1
need keepgres backup-vault list
check "across services that end, or are killed, until it is done" wait_for 60 job_is "$job" Completed
same_file "what comes back is what went in" "$T/killed.sums" <(sums back)
drop back

# ---- a restore that is not wanted any more; a source that is damaged ----

cp -r "$archive/packs" "$T/packs"
damage_archive # what the vault does not have of the point may be anywhere in them
need request "$first" back --rehydration-priority Standard
fails "from a damaged archive nothing is restored" 'was not rehydrated' trigger --wait
is "the point says so" "$(point "$first" | jq -r '.properties.recoveryPointDataStoresDetails[0].rehydrationStatus')" FAILED
vault_is_damaged "and the check names the archive's damage" 'ArchiveStore' --read-data
rm -rf "$archive/packs"
mv "$T/packs" "$archive/packs"
like "its job has failed and names the datastore" "$(keepgres job list -v $VAULT | jq -r '[.[].properties | select(.operation == "Check")][0] |
     "\(.status) \(.errorDetails)"')" 'Failed .*ArchiveStore: packs/'
succeeds "with the bytes back the rehydration that failed is retried" keepgres job retry -v $VAULT --job-id "$(failed Rehydrate "$first")" --wait
check "and the point is there" in_stores "$first" "VaultStore ArchiveStore"
need trigger --wait
same_file "as it was" "$T/first.sums" <(sums back)
drop back

# ---- an archive that is not there ----

need wait_for 20 kg_backup shop
kept=$(kg_newest shop)
mv "$archive" "$T/away"
clock_to "$(date -u -d "$(point "$kept" | jq -r .properties.recoveryPointTime) + 32 days" +%FT%TZ)"
check "without the archive nothing is copied" wait_for 20 has_failed Tiering "$kept"
check "and nothing leaves the vault" in_vault "$kept"
fails "nobody retries what the service does by itself" 'started it by itself' keepgres job retry -v $VAULT --job-id "$(failed Tiering "$kept")"
like "which says when it will" "$err" 'tries again when its time comes'
mkdir "$archive"
with_fault ''
sleep 3
check "a directory that is empty where it was is no archive" in_vault "$kept"
check "and none is made of it" eval '[ -z "$(ls "$archive")" ]'
rm -rf "$archive"; mv "$T/away" "$archive"
clock_to "$(date -u -d "$(point "$kept" | jq -r .properties.recoveryPointTime) + 34 days" +%FT%TZ)"
check "with it back the copy is made" wait_for 30 in_stores "$kept" ArchiveStore

# ---- the end of all: collected, and deleted ----

bytes=$(find "$archive" -type f -printf '%s\n' | awk '{ n += $1 } END { print n + 0 }')
clock_to '2029-06-10T12:00:00Z'
only_one() { [ "$(kg_points shop)" = "$kept" ]; }
check "after a year all leave the archive but the newest" wait_for 40 only_one
check "which is there still" in_archive "$kept"
need keepgres vault collect -v $VAULT
need keepgres vault collect -v $VAULT
now=$(find "$archive" -type f -printf '%s\n' | awk '{ n += $1 } END { print n + 0 }')
check "the archive gives back its space" [ "$now" -lt "$bytes" ]
need request "$kept" back --rehydration-priority High
succeeds "and the newest restores" trigger --wait
drop back
vault_is_healthy "both are healthy at the end" --read-data
need keepgres backup-instance delete -n shop -v $VAULT --yes
is "with the instance everything goes" "$(find "$vault/points" "$archive/points" -type f 2>/dev/null | wc -l)" 0
finish
