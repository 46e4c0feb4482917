#!/usr/bin/env bash
# A password, a recovery key, and what an Azure Key Vault is asked with (client secret, tokens) are seen by nobody, whichever way they
# came: not in a command line, an environment, a log, the catalog, the vault, an answer, a core, or a file on the way; and the password
# comes back in no form from the service.
# shellcheck source=../support/harness.sh
. "${BASH_SOURCE%/*}/../support/harness.sh"

PASSWORD=Canary-$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')-canary
CLIENT_SECRET=Client-$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')-secret
TOKEN=token-canary-     # how the tokens of the test's key vault begin
ulimit -c unlimited     # whoever may leave a core here, does
pg_start
need createdb shop
need createdb shop2
need createdb shop3
need sql shop -c "create table t as select i, md5(i::text), repeat(md5((i + 1)::text), 10) as b from generate_series(1, 150000) i"

# A watcher looks at every process and every new file for as long as the test runs.
cat >"$T/watch.py" <<'END'
import glob, os, sys, time
canaries, control, folder, found = open(sys.argv[1], "rb").read().split(), sys.argv[2].encode(), sys.argv[3], set()
me = {os.getpid(), os.getppid()}      # the shell of the test knows the password, of course
stop = os.path.join(folder, "stop-watching")
def look(name, what):
    try:
        with open(name, "rb") as f:
            text = f.read(4 << 20)
            if any(c in text for c in canaries):
                found.add(what)
            if control in text:
                found.add("control: " + what.split()[0])
    except OSError:
        pass
# A test that bails out takes its folder with it, or leaves this process to somebody else.
parent = os.getppid()
while not os.path.exists(stop) and os.path.isdir(folder) and os.getppid() == parent:
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
printf '%s\n' "$PASSWORD" "$CLIENT_SECRET" "$TOKEN" >"$T/canary"
python3 "$T/watch.py" "$T/canary" control-of-the-watcher "$T" >"$T/seen" &
watcher=$!
CONTROL=control-of-the-watcher sleep 3 &
sh -c 'sleep 3; : control-of-the-watcher' &
echo control-of-the-watcher >"$T/tmp/control"

# Everything is logged, and every command tells what it sends; what all of them print is kept.
mkdir -p "$T/config/keepgres" "$T/said"
echo 'log_level = debug' >"$T/config/keepgres/keepgres.conf"
keepgres()
{
    local said=$T/said/$BASHPID-$RANDOM$RANDOM code
    command keepgres "$@" --debug 2>"$said.err" | tee "$said.out"
    code=${PIPESTATUS[0]}
    grep -v '^debug: ' "$said.err" >&2
    return "$code"
}
kg_setup

# By the shell itself: a program that searches would have the password in its command line.
unquoted()
{
    if [[ $out$err = *"$PASSWORD"* || $out$err = *"$CLIENT_SECRET"* || $out$err = *"$TOKEN"* ]]; then not_ok "$1"; else ok "$1"; fi
}

# ---- the ways in: standard input (kg_setup's), a file, a terminal ----

connection >"$T/connection"
succeeds "a secret is set from a file" keepgres keyvault secret set -v $KV -n from-file --file "$T/connection"
# Types what is in a file when the prompt is there; prints what the terminal showed.
cat >"$T/type.py" <<'END'
import os, pty, sys, termios, time
text, argv = open(sys.argv[1], "rb").read().strip(), sys.argv[2:]
pid, fd = pty.fork()
if pid == 0:
    os.execvp(argv[0], argv)
shown, typed = b"", False
while True:
    try:
        piece = os.read(fd, 65536)
    except OSError:
        break
    if not piece:
        break
    shown += piece
    if b"not shown" in shown and not typed:
        typed = True
        while termios.tcgetattr(fd)[3] & termios.ECHO:  # what is typed before is thrown away
            time.sleep(0.01)
        os.write(fd, text + b"\r")
_, status = os.waitpid(pid, 0)
print(shown.decode())
sys.exit(os.waitstatus_to_exitcode(status))
END
succeeds "a secret is set at a terminal" timeout 60 python3 "$T/type.py" "$T/connection" keepgres keyvault secret set -v $KV -n from-terminal
like "it asked for it" "$out" 'not shown'
unquoted "and the terminal did not show it"
for way in login from-file from-terminal; do
    succeeds "what was set so logs in: $way" keepgres server test pg1 --secret-uri "https://$KV.vault.local/secrets/$way"
