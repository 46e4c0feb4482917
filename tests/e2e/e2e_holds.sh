#!/usr/bin/env bash
# Recovery points that are held stay whatever the clock says; and what the service knows of an instance comes to agree with
# its vault again: points that only the vault has, points that it has lost, points that turn up of an instance that was deleted.
# shellcheck source=../support/harness.sh
. "${BASH_SOURCE%/*}/../support/harness.sh"

clock_start '2030-01-01T12:00:00Z'
pg_start
need createdb shop
need createdb other
sql shop <<<'create table orders as select g as id, md5(g::text) as what from generate_series(1, 2000) g'
kg_setup
jq '.policyRules[0].trigger.schedule.repeatingTimeIntervals = ["R/2099-01-04T02:00:00Z/P1W"]' "$T/policy.json" >"$T/never.json"
need keepgres backup-policy create -n never -v $VAULT --policy "$T/never.json"
POLICY_ID=$(keepgres backup-policy show -n never -v $VAULT | jq -r .id)
need kg_protect shop
for day in 01 02 03; do
    clock_to "2030-01-${day}T12:00:00Z"
    need kg_backup shop
done
point()  { keepgres recovery-point show -n shop -v $VAULT --recovery-point-id "$1"; }
holds()  { keepgres recovery-point "$1" -n shop -v $VAULT --recovery-point-id "$2" "${@:3}"; }
first=$(kg_points shop | sed -n 1p) second=$(kg_points shop | sed -n 2p) third=$(kg_newest shop)

# ---- holds ----

fails "a hold does not end before it begins" 'is over' holds hold "$first" --until 2029-01-01T00:00:00
fails "nor of a point that is not there" 'no recovery point' holds hold 00000000000000000000000000000000
succeeds "a point is held for good" holds hold "$first" --reason 'audit of 2030'
is "it says why" "$(jq -r .properties.retention.hold.reason <<<"$out")" 'audit of 2030'
is "since when" "$(jq -r .properties.retention.hold.since <<<"$out" | cut -c1-10)" 2030-01-03
like "and by whom" "$(jq -r .properties.retention.keptBecause <<<"$out")" "^held by $(id -un) \(audit of 2030\): it stays until it is released$"
succeeds "another one for some time" holds hold "$second" --until 2031-01-01T00:00:00
like "and says until when" "$(point "$second" | jq -r .properties.retention.keptBecause)" 'until 2031-01-01$'
like "who did it stands in the audit" "$(keepgres audit list)" 'recoveryPoints/hold'
fails "an instance with held points is not deleted" "2 held recovery points: .*$first" keepgres backup-instance delete -n shop -v $VAULT --yes
check "and is still there" test "$(keepgres backup-instance show -n shop -v $VAULT | jq -r .properties.currentProtectionState)" = ProtectionConfigured

clock_to '2030-06-01T12:00:00Z'
need keepgres backup-instance suspend-backup -n shop -v $VAULT
need kg_protect other
need kg_backup other
stays() { sleep 4; only "$1"; }
only() { [ "$(kg_points shop | tr '\n' ' ')" = "$1" ]; }
check "when their time is over held ones stay, and the newest" stays "$first $second $third "
need keepgres backup-instance resume-protection -n shop -v $VAULT
need kg_backup shop
fourth=$(kg_newest shop)
check "what is not held leaves" wait_for 30 only "$first $second $fourth "
clock_to '2031-01-02T12:00:00Z'
need kg_backup shop
fifth=$(kg_newest shop)
check "a hold ends by itself" wait_for 30 only "$first $fifth "
kg_stop
check "a held point outlives the service" wait_for 30 only "$first $fifth "
succeeds "it restores" kg_restore shop "$first" held
is "with all its rows" "$(sql held <<<'select count(*) from orders')" 2000
succeeds "it is released" holds release "$first"
check "and leaves" wait_for 30 only "$fifth "

# ---- another policy ----

OTHER_ID=$(keepgres backup-policy show -n weekly -v $VAULT | jq -r .id)
change() { keepgres backup-instance update-policy -n shop -v $VAULT --policy-id "$@"; }
succeeds "what another policy would mean is told" change weekly --dry-run
is "of the points that are there" "$(jq -c '[.changes, .existing.recoveryPoints, .existing.byRule, .existing.lastLeaves[:10]]' <<<"$out")" \
   '[true,1,[{"rule":"Default","recoveryPoints":1}],"2031-04-02"]'
