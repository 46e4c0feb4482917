#!/usr/bin/env bash
# A vault that was made before vaults had archives gets one when the first point goes there.
# shellcheck source=../support/harness.sh
. "${BASH_SOURCE%/*}/../support/harness.sh"

export KG_CLOCK=$T/clock
head -c 8 /dev/zero >"$KG_CLOCK"
mkdir -p "$T/config/keepgres"
printf 'lifecycle_seconds = 1\nclock_settle_seconds = 0\nclock_away_days = 36500\narchive_compression_level = 3\n' >"$T/config/keepgres/keepgres.conf"
pg_start
need createdb shop
need sql shop -c "create table orders as select i as id, md5(i::text) as note from generate_series(1, 1000) i"
kg_setup
archive=$(keepgres backup-vault show -v $VAULT | jq -r .properties.storeSettings.archivePath)
kg_stop
rm -rf "$archive"
need python3 - "$T/state/keepgres/catalog.sqlite" <<'END'
import json, sqlite3, sys
c = sqlite3.connect(sys.argv[1])
for id, text in c.execute("select id, json from resources").fetchall():
    j = json.loads(text)
    if j.get("internal", {}).pop("archiveId", None):
        del j["properties"]["storeSettings"]["archivePath"]
        c.execute("update resources set json = ? where id = ?", (json.dumps(j), id))
c.commit()
END
jq '.policyRules[0].trigger.schedule.repeatingTimeIntervals = ["R/2099-01-04T02:00:00Z/P1W"] | .policyRules[1].lifecycles = [
        {deleteAfter: {objectType: "AbsoluteDeleteOption", duration: "P1M"}, sourceDataStore: {dataStoreType: "VaultStore", objectType: "DataStoreInfoBase"},
         targetDataStoreCopySettings: [{dataStore: {dataStoreType: "ArchiveStore", objectType: "DataStoreInfoBase"}, copyAfter: {objectType: "ImmediateCopyOption"}}]},
        {deleteAfter: {objectType: "AbsoluteDeleteOption", duration: "P1Y"}, sourceDataStore: {dataStoreType: "ArchiveStore", objectType: "DataStoreInfoBase"},
         targetDataStoreCopySettings: []}]' "$T/policy.json" >"$T/archive.json"
need keepgres backup-policy create -n archive -v $VAULT --policy "$T/archive.json"
POLICY_ID=$(keepgres backup-policy show -n archive -v $VAULT | jq -r .id)
need kg_protect shop
vault_is_healthy "a vault without an archive is healthy"
need kg_backup shop
jobs()   { keepgres job list -v $VAULT | jq -c '[.[].properties | select(.operation == "Tiering")]'; }
tiered() { [ "$(jobs | jq -r '.[0].status')" = CompletedWithWarnings ]; }
for _ in $(seq 100); do tiered && break; sleep 0.2; done
check "its first point for the archive makes one" tiered
is "at once" "$(jobs | jq length)" 1
like "and warns that no recovery key opens it" "$(jobs | jq -c '.[0].extendedInfo.warningDetails')" 'by no recovery key'
vault_is_healthy "both are healthy" --read-data
first=$(kg_newest shop)
stores() { keepgres recovery-point show -n shop -v $VAULT --recovery-point-id "$first" | jq -r '.properties.recoveryPointDataStoresDetails | map(.type) | join(" ")'; }
clock_to "$(date -u -d '40 days' +%FT%TZ)"
held() { keepgres job list -v $VAULT | jq -r '.[].properties | select(.operation == "Expire") | .extendedInfo.warningDetails' |
         grep -q "recovery point $first stays in the VaultStore: .* by no recovery key"; }
check "nothing leaves the vault for what its recovery key does not open" wait_for 30 held
is "the point is in both" "$(stores)" "VaultStore ArchiveStore"
like "and says why" "$(keepgres recovery-point show -n shop -v $VAULT --recovery-point-id "$first" | jq -r .properties.retention.stayed.problem)" 'by no recovery key'
mkdir "$T/out"
fails "that is so" 'key' kg_export "$archive" "$(kg_newest shop)" "$T/out" it
need keepgres vault recovery-key -v $VAULT --recovery-key-file "$T/new.key" --yes
succeeds "a new one does" kg_export "$archive" "$(kg_newest shop)" "$T/out" it "$T/new.key"
left() { [ "$(stores)" = ArchiveStore ]; }
check "and the copy leaves the vault" wait_for 60 left
need kg_backup shop
silently() { [ "$(jobs | jq -r '.[0].status')" = Completed ]; }
check "the next point goes there without a word" wait_for 30 silently
finish
