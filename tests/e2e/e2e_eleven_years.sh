#!/usr/bin/env bash
# Eleven years of a policy with yearly, monthly and weekly rules and an archive, on a real vault with a small database. The test's
# clock goes from start to start, to one to three of every year's; on each of these days, what there is, and where, is compared with what
# `backup-policy preview` said on the first day, and that with what a few lines of python say of the same policy.
# shellcheck source=../support/harness.sh
. "${BASH_SOURCE%/*}/../support/harness.sh"

clock_start '2027-01-02T12:00:00Z'
printf '%s\n' 'archive_compression_level = 3' 'backup_jobs = 1' >>"$T/config/keepgres/keepgres.conf"
pg_start pg - fsync=off
need createdb shop
sql shop <<<"create table orders as select g as id, md5(g::text) || md5((g * 7)::text) as what from generate_series(1, 5000) g"
kg_setup

# Mondays at 02:00 in Berlin.
jq 'def store($s): {objectType: "DataStoreInfoBase", dataStoreType: $s};
    def keep($s; $d; $copies): {deleteAfter: {objectType: "AbsoluteDeleteOption", duration: $d}, sourceDataStore: store($s),
                                targetDataStoreCopySettings: $copies};
    def to_archive($how): [{dataStore: store("ArchiveStore"), copyAfter: $how}];
    def rule($n; $l): {objectType: "AzureRetentionRule", name: $n, isDefault: ($n == "Default"), lifecycles: $l};
    def tag($n; $p; $c): {tagInfo: {tagName: $n}, taggingPriority: $p, isDefault: false,
                          criteria: [{objectType: "ScheduleBasedBackupCriteria", absoluteCriteria: [$c]}]};
    .policyRules[0].trigger.schedule = {timeZone: "Europe/Berlin",
        repeatingTimeIntervals: ["R/2027-01-04T02:00:00/P1W"]}
    | .policyRules[0].trigger.taggingCriteria += [tag("Yearly"; 10; "FirstOfYear"), tag("Monthly"; 15; "FirstOfMonth"), tag("Weekly"; 20; "FirstOfWeek")]
    | .policyRules = [.policyRules[0],
        rule("Default"; [keep("VaultStore"; "P10D"; [])]),
        rule("Weekly"; [keep("VaultStore"; "P8W"; [])]),
        rule("Monthly"; [keep("VaultStore"; "P1M"; to_archive({objectType: "CustomCopyOption", duration: "P7D"})), keep("ArchiveStore"; "P18M"; [])]),
        rule("Yearly"; [keep("VaultStore"; "P1Y"; to_archive({objectType: "CopyOnExpiryOption"})), keep("ArchiveStore"; "P9Y"; [])])]' \
   "$T/policy.json" >"$T/years.json"
need keepgres backup-policy create -n years -v $VAULT --policy "$T/years.json"
POLICY_ID=$(keepgres backup-policy show -n years -v $VAULT | jq -r .id)

# ---- what is foretold ----

keepgres backup-policy preview -n years -v $VAULT --until 2038-02-01 >"$T/preview.json"
# The days on which backups will run, and what is there after each of them: "day tag store+store", by the preview and by python.
cat >"$T/foretell.py" <<'END'
import datetime as d, json, sys, zoneinfo
utc, zone = d.timezone.utc, zoneinfo.ZoneInfo("Europe/Berlin")

def starts():
    day = d.date(2027, 1, 4)
    while day < d.date(2038, 2, 1):
        if day.weekday() == 0:
            yield d.datetime(day.year, day.month, day.day, 2, tzinfo=zone).astimezone(utc)
        day += d.timedelta(1)