done

# ---- what is done with it ----

succeeds "protection is configured" kg_protect shop
succeeds "the backup succeeds" kg_backup shop
succeeds "the restore succeeds" kg_restore shop "$(kg_newest shop)" back
succeeds "the restore as files succeeds" kg_restore_files shop "$(kg_newest shop)" it
succeeds "the server's databases are listed" keepgres server databases pg1 --secret-uri "$LOGIN"
kg_document shop2
succeeds "what is missing is listed" keepgres backup-instance role-template -v $VAULT --backup-instance "$T/bi-shop2.json"
run kg_grant "$T/bi-shop2.json"
succeeds "a database is validated" keepgres backup-instance validate-for-backup -v $VAULT --backup-instance "$T/bi-shop2.json"
succeeds "a grant script is made" keepgres backup-instance grant-script -v $VAULT --backup-instance "$T/bi-shop2.json"
unquoted "which holds no password"
# A key vault with access policies.
need keepgres keyvault create -n kv2 --enable-rbac-authorization false
connection | need keepgres keyvault secret set -v kv2 -n login --value-stdin
KV=kv2 LOGIN=https://kv2.vault.local/secrets/login succeeds "protection is configured by an access policy" kg_protect shop3
succeeds "the backup succeeds with it" kg_backup shop3

# ---- failures must not print what they failed with ----

printf 'Server=127.0.0.1;Port=%s;User Id=backup;Password=%s;Nonsense=%s' "$PGPORT" "$PASSWORD" "$PASSWORD" |
    need keepgres keyvault secret set -v $KV -n login --value-stdin
fails "a bad connection string fails the backup" 'connection string' kg_backup shop
unquoted "and is not quoted in the error"
run keepgres backup-instance validate-for-backup -v $VAULT --backup-instance "$T/bi-shop2.json"
unquoted "nor in a validation"
printf '%s' "$PASSWORD=$PASSWORD" | need keepgres keyvault secret set -v $KV -n login --value-stdin
fails "a password instead of a connection string fails it, too" 'no key that is known' keepgres server test pg1 --secret-uri "$LOGIN"
unquoted "and is not quoted either"
printf 'postgresql://backup:%s@127.0.0.1:%s/postgres?nonsense=1' "$PASSWORD" "$PGPORT" |
    need keepgres keyvault secret set -v $KV -n login --value-stdin
fails "so does a URI" 'connection string' keepgres server test pg1 --secret-uri "$LOGIN"
unquoted "and that neither"
connection | sed "s/User Id=backup/User Id=nobody/" | need keepgres keyvault secret set -v $KV -n login --value-stdin
fails "a login that is refused says so" '.' kg_backup shop
unquoted "and does not quote the password"
connection | run keepgres keyvault secret set -v $KV -n bad_name --value-stdin
connection | run keepgres keyvault secret set -v $KV -n login --value-stdin --not-before 2030-01-01T00:00:00Z --expires 2029-01-01T00:00:00Z
connection | run keepgres keyvault secret set -v none -n login --value-stdin
connection | need keepgres keyvault secret set -v $KV -n login --value-stdin
postmaster=$(head -n 1 "$T/pg/data/postmaster.pid")
kill -QUIT "$postmaster"
for _ in $(seq 100); do [ -d "/proc/$postmaster" ] || break; sleep 0.1; done
fails "a server that is down fails the backup" '.' kg_backup shop
unquoted "without the password"
need pg_restart

# ---- secrets that stay in Azure ----

azure_start "$CLIENT_SECRET"
printf '%s' "$CLIENT_SECRET" >"$T/client"
succeeds "a key vault of Azure is registered" keepgres keyvault create -n kvaz --provider azure --vault-uri "$AZURE_URI" \
         --credential client-secret --client-id 11111111-2222-3333-4444-555555555555 --tenant-id contoso.example --client-secret-file "$T/client"