like "and of the next backup" "$(jq -r .nextBackupTime <<<"$out")" '^2031-01-'
isnt "which changed nothing" "$(keepgres backup-instance show -n shop -v $VAULT | jq -r .properties.policyInfo.policyId)" "$OTHER_ID"
succeeds "the policy is changed" change "$POLICY_ID"
like "and it is told what that means" "$err" 'its 1 recovery points keep the retention they were made with'
fails "a policy that is not there means nothing" 'none' change none --dry-run
succeeds "a policy is edited" keepgres backup-policy update -n never -v $VAULT --rate-limit 100
like "and it is told who uses it" "$err" 'note: 2 backup instances use it; their recovery points keep the retention they were made with'

# ---- sync ----

sync() { keepgres backup-instance sync -n shop -v $VAULT "$@"; }
need kg_backup shop
sixth=$(kg_newest shop)
dir=$(kg_vault_dir)
succeeds "what agrees is synchronized" sync
is "and nothing has to be done" "$(jq -c '[.recoveryPoints, .adopted, .lost, .found, .revalidated]' <<<"$out")" '[2,[],[],[],false]'
is "as a job" "$(keepgres job list -v $VAULT --operation SyncBackupInstance | jq -r '.[0].properties.status')" Completed
object=$(find "$dir/points" -type f -name "*$sixth*")
mv "$object" "$T/tmp/manifest"
succeeds "a point that the vault has lost" sync
is "is told" "$(jq -r '.lost | join(" ")' <<<"$out")" "$sixth"
is "and marked" "$(point "$sixth" | jq -r .properties.recoveryPointState)" Lost
is "with a warning of the job" "$(keepgres job list -v $VAULT --operation SyncBackupInstance | jq -r '.[0].properties.status')" CompletedWithWarnings
mv "$T/tmp/manifest" "$object"
succeeds "when it is back" sync
is "it is found" "$(jq -r '.found | join(" ")' <<<"$out")" "$sixth"
succeeds "and restores" kg_restore shop "$sixth" again
kg_stop
need python3 -c 'import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as c: c.execute("delete from points where id = ?", (sys.argv[2],))' "$T/state/keepgres/catalog.sqlite" "$sixth"
succeeds "a point that only the vault has" sync
is "is adopted" "$(jq -r '.adopted | join(" ")' <<<"$out")" "$sixth"
succeeds "and restores" kg_restore shop "$sixth" adopted
succeeds "with ForceResync" sync --sync-type ForceResync
is "its database is looked at, too" "$(jq -r .revalidated <<<"$out")" true
need sql postgres -c 'alter database shop rename to moved'
sync --sync-type ForceResync >/dev/null 2>&1
state() { [ "$(keepgres backup-instance show -n shop -v $VAULT | jq -r .properties.currentProtectionState)" = "$1" ]; }
check "a database that is not there any more is an error of its protection" wait_for 30 state ProtectionError
need sql postgres -c 'alter database moved rename to shop'
need sync
check "which is over when it is back" wait_for 30 state ProtectionConfigured
need keepgres backup-instance stop-protection -n shop -v $VAULT
need sync --sync-type ForceResync
check "what was stopped stays stopped" state ProtectionStopped

# ---- what turns up late ----

cp "$object" "$T/tmp/manifest"
need keepgres backup-instance delete -n shop -v $VAULT --yes
gone() { [ ! -e "$object" ] && ! keepgres backup-instance show -n shop -v $VAULT >/dev/null 2>&1; }
check "an instance is deleted with its points" wait_for 30 gone
mkdir -p "$(dirname "$object")" && cp "$T/tmp/manifest" "$object"
need sql postgres -c 'alter database other rename to away'
fails "after a backup that failed the vault is looked at" 'away|other' kg_backup other
need sql postgres -c 'alter database away rename to other'
logged() { grep -Eq "$1" "$T/state/keepgres/service.log"; }
check "a point that was brought back of it is told of" wait_for 40 logged 'which was deleted after they were made: left alone'
check "and is left alone" test -e "$object"
kg_stop
need python3 -c 'import json, sqlite3, sys
with sqlite3.connect(sys.argv[1]) as c:
    for id, text in c.execute("select id, json from resources").fetchall():
        j = json.loads(text)
        for b in j.get("internal", {}).get("buried", []):
            b["at"] = "2030-01-01T00:00:00Z"
        c.execute("update resources set json = ? where id = ?", (json.dumps(j), id))' "$T/state/keepgres/catalog.sqlite"
need sql postgres -c 'alter database other rename to away'
fails "after another backup that failed" 'away|other' kg_backup other
need sql postgres -c 'alter database away rename to other'
check "one that was made after the instance was deleted is deleted, too" wait_for 40 test ! -e "$object"
check "and the log says so" logged 'after it was deleted: they are deleted, too'
vault_is_healthy "the vault is whole"
finish
