#!/usr/bin/env bash
# A password and a recovery key are seen by nobody: not in a command line, an environment, a log, the state directory, the
# vault, an answer, or a file on the way; and the password comes back in no form from the service.
# shellcheck source=../support/harness.sh
. "${BASH_SOURCE%/*}/../support/harness.sh"

PASSWORD=Canary-$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')-canary
pg_start
need createdb shop
need sql shop -c "create table t as select i, md5(i::text), repeat(md5((i + 1)::text), 10) as b from generate_series(1, 150000) i"

# A watcher looks at every process and every new file for as long as the test runs.
cat >"$T/watch.py" <<'END'
import glob, os, sys, time
canary, control, folder, found = open(sys.argv[1], "rb").read(), sys.argv[2].encode(), sys.argv[3], set()
me = {os.getpid(), os.getppid()}      # the shell of the test knows the password, of course
stop = os.path.join(folder, "stop-watching")
def look(name, what):
    try:
        with open(name, "rb") as f:
            text = f.read(4 << 20)
            if canary in text:
                found.add(what)
            if control in text:
                found.add("control: " + what.split()[0])
    except OSError:
        pass
while not os.path.exists(stop):
    for p in glob.glob("/proc/[0-9]*"):
        pid = int(p[6:])
        if pid in me:
            continue
        try:
            name = os.readlink(p + "/exe")
        except OSError:
            name = "?"
        look(p + "/cmdline", f"command line of {name}")
        look(p + "/environ", f"environment of {name}")
    for top in (os.path.join(folder, "tmp"), os.path.join(folder, "run"), os.path.join(folder, "state"), os.path.join(folder, "home")):
        for d, _, files in os.walk(top):
            for f in files:
                look(os.path.join(d, f), f"file {os.path.join(d, f)}")
    time.sleep(0.01)
print("\n".join(sorted(found)))
END
# The canary reaches the watcher through a file, not through its own command line.
# The control stands where the canary must not, so that a blind watcher is noticed.
printf '%s' "$PASSWORD" >"$T/canary"
python3 "$T/watch.py" "$T/canary" control-of-the-watcher "$T" >"$T/seen" &
CONTROL=control-of-the-watcher sleep 3 &
sh -c 'sleep 3; : control-of-the-watcher' &
echo control-of-the-watcher >"$T/tmp/control"

kg_setup

# By the shell itself: a program that searches would have the password in its command line.
unquoted() { if [[ $out$err = *"$PASSWORD"* ]]; then not_ok "$1"; else ok "$1"; fi; }
succeeds "protection is configured" kg_protect shop
succeeds "the backup succeeds" kg_backup shop
succeeds "the restore succeeds" kg_restore shop "$(kg_newest shop)" back
succeeds "the restore as files succeeds" kg_restore_files shop "$(kg_newest shop)" it
succeeds "a login is tested" keepgres server test pg1 --secret-uri "$LOGIN"
# A failure must not print what it failed with.
printf 'Server=127.0.0.1;Port=%s;User Id=backup;Password=%s;Nonsense=%s' "$PGPORT" "$PASSWORD" "$PASSWORD" |
    need keepgres keyvault secret set -v $KV -n login --value-stdin
run kg_backup shop
unquoted "a bad connection string is not quoted in the error"
connection | sed "s/User Id=backup/User Id=nobody/" | need keepgres keyvault secret set -v $KV -n login --value-stdin
fails "a login that is refused says so" '.' kg_backup shop
unquoted "and does not quote the password"
{
    keepgres keyvault secret show -v $KV -n login
    keepgres keyvault secret list -v $KV
    keepgres server show pg1
    keepgres backup-instance show -n shop -v $VAULT
    keepgres job list -v $VAULT
    for job in $(keepgres job list -v $VAULT | jq -r '.[].name'); do keepgres job log -v $VAULT --job-id "$job"; done
    keepgres service logs --lines 100000
} >"$T/answers" 2>&1
need keepgres service stop

touch "$T/stop-watching"
wait
rm "$T/tmp/control"
is "the watcher sees command lines, environments and files" "$(grep '^control' "$T/seen" | sort | tr '\n' ' ')" \
   "control: command control: environment control: file "
check "no answer of the service holds the password" sh -c "! grep -qF '$PASSWORD' '$T/answers'"
is "nobody saw the password while it was used" "$(grep -v '^control' "$T/seen")" ''

# The watcher looked at small files as they came; now all of what is left, and in the forms a password takes.
find_in() { grep -rlaF -e "$1" "$T/state" "$T/data" "$T/files" "$T/tmp" "$T/run" "$T/home" "$T/pg/log" 2>/dev/null; }
is "no file holds the password" "$(find_in "$PASSWORD")" ''
is "nor its base64" "$(find_in "$(printf '%s' "$PASSWORD" | base64 -w0 | cut -c1-24)")" ''
is "nor its hexadecimal" "$(find_in "$(printf '%s' "$PASSWORD" | od -An -tx1 | tr -d ' \n')")" ''
is "the recovery key's file is the owner's alone" "$(stat -c %a "$T/$VAULT.key")" 600
key=$(tr -d '\n' <"$T/$VAULT.key")
check "the recovery key is there" [ ${#key} -ge 40 ]
is "keepgres keeps it nowhere" "$(find_in "$key"; grep -lF -e "$key" "$T/answers")" ''
is "the service's key is the owner's alone" "$(stat -c %a "$T/state/keepgres/service.key")" 600
is "so is the folder of the state" "$(stat -c %a "$T/state/keepgres")" 700
is "nothing in the vault is readable by others" "$(find "$T/data" -type f -perm /077 | head -n 3)" ''
check "the vault's bytes say nothing of the data" sh -c "! grep -rqaF 'c4ca4238a0b923820dcc509a6f75849b' '$T/data'"
finish