unquoted "and its client secret is not in the answer"
succeeds "a secret is set there" keepgres keyvault secret set -v kvaz -n login --value-stdin < <(connection)
unquoted "and its value is not in the answer"
KV=kvaz LOGIN=${AZURE_URI}secrets/login succeeds "protection is configured with it" kg_protect shop2
succeeds "the backup reads it from there" kg_backup shop2
succeeds "so does a restore" kg_restore shop2 "$(kg_newest shop2)" back2
azure_next login '401 invalid_client'
fails "a client secret that is refused fails the backup" 'invalid_client' kg_backup shop2
unquoted "and is not quoted"
azure_next vault garbage
run kg_backup shop2
unquoted "what a key vault answers is not quoted"
azure_next vault redirect
run kg_backup shop2
unquoted "nor where it points"
need keepgres keyvault update -n kvaz --credential managed-identity
succeeds "with the machine's identity the backup reads it, too" kg_backup shop2
isnt "the key vault was asked for it" "$(azure_log | grep -c 'vault GET /secrets/login 200')" 0

# ---- a worker that holds it, and its end ----

state_holds() { grep -rlaF -f "$T/canary" "$T/state" "$T/run" "$T/home" "$T/tmp" --exclude=stderr --exclude=need; }
core_limit() { awk '/^Max core file size/ { print $5, $6 }' "/proc/$1/limits"; }
connection | need keepgres keyvault secret set -v $KV -n login --value-stdin
sql shop -c "begin; lock table t in access exclusive mode; select pg_sleep(60)" >/dev/null 2>&1 &
locker=$!
sleep 1
kg_backup shop >"$T/held" 2>&1 &
backup=$!
for _ in $(seq 100); do worker=$(kg_workers | head -n 1); [ -n "$worker" ] && break; sleep 0.1; done
sleep 1
is "the catalog, its log and all other files say nothing while it runs" "$(state_holds)" ''
is "a worker leaves no core" "$(core_limit "$worker")" '0 0'
is "nor does the service" "$(core_limit "$(kg_pid)")" '0 0'
is "nor a client" "$(core_limit "$(pgrep -P $backup -x keepgres | head -n 1)")" '0 0'
folders="$(readlink "/proc/$worker/cwd") $(readlink "/proc/$(kg_pid)/cwd") $T $PWD"
kill -ABRT "$worker"
wait $backup
like "the job says that its worker died" "$(cat "$T/held")" 'signal 6|[Aa]bort'
run cat "$T/held"
unquoted "and nothing else"
kill $locker 2>/dev/null
sql postgres -c "select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep%' and pid <> pg_backend_pid()" >/dev/null
wait $locker 2>/dev/null

# ---- all there is to ask ----

KVS="$KV kv2 kvaz"
for form in json jsonc table tsv yaml; do
    for what in "keyvault list" "server list" "server show pg1" "backup-vault list" "backup-vault show -v $VAULT" "backup-policy list -v $VAULT" \
                "backup-instance list -v $VAULT" "backup-instance list-from-resourcegraph" "job list -v $VAULT" \
                "job list-from-resourcegraph" "recovery-point list -v $VAULT --backup-instance-name shop" "storage account list" \
                "role assignment list" "audit list" "service status"; do
        # shellcheck disable=SC2086 # words
        run keepgres $what -o $form
    done
    for kv in $KVS; do
        for what in "keyvault show -n $kv" "keyvault secret list -v $kv" "keyvault secret show -v $kv -n login" \
                    "keyvault secret list-versions -v $kv -n login"; do
            # shellcheck disable=SC2086 # words
            succeeds "it answers: $what, as $form" keepgres $what -o $form
        done
    done
done
for job in $(keepgres job list -v $VAULT | jq -r '.[].name'); do
    run keepgres job show -v $VAULT --job-id "$job"
    run keepgres job log -v $VAULT --job-id "$job"
