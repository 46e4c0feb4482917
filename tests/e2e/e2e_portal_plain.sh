#!/usr/bin/env bash
# The portal as questions and lines, over a real service and a real PostgreSQL: a script is its input. From nothing to a vault,
# an error that is asked again, jobs, a backup that is followed, an end in the middle, a secret that is not shown.
# shellcheck source=../support/harness.sh
. "${BASH_SOURCE%/*}/../support/harness.sh"
# shellcheck source=../support/portal.sh
. "${BASH_SOURCE%/*}/../support/portal.sh"
need command -v tmux
cd "$T" || exit 1

# plain [options] <lines: what is written is in $out. Every line of the script waits for the question that it answers.
plain() { run timeout 60 keepgres portal --plain "$@"; }
answers() { printf '%s\n' "$@"; }
unlike() { if [[ $2 =~ $3 ]]; then not_ok "$1" "got: $2"; else ok "$1"; fi; }
not_escaped() { ! grep -q "[[:cntrl:]]" <<<"$out"; }

# ---- a vault, by the wizard ----

# 'keepgres --plain' is the same as 'keepgres portal --plain'.
run timeout 60 keepgres --plain --page backup-vaults < <(answers c '' '1vault' 'my-vault' '' 2 '' '' 2 1 'change 3' 'north' commands 'yes' 'save kept.key' 'save' 'done' 1 'open made' back quit)
is "a script of answers goes through the wizard" "$status" 0
like "an answer that is wrong says why" "$out" 'Error: 2 to 50 letters'
like "and is asked again with what was typed" "$out" 'Backup vault name \[1vault\]: '
like "a choice is read out with numbers" "$out" '2\. Zone redundant: '
like "the review lists the values" "$out" '4\. Storage redundancy: Zone redundant'
like "a value is changed from there" "$out" '3\. Region: north'
like "the equivalent command is said" "$out" 'keepgres backup-vault create -g default -v my-vault -l north'
like "what is being done is said" "$out" 'Creating the Backup vault'
like "the recovery key is shown once" "$out" 'Recovery key of my-vault:'
like "and the page of the vault is lines" "$out" 'Location: north'
like "with tabs as numbers" "$out" 'Tabs: 1 Overview \(shown\), 2 '
is "the vault is there" "$(keepgres backup-vault list | jq -r '.[] | [.name, .location, .properties.storageSettings[0].type] | @tsv')" \
   $'my-vault\tnorth\tZoneRedundant'
like "a file in the person's folder is proposed for it" "$out" "write it to $HOME/my-vault.recovery-key,"
check "the key is in the file that was named" grep -q . kept.key
is "which only its owner can read" "$(stat -c %a kept.key)" 600
like "and is never overwritten" "$out" "Error: .*'kept.key': File exists"
rm -f kept.key
check "nothing but text is written" not_escaped

# ---- what is typed and left ----

plain --page backup-vaults < <(answers c '' other-vault)
is "an end in the middle leaves" "$status" 0
like "and says that what was typed is lost" "$out" 'what was typed is lost'
is "nothing was made" "$(keepgres backup-vault list | jq length)" 1
plain --page backup-vaults < <(answers c '' other-vault :cancel no :back :cancel yes quit)
like "leaving what was typed is asked about" "$out" 'Leave\? yes or no'
like "a question leads back to the one before" "$out" 'Region \[local\]: .*Backup vault name \[other-vault\]: '
plain --page backup-vaults --readonly < <(answers c 'create-vault' 'delete-vault 1' quit)
like "a portal that only looks says so" "$out" '--readonly'
plain --page backup-vaults < <(answers 'delete-vault 1' my-vaul cancel quit)
like "deleting asks for the name" "$out" 'Type my-vault to do it'
is "and does nothing for another" "$(keepgres backup-vault list | jq length)" 1

# ---- a backup that is followed ----

pg_start pg
kg_setup
need createdb sales
need sql sales -c "create table t(i int primary key, v text); insert into t select i, md5(i::text) from generate_series(1, 20000) i"
need kg_protect sales
plain --page backup-instances < <(answers 'backup-now 1' '' '' yes watch back quit)
like "the job is followed to its end" "$out" 'Completed'
is "there is a recovery point" "$(kg_points sales | wc -l)" 1
plain --page backup-jobs < <(answers 'filter completed' 1 'open backup i' 'tab 2' quit)
like "jobs are numbered rows" "$out" '1\. Completed; Operation: '
like "a job is lines" "$out" 'Status: Completed'
like "what it names is opened" "$out" 'Protection configured'
unlike "what is empty is not read out" "$out" 'Recommended:'

# ---- a secret ----

plain --page key-vaults < <(answers 1 create-secret mine '' backup 'pass "word"' yes 'filter mine' quit)
like "a secret is asked without being shown" "$out" 'Password \(not shown\): '
like "and stored" "$out" 'Done: Secret mine was stored'
unlike "and never written" "$out" 'pass "word"'
is "in the key vault" "$(keepgres keyvault secret show -v kv1 -n mine | jq -r .name)" mine

# ---- a terminal ----

terminal 120x36
keys 'TERM=dumb keepgres portal' Enter
shows "a terminal that cannot be drawn on is told of --plain" 'keepgres portal --plain'
keys 'clear; keepgres portal --plain --page key-vaults' Enter
shows "it opens on a terminal" '^>$'
keys 1 Enter
shows "a number opens the row" '^Commands: create-secret'
keys create-secret Enter theirs Enter Enter backup Enter
shows "a secret is asked on a terminal" 'Password \(not shown\):$'
keys hush-hush
keys C-z
shows "which can be left for a while" 'Stopped'
keys 'clear; fg' Enter
shows "and come back to" 'Password \(not shown\):$'
keys hush-hush Enter
shows "it goes on" 'or cancel:$'
hides "what was typed is not seen" hush
keys C-c
shows "Ctrl-C leaves" 'shell\$ *$'
keys 'clear; stty -a | grep -c " echo "' Enter
shows "with the terminal as it was" '^1$'

# ---- sane at the end ----

mkfifo "$T/in"
timeout 60 keepgres portal --plain <"$T/in" >"$T/out" &
waits=$!
exec {feed}>"$T/in"
for _ in $(seq 100); do grep -q '^> ' "$T/out" && break; sleep 0.1; done
pkill -INT -P "$waits" keepgres
wait "$waits"
is "Ctrl-C leaves" $? 0
exec {feed}>&-
finish
