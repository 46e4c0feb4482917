#!/usr/bin/env bash
# Nobody asks for anything here: backups start by the policy, points are tagged, expire, and their space comes back. The clock
# is the test's own (KG_CLOCK, see base/time.h): weeks pass in seconds.
# shellcheck source=../support/harness.sh
. "${BASH_SOURCE%/*}/../support/harness.sh"

own_clock
cat >"$T/config/keepgres/keepgres.conf" <<'END'
schedule_jitter_seconds = 0
lifecycle_seconds = 1
clock_settle_seconds = 0
clock_away_days = 36500
idle_exit_seconds = 1
END
points()    { keepgres recovery-point list --backup-instance-name shop -v $VAULT 2>/dev/null; }
has_points() { [ "$(points | jq length)" = "$1" ]; }
tags()      { points | jq -r 'sort_by(.properties.recoveryPointTime) | map(.properties.retentionTagName) | join(" ")'; }
jobs_of()   { keepgres job list -v $VAULT | jq -c "[.[] | select(.properties.operation == \"$1\")] | length"; }
no_more()   { sleep 7; has_points "$1"; } # a scan of the schedules has passed, and nothing came of it

clock_to '2027-02-26T12:00:00Z' # a Friday
pg_start
need createdb shop
need createdb second
sql shop <<<'create table orders as select g as id, md5(g::text) as what from generate_series(1, 3000) g'
kg_setup

# Sundays at 02:00 in Berlin: kept for a month, the first of each month for a year.
jq '.policyRules[0].trigger.schedule = {repeatingTimeIntervals: ["R/2027-01-03T02:00:00/P1W"], timeZone: "Europe/Berlin"}
    | .policyRules[0].trigger.taggingCriteria += [{tagInfo: {tagName: "Monthly"}, taggingPriority: 15, isDefault: false,
         criteria: [{objectType: "ScheduleBasedBackupCriteria", absoluteCriteria: ["FirstOfMonth"]}]}]
    | .policyRules[1].lifecycles[0].deleteAfter.duration = "P1M"
    | .policyRules += [.policyRules[1] | .name = "Monthly" | .isDefault = false | .lifecycles[0].deleteAfter.duration = "P1Y"]' \
   "$T/policy.json" >"$T/sundays.json"
need keepgres backup-policy create -n sundays -v $VAULT --policy "$T/sundays.json"
POLICY_ID=$(keepgres backup-policy show -n sundays -v $VAULT | jq -r .id)
need kg_protect shop
is "the instance says when the next one is" "$(keepgres backup-instance show -n shop -v $VAULT | jq -r .properties.nextBackupTime)" 2027-02-28T01:00:00Z
check "what the schedule wanted before an instance was there is not made up for" no_more 0
clock_to '2027-02-28T00:59:50Z' # Sunday, ten seconds to two in Berlin
check "before its time nothing starts" has_points 0
check "then a backup starts by itself" wait_for 40 has_points 1
is "and is the month's first" "$(tags)" Monthly
is "it is not one that somebody asked for" "$(keepgres job list-from-resourcegraph --datasource-type $KIND --operation ScheduledBackup | jq length)" 1
check "it is made once" no_more 1
sql shop <<<'insert into orders select g, md5(g::text) from generate_series(3001, 4000) g'
clock_to '2027-03-07T01:00:00Z'
check "and a week later again" wait_for 30 has_points 2
is "the first of another month" "$(tags)" "Monthly Monthly"
clock_to '2027-03-14T01:00:00Z'
check "and again" wait_for 30 has_points 3
is "which is no first" "$(tags)" "Monthly Monthly Default"
need kg_backup shop
is "a backup in between has the default rule, and does not shift the schedule" "$(tags)" "Monthly Monthly Default Default"
clock_to '2027-03-28T00:30:00Z'
check "a Sunday that was missed is made up for" wait_for 30 has_points 5
clock_to '2027-03-28T01:10:00Z' # 03:10: what clocks left out this night is an hour later
check "a time that the clocks leave out is not forgotten" wait_for 30 has_points 6
was=$(kg_newest shop)

# ---- down, and up again ----

kg_stop
clock_to '2027-04-24T12:00:00Z'
need keepgres backup-vault list
check "after a month without a service one backup is made, not four" wait_for 30 has_points 5
is "and what had expired has gone" "$(tags)" "Monthly Monthly Default Default Monthly"
isnt "with a new one" "$(kg_newest shop)" "$was"
check "no more of either" no_more 5
kg_service=$(kg_pid)
sleep 2
is "a service that has schedules stays when nobody asks it anything" "$(kg_pid)" "$kg_service"

# ---- expiry ----

sql shop <<<'create table large as select g as id, encode(sha512(g::text::bytea), $$hex$$) as what from generate_series(1, 60000) g'
need kg_backup shop
sql shop <<<'drop table large'
bytes=$(kg_vault_bytes)
clock_to '2027-06-10T12:00:00Z'
check "points whose month is over leave, the year's stay" wait_for 40 \
      test "$(sleep 8; tags)" = "Monthly Monthly Monthly Monthly"
is "by a job of the service's own" "$(keepgres job list -v $VAULT --operation Expire | jq -r '.[0].properties | .startedBy + " " + .status')" \
   "keepgres Completed"