done
run keepgres service logs --lines 100000
# And without a client in between: every path that was asked for, operations and their results with them.
api() { curl -sS --max-time 20 --path-as-is --unix-socket "$T/run/keepgres/api.sock" "http://keepgres$1"; }
cat "$T"/said/*.err | sed -n 's/^debug: [A-Z]* \(\/[^ ]*\) .*/\1/p' | sort -u >"$T/paths"
cat "$T"/said/*.out | grep -o '"/subscriptions/[^"]*"' | tr -d '"' | sort -u >>"$T/paths"
while read -r path; do api "$path"; echo; done <"$T/paths" >"$T/said/raw" 2>&1
at_most "some hundred paths were asked" 100 "$(wc -l <"$T/paths")"
like "and answered" "$(cat "$T/said/raw")" '"secretUri"'

# ---- what is left in memory, and in cores ----

# Of the service: a value stands there only while a task needs it. The name of the vault shows that the search sees something.
cat >"$T/memory.py" <<'END'
import sys
pid, canaries, control = sys.argv[1], open(sys.argv[2], "rb").read().split(), sys.argv[3].encode()
found = set()
with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
    for line in maps:
        span, mode = line.split()[:2]
        if "w" not in mode or "[v" in line:
            continue
        first, last = (int(x, 16) for x in span.split("-"))
        try:
            memory.seek(first)
            data = memory.read(last - first)
        except OSError:
            continue
        found |= {"canary" for c in canaries if c in data}
        found |= {"control"} if control in data else set()
print(" ".join(sorted(found)))
END
run python3 "$T/memory.py" "$(kg_pid)" "$T/canary" "backupVaults/$VAULT"
if [ $status -eq 0 ]; then is "the service has forgotten all of it" "$out" control
else skip "the service has forgotten all of it" "its memory cannot be read"; fi
# Starts a program with any core allowed, aborts it, and tells whether the kernel wrote one.
cat >"$T/abort.py" <<'END'
import os, resource, signal, subprocess, sys, time
everything = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
p = subprocess.Popen(sys.argv[2:], cwd=sys.argv[1], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                     preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, everything))
time.sleep(2)
os.kill(p.pid, signal.SIGABRT)
_, status = os.waitpid(p.pid, 0)
print("core" if os.WIFSIGNALED(status) and os.WCOREDUMP(status) else "none" if os.WIFSIGNALED(status) else "ended")
END
need keepgres service stop
mkdir "$T/cores"
if [ "$(python3 "$T/abort.py" "$T/cores" sleep 20 2>/dev/null)" = core ]; then
    is "a service that is aborted leaves no core" "$(python3 "$T/abort.py" "$T/cores" keepgres serve)" none
else
    skip "a service that is aborted leaves no core" "nothing leaves a core on this machine"
fi
rm -f "$T"/cores/core*
# shellcheck disable=SC2086 # a list of folders
is "no core lies about" "$(find $folders -maxdepth 1 -name 'core*' -type f -newer "$T/canary" 2>/dev/null)" ''

azure_end
touch "$T/stop-watching"
wait $watcher
rm "$T/tmp/control"
is "the watcher sees command lines, environments and files" "$(grep '^control' "$T/seen" | sort | tr '\n' ' ')" \
   "control: command control: environment control: file "
for canary in "$PASSWORD" "$CLIENT_SECRET" "$TOKEN"; do
    is "no answer of the service holds ${canary%%-*}" "$(grep -rlaF -e "$canary" "$T/said" "$T/held")" ''
done
is "nobody saw one of them while it was used" "$(grep -v '^control' "$T/seen")" ''

# The watcher looked at small files as they came; now all of what is left, and in the forms a password takes.
find_in() { grep -rlaF -e "$1" "$T/state" "$T/data" "$T/files" "$T/tmp" "$T/run" "$T/home" "$T/pg/log" 2>/dev/null; }
is "no file holds the password" "$(find_in "$PASSWORD")" ''
is "nor the client secret" "$(find_in "$CLIENT_SECRET")" ''
is "nor a token" "$(find_in "$TOKEN")" ''
is "nor its base64" "$(find_in "$(printf '%s' "$PASSWORD" | base64 -w0 | cut -c1-24)")" ''
is "nor its hexadecimal" "$(find_in "$(printf '%s' "$PASSWORD" | od -An -tx1 | tr -d ' \n')")" ''
is "the recovery key's file is the owner's alone" "$(stat -c %a "$T/$VAULT.key")" 600
key=$(tr -d '\n' <"$T/$VAULT.key")
check "the recovery key is there" [ ${#key} -ge 40 ]
is "keepgres keeps it nowhere" "$(find_in "$key"; grep -rlF -e "$key" "$T/said")" ''
is "the service's key is the owner's alone" "$(stat -c %a "$T/state/keepgres/service.key")" 600
is "so is the folder of the state" "$(stat -c %a "$T/state/keepgres")" 700
is "nothing in the vault is readable by others" "$(find "$T/data" -type f -perm /077 | head -n 3)" ''
check "the vault's bytes say nothing of the data" sh -c "! grep -rqaF 'c4ca4238a0b923820dcc509a6f75849b' '$T/data'"
finish
