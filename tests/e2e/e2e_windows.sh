#!/usr/bin/env bash
# Limits of a policy: scheduled backups wait for their window while one on demand does not, and a backup reads no faster than it
# may. The clock is the test's own, as in e2e_schedule.sh.
# shellcheck source=../support/harness.sh
. "${BASH_SOURCE%/*}/../support/harness.sh"

export KG_CLOCK=$T/clock
head -c 8 /dev/zero >"$KG_CLOCK"
clock_to() # time: what the service's clock shows from now on
{
    python3 -c 'import struct, sys, time
with open(sys.argv[1], "r+b") as f: f.write(struct.pack("=q", int((int(sys.argv[2]) - time.time()) * 1000000)))' "$KG_CLOCK" "$(date -u -d "$1" +%s)"
}
mkdir -p "$T/config/keepgres"
printf '%s\n' 'schedule_jitter_seconds = 0' 'clock_settle_seconds = 0' 'clock_away_days = 36500' >"$T/config/keepgres/keepgres.conf"
has_points() { [ "$(kg_points shop | wc -l)" = "$1" ]; }
comes_to()   { for _ in $(seq 200); do has_points "$1" && return 0; sleep 0.2; done; return 1; }
# The schedules were looked at since: the service says in its log when a backup begins, and how many it follows never changes, so
# two scans have to pass.
no_more()    { sleep 11; has_points "$1"; }
said()       { keepgres backup-policy show -n nightly -v $VAULT | jq -c ".properties.policyRules[0]$1"; }

clock_to '2027-02-26T12:00:00Z'
pg_start
need createdb shop
sql shop <<<'create table orders as select g as id, repeat(md5(g::text), 8) as what from generate_series(1, 20000) g'
kg_setup

# ---- what may be said ----

jq '.policyRules[0].trigger.schedule = {repeatingTimeIntervals: ["R/2027-01-01T12:30:00/P1D"], timeZone: "UTC"}' "$T/policy.json" >"$T/daily.json"
fails "a window is two times of the day" "takes two times of the day, not '22-6'" \
      keepgres backup-policy create -n nightly -v $VAULT --policy "$T/daily.json" --window 22-6
fails "a rate is a number" "takes megabytes a second" \
      keepgres backup-policy create -n nightly -v $VAULT --policy "$T/daily.json" --rate-limit fast
fails "the service looks, too" 'startWindows\[0\] must be two times of the day' keepgres backup-policy create -n nightly -v $VAULT \
      --policy "$(jq -c '.policyRules[0].trigger.schedule.startWindows = ["22:00-22:00"]' "$T/daily.json")"
fails "and at the rate" 'rateLimitMBps must be a whole number' keepgres backup-policy create -n nightly -v $VAULT \
      --policy "$(jq -c '.policyRules[0].backupParameters.rateLimitMBps = 0' "$T/daily.json")"
succeeds "a policy has windows and a rate" keepgres backup-policy create -n nightly -v $VAULT --policy "$T/daily.json" \
         --window 22:00-02:00 04:00-05:00 --rate-limit 2
is "and shows its windows" "$(said .trigger.schedule.startWindows)" '["22:00-02:00","04:00-05:00"]'
is "and its rate" "$(said .backupParameters.rateLimitMBps)" 2
is "a preview knows them" "$(keepgres backup-policy preview -n nightly -v $VAULT --until 2027-03-01 | jq -r '[.. | objects | select(has("local")) | .time][0]' | cut -c1-16)" 2027-02-26T22:00

# ---- waiting ----

POLICY_ID=$(keepgres backup-policy show -n nightly -v $VAULT | jq -r .id)
need kg_protect shop
is "the instance says when the next one is" "$(keepgres backup-instance show -n shop -v $VAULT | jq -r .properties.nextBackupTime)" 2027-02-26T22:00:00Z
clock_to '2027-02-26T12:31:00Z'
check "a backup that is due outside of the window waits" no_more 0
began=$(date +%s%N)
succeeds "one on demand does not" kg_backup shop
took=$((($(date +%s%N) - began) / 1000000))
is "it is there" "$(kg_points shop | wc -l)" 1
is "its job tells what its tables took" "$(jq -c '.properties.extendedInfo.tables | [.done, .left, .inWork,
   (.biggest[0] | .schema + "." + .name, .rows, .seconds > 2)]' <<<"$out")" '[1,0,[],"public.orders",20000,true]'
# 5.4 MB at 2 MB/s, of which half a MB is free.
check "and took as long as its rate wants ($took ms)" [ "$took" -ge 2300 ]
clock_to '2027-02-26T21:59:55Z'
check "when the window opens the other starts" comes_to 2
clock_to '2027-02-27T02:00:10Z'
check "one start was one backup" no_more 2

# ---- taken back ----

succeeds "windows and rate are taken away" keepgres backup-policy update -n nightly -v $VAULT --window any --rate-limit 0
is "they are gone" "$(said .trigger.schedule.startWindows) $(said .backupParameters.rateLimitMBps)" 'null null'
began=$(date +%s%N)
succeeds "a backup then succeeds" kg_backup shop
took=$((($(date +%s%N) - began) / 1000000))
at_most "as fast as it can" "$took" 2200
check "what another schedule would have had is not made up for" no_more 3
clock_to '2027-02-27T12:30:01Z'
check "and the scheduled one starts when it is due" comes_to 4
finish
