#!/usr/bin/env bash
# What a preview says is what happens: eight weeks are previewed, then lived through with the test's own clock (KG_CLOCK, see
# base/time.h), and on each of the dates the recovery points are those that were foretold, with the sentence that says why.
# shellcheck source=../support/harness.sh
. "${BASH_SOURCE%/*}/../support/harness.sh"

own_clock
cat >"$T/config/keepgres/keepgres.conf" <<'END'
schedule_jitter_seconds = 0
lifecycle_seconds = 1
clock_settle_seconds = 0
clock_away_days = 36500
END
preview() { keepgres backup-policy preview -n sundays -v $VAULT "$@"; }
# "2027-01-03 Monthly" for each point: those that are there, and those that a preview (a file) has on a date.
there()    { keepgres recovery-point list --backup-instance-name shop -v $VAULT |
             jq -r '.[].properties | "\(.recoveryPointTime[:10]) \(.retentionTagName)"' | sort; }
foretold() { jq -r --arg at "$2T00:00:00Z" '.points[] | select(.time < $at and any(.leaves[]; .until > $at)) | "\(.time[:10]) \(.tag)"' "$1" | sort; }
# tags: what the counts of a preview say of a date, and what there is.
counted()  { jq -c --arg at "$2" '.counts[] | select(.date == $at) | [.total, .byTag.Monthly, .byTag.Default, .byStore.VaultStore]' "$1"; }
tags()     { there | awk '{ n[$2]++; all++ } END { printf "[%d,%d,%d,%d]\n", all, n["Monthly"], n["Default"], all }'; }
becomes() # seconds, text, command: true when it prints that
{
    local n=$(($1 * 10)) text=$2
    shift 2
    for _ in $(seq $n); do [ "$("$@")" != "$text" ] || return 0; sleep 0.1; done
    echo "# wanted: $text"; echo "# got:    $("$@")"
    return 1
}

clock_to '2027-01-02T12:00:00Z' # a Saturday
pg_start
need createdb shop
kg_setup
# Every third Sunday at 02:00 in Berlin, kept for 25 days; the first of a month seven weeks.
jq '.policyRules[0].trigger.schedule = {repeatingTimeIntervals: ["R/2027-01-03T02:00:00/P3W"], timeZone: "Europe/Berlin"}
    | .policyRules[0].trigger.taggingCriteria += [{tagInfo: {tagName: "Monthly"}, taggingPriority: 15, isDefault: false,
         criteria: [{objectType: "ScheduleBasedBackupCriteria", absoluteCriteria: ["FirstOfMonth"]}]}]
    | .policyRules[1].lifecycles[0].deleteAfter.duration = "P25D"
    | .policyRules += [.policyRules[1] | .name = "Monthly" | .isDefault = false | .lifecycles[0].deleteAfter.duration = "P7W"]' \
   "$T/policy.json" >"$T/sundays.json"

dates='2027-01-04 2027-01-25 2027-02-15 2027-02-19 2027-02-22 2027-02-27'
# shellcheck disable=SC2086 # a list
preview --policy "$T/sundays.json" --at $dates >"$T/tried.json"
need keepgres backup-policy create -n sundays -v $VAULT --policy "$T/sundays.json"
POLICY_ID=$(keepgres backup-policy show -n sundays -v $VAULT | jq -r .id)
need kg_protect shop
(sleep 5.5) & # an instance's schedule begins with the first scan that finds it, and there is one every five seconds
# shellcheck disable=SC2086 # a list
succeeds "the coming weeks are previewed" preview --backup-instance-name shop --at $dates
printf '%s\n' "$out" >"$T/preview.json"
is "as they were before the policy was stored" "$(jq -c '[.points, .counts, .schedule]' "$T/preview.json")" \
   "$(jq -c '[.points, .counts, .schedule]' "$T/tried.json")"
is "starts are told in the policy's zone" "$(jq -r '.schedule[4].local' "$T/preview.json")" 2027-03-28T03:00:00+02:00
# shellcheck disable=SC2086 # a list
like "a table has a column a tag" "$(preview --at $dates -o table)" \
     $'^Date +Total +Monthly +Default\n[- ]+\n2027-01-04 +1 +1 +0\n2027-01-25 +2 +1 +1\n2027-02-15 +3 +2 +1\n2027-02-19 +2 +2 +0\n'

wait $!
for date in $dates; do
    start=$(date -u -d "$date - 1 day" +%F)
    if foretold "$T/preview.json" "$date" | grep -q "^$start "; then
        clock_to "${start}T01:00:00Z"
        check "$start: a backup starts, and what is over goes" becomes 20 "$(foretold "$T/preview.json" "$date")" there
    fi
    clock_to "${date}T00:00:00Z"
    check "$date: the points are those that were foretold" becomes 8 "$(foretold "$T/preview.json" "$date")" there
    is "$date: and as many as were counted" "$(tags)" "$(counted "$T/preview.json" "$date")"
done
kept() { keepgres recovery-point list --backup-instance-name shop -v $VAULT --query '[0].properties.retention.keptBecause' -o tsv; }
is "a point says what keeps it" "$(kept)" "rule Monthly keeps it until 2027-04-04"

need keepgres backup-instance suspend-backup -n shop -v $VAULT
preview --backup-instance-name shop --at 2027-12-01 >"$T/suspended.json"
is "of a suspended one the newest is foretold to stay" "$(jq -c '[.schedule, .counts[0].total]' "$T/suspended.json")" '[[],1]'
clock_to '2027-12-01T05:00:00Z'
check "and it stays" becomes 8 '2027-02-14 Monthly' there
like "because it is the newest" "$(kept)" 'newest good recovery point of its instance'
fails "what is over is not previewed" 'in the past' preview --at 2027-02-01
finish