fails "which nobody else can retry" 'by itself|nothing to retry' keepgres job retry -v $VAULT \
      --job-id "$(keepgres job list -v $VAULT --operation Expire | jq -r '.[0].name')"
clock_to '2027-06-11T13:00:00Z' # a vault is collected once a day
collected() { [ "$(kg_vault_bytes)" -lt $((bytes - 1000000)) ]; }
check "and the space comes back without anybody asking" wait_for 40 collected
isnt "by a job" "$(jobs_of Collect)" 0
tells() { [ "$(keepgres backup-vault usage -v $VAULT | jq .properties.tiers[0].storedBytes)" = "$(kg_vault_bytes)" ]; }
check "and the vault tells what it takes up now" wait_for 20 tells
vault_is_healthy "the vault is whole" --read-data
succeeds "the oldest point restores" kg_restore shop "$(kg_points shop | head -n 1)" old
is "with the rows of its day" "$(sql old <<<'select count(*) from orders')" 3000
# ---- stopped, and resumed ----

succeeds "backups are suspended" keepgres backup-instance suspend-backup -n shop -v $VAULT
clock_to '2028-06-25T01:00:00Z'
check "no backup starts then; points go on to leave, the newest stays" wait_for 20 has_points 1
check "and it is so for long" no_more 1
succeeds "it restores" kg_restore shop "$(kg_newest shop)" suspended
succeeds "protection is stopped" keepgres backup-instance stop-protection -n shop -v $VAULT
fails "then there is no backup on demand, either" 'ProtectionStopped.*resume-protection' kg_backup shop
succeeds "it is resumed" keepgres backup-instance resume-protection -n shop -v $VAULT
check "what was left out is not made up for" no_more 1
old=$(kg_newest shop)
newer() { [ "$(kg_newest shop)" != "$old" ]; }
looked() { kg_newest shop >/dev/null && [ "$(keepgres service status 2>/dev/null | jq -r .nextScheduledBackup.time)" != null ]; }
need wait_for 20 looked # at the schedule, which begins anew
clock_to '2028-07-02T00:00:10Z'
check "and the schedule goes on" wait_for 20 newer
check "the old one was kept until there was another" wait_for 20 has_points 1
need kg_backup shop
need keepgres backup-instance stop-protection -n shop -v $VAULT
clock_to '2030-05-10T12:00:00Z'
check "what is stopped keeps all that it has" no_more 2
need keepgres backup-instance resume-protection -n shop -v $VAULT
check "and what is resumed loses what is over" wait_for 20 has_points 1

# ---- deleted, brought back, and gone ----

need keepgres backup-vault update -v $VAULT --soft-delete-state On --soft-delete-retention 14
succeeds "an instance is deleted" keepgres backup-instance delete -n shop -v $VAULT --yes
is "it is not in the list" "$(keepgres backup-instance list -v $VAULT)" '[]'
is "but among the deleted ones" "$(keepgres backup-instance deleted-backup-instance list -v $VAULT | jq -r '.[].name')" shop
succeeds "it comes back" keepgres backup-instance deleted-backup-instance undelete -n shop -v $VAULT
is "stopped" "$(keepgres backup-instance show -n shop -v $VAULT | jq -r .properties.currentProtectionState)" ProtectionStopped
succeeds "with its points" kg_restore shop "$(kg_newest shop)" undeleted
need keepgres backup-instance resume-protection -n shop -v $VAULT
need kg_protect second
need kg_backup second
need keepgres backup-instance delete -n second -v $VAULT --yes
clock_to '2030-05-23T12:00:00Z'
sleep 7
deleted() { keepgres backup-instance deleted-backup-instance list -v $VAULT | jq -r '.[].name'; }
is "a deleted one is kept as long as its vault said" "$(deleted)" second
need keepgres backup-vault update -v $VAULT --immutability-state Unlocked
clock_to '2030-05-25T12:00:00Z'
sleep 7
is "a vault that became immutable meanwhile keeps it for its points' own time" "$(deleted)" second
need keepgres backup-vault update -v $VAULT --immutability-state Disabled
gone() { [ -z "$(deleted)" ]; }
check "and goes then" wait_for 20 gone
is "the other stays" "$(keepgres backup-instance list -v $VAULT | jq -r '.[].name')" shop

# ---- a clock that jumps ----

clock_to '2032-06-10T12:00:00Z'
kg_stop
sed -i 's/clock_settle_seconds = 0/clock_settle_seconds = 20/' "$T/config/keepgres/keepgres.conf"
clock_to '2040-06-10T12:00:00Z'
before=$(kg_points shop | head -n 1)
sleep 5
is "after the clock jumped nothing is deleted" "$(kg_points shop | head -n 1)" "$before"
like "and the log says why" "$(cat "$T/state/keepgres/service.log")" 'the clock jumped by [0-9]+ seconds since the service last ran: nothing is deleted'
clock_to '2027-06-12T12:00:00Z'
sleep 7
like "a clock that goes back is told, too" "$(cat "$T/state/keepgres/service.log")" 'the clock jumped by -[0-9]+ seconds'
n=$(points | jq length)
clock_to '2027-06-20T01:00:00Z'
check "and the schedule goes on by the right clock" wait_for 30 has_points $((n + 1))

finish