def add(t, years=0, months=0, days=0):
    m = t.month - 1 + months + 12 * years
    y, m = t.year + m // 12, m % 12 + 1
    last = (d.date(y + m // 12, m % 12 + 1, 1) - d.timedelta(1)).day
    return t.replace(year=y, month=m, day=min(t.day, last)) + d.timedelta(days)

def rule(t, seen):
    day = t.astimezone(zone).date()
    firsts = (("Yearly", day.year), ("Monthly", (day.year, day.month)), ("Weekly", day - d.timedelta(day.weekday())))
    tag = next((name for name, period in firsts if (name, period) not in seen), "Default")
    seen.update(firsts)
    return tag

def stays(t, tag):
    if tag == "Yearly":
        return [("VaultStore", t, add(t, years=1)), ("ArchiveStore", add(t, years=1), add(add(t, years=1), years=9))]
    if tag == "Monthly":
        return [("VaultStore", t, add(t, months=1)), ("ArchiveStore", add(t, days=7), add(add(t, days=7), months=18))]
    return [("VaultStore", t, add(t, days=56 if tag == "Weekly" else 10))]

def read(text):
    return d.datetime.fromisoformat(text[:19]).replace(tzinfo=utc)

def there(points, at, chosen):
    out = []
    for t, tag, homes in points:
        stores = [s for s, since, until in homes if since <= at < until]
        if t in chosen and t <= at and stores:
            out.append("%s %s %s" % (t.date(), tag, "+".join(sorted(stores))))
    return "\n".join(sorted(out)) + "\n"

all_starts, seen = list(starts()), set()
chosen = []
for year in range(2027, 2038):
    chosen += [t for t in all_starts if t.year == year][:1 if year % 4 else 2]
    if year % 3 == 1:
        chosen += [t for t in all_starts if (t.year, t.month) == (year, 7)][:1]
chosen += [t for t in all_starts if (t.year, t.month) == (2037, 12)][:1]
mine = [(t, tag, stays(t, tag)) for t in all_starts for tag in [rule(t, seen)]]
with open(sys.argv[1]) as f: preview = json.load(f)
foretold = [(read(p["time"]), p["tag"], [(s["store"], read(s["from"]), read(s["until"])) for s in p["leaves"]]) for p in preview["points"]]
if sys.argv[2] == "compare":
    print(len(foretold), preview.get("pointCount"), len(mine))
    for a, b in zip(foretold, mine):
        if a != b: print("preview", a, "python", b)
elif sys.argv[2] == "days":
    for t in chosen: print(t.strftime("%Y-%m-%dT%H:%M:%SZ"))
else:
    at = read(sys.argv[2]) + d.timedelta(seconds=30)
    sys.stdout.write(there(foretold, at, set(chosen)))
END
foretell() { python3 "$T/foretell.py" "$T/preview.json" "$1"; }
foretell compare >"$T/compare"
is "the preview is what python says of the policy" "$(cat "$T/compare")" "578 578 578"
foretell days >"$T/days"

# ---- eleven years ----

need kg_protect shop
sleep 6 # a new instance begins with the first look at it
points() { keepgres recovery-point list --backup-instance-name shop -v $VAULT --query '[].properties' 2>/dev/null; }
there()
{
    points | jq -r '.[] | .recoveryPointTime[:10] + " " + .retentionTagName + " " +
                    ([.recoveryPointDataStoresDetails[].type] | sort | join("+"))' | sort
}
newest_is() { [ "$(keepgres recovery-point list --backup-instance-name shop -v $VAULT --query '[0].properties.recoveryPointTime' -o tsv 2>/dev/null | cut -c1-10)" = "$1" ]; }
agrees()    { there >"$T/there"; cmp -s "$T/there" "$T/foretold"; }
quickly()   { for _ in $(seq 400); do "$@" && return 0; sleep 0.05; done; return 1; }
ran=0 right=0 n=0
while read -r day; do
    n=$((n + 1))
    need sql shop -c "update orders set what = md5(what) where id % 50 = $n % 50; insert into orders select g, md5(g::text) from generate_series(5000 + $n * 20, 5019 + $n * 20) g"
    sums shop >"$T/${day%T*}.sums"
    clock_to "$day"
    quickly newest_is "${day%T*}" && ran=$((ran + 1))
    foretell "$day" >"$T/foretold"
    if quickly agrees; then right=$((right + 1))
    else note "on $day:" "$(diff "$T/there" "$T/foretold")"; fi
done <"$T/days"
is "every backup ran by itself" "$ran" "$n"
is "on each of these days there were the points that were foretold, where they were foretold" "$right" "$n"
is "no job has failed" "$(keepgres job list -v $VAULT --all --status Failed | jq -c 'map([.properties.operation, .properties.startTime, .properties.errorDetails[0].message])')" '[]'

# ---- what is left of it ----

oldest=$(keepgres recovery-point list --backup-instance-name shop -v $VAULT --query '[-1].name' -o tsv)
day=$(head -n 1 "$T/there" | cut -c1-10)
is "the oldest has been there for ten years, but for a few days" "$day" 2028-01-03
keepgres backup-instance restore initialize-for-data-recovery --read-back --datasource-type $KIND --restore-location local \
         --source-datastore ArchiveStore --recovery-point-id "$oldest" --target-resource-id "$SERVER_ID/databases/old" \
         --secret-store-type AzureKeyVault --secret-store-uri "$LOGIN" --rehydration-priority High --rehydration-duration 10 >"$T/restore.json"
succeeds "it comes back from the archive" keepgres backup-instance restore trigger -n shop -v $VAULT --restore-request-object "$T/restore.json" --wait
same_file "with what was there on that day" <(sums old) "$T/$day.sums"

# ---- what it takes ----

for hour in 12 13; do # what one collection dooms, the next one deletes
    clock_to "$(tail -n 1 "$T/days" | cut -c1-10)T$hour:00:00Z"
    need keepgres vault collect -v $VAULT
done
need run keepgres vault collect -v $VAULT --dry-run
is "after that nothing is left in either store that no point needs" "$(jq -c '[.deadBytes, .archive.deadBytes]' <<<"$out")" '[0,0]'
needed=$(keepgres backup-vault usage -v $VAULT | jq .properties.neededStoredBytes)
at_most "and the vault takes little more than its points need" "$(kg_vault_bytes)" $((needed * 12 / 10 + 65536))
vault_is_healthy "vault and archive are whole" --read-data
finish
