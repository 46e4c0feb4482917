#!/usr/bin/env bash
# docs/configure-backup.md, typed as it stands: only the server's address is another's. Then what the page tells of in words.
# shellcheck source=../support/harness.sh
. "${BASH_SOURCE%/*}/../support/harness.sh"

pg_start
need createdb shop
need sql shop -o /dev/null -c "
    create schema sales; create table sales.orders(id serial primary key, note text);
    insert into sales.orders(note) select md5(i::text) from generate_series(1, 1000) i;
    create table customers(id int primary key, name text); insert into customers values (1, 'Ada')"
# Who administrates the server has a password for it, as everybody who comes over the network.
need sql postgres -c "alter role postgres password 'admin'"
(umask 077; echo '*:*:*:postgres:admin' >"$HOME/.pgpass")
mkdir "$T/page"
cd "$T/page" || exit 1
awk '/^```/ { on = !on; next } on' "$TOP/docs/configure-backup.md" |
    sed "s,--host db.example.com --sslmode require,--host 127.0.0.1 --port $PGPORT --sslmode disable," >page.sh
check "the page has commands" [ "$(grep -c '^keepgres' page.sh)" -ge 18 ]
check "with the server's address" grep -q "port $PGPORT" page.sh

# What fails is noted with its command; the rest goes on, as a person would.
run bash -uo pipefail -c 'trap "echo \"\$BASH_COMMAND\" >>failed" ERR; . ./page.sh'
is "two validations fail, and nothing else" "$(cut -d' ' -f 1-3 failed)" \
   "$(printf 'keepgres backup-instance validate-for-backup\n%.0s' 1 2)"
like "the first because of roles" "$err" 'role assignment not done.*update-msi-permissions'
like "the second because of privileges" "$err" 'validation failed.*SELECT on table.*grant-script'
like "the check names the tables" "$out" 'databasePrivileges +Failed +user .backup. lacks 4 privileges.*sales.orders'
like "templates are listed with their reason" "$out" 'template1.*It is a template'
like "what depends on them is skipped" "$out" 'secretFormat +Skipped'
like "after the script it is ready" "$out" $'\nSuccess\n'
like "the first backup is there" "$out" 'Full.*Default.*VaultStore.*Completed'
is "the template makes both assignments" "$(jq -r '.resources[0].properties.template.resources | map(.type) | unique[]' roles.json)" \
   Microsoft.Authorization/roleAssignments
instance=$(jq -r .backup_instance_name shop.json)
SERVER_ID=$(keepgres server show pg1 | jq -r .id)
KEYVAULT_ID=$(keepgres keyvault show -n kv1 | jq -r .id)
POLICY_ID=$(keepgres backup-policy show -n weekly -v vault1 | jq -r .id)
LOGIN=https://kv1.vault.local/secrets/pg1-login
backup() { keepgres backup-instance adhoc-backup -n "$instance" -v vault1 --rule-name BackupWeekly --wait; }
ready()  { keepgres backup-instance validate-for-backup -v vault1 --backup-instance "$1"; }
code()   { jq -r '.properties.errorDetails[0].code' <<<"$out"; }

# A database is protected once, and the list says by whom.
need createdb other
for db in shop other; do kg_document $db; done
fails "a database that is protected is refused with the vault's name" "vault 'vault1'" ready "$T/bi-shop.json"
succeeds "the databases are listed" keepgres server databases pg1 --secret-uri $LOGIN
is "the protected one with its vault" "$(jq -r '.[] | select(.name == "shop") | .reason' <<<"$out")" \
   "It is protected by backup instance '$instance' of vault 'vault1'."
is "the other one can be chosen" "$(jq -r '.[] | select(.name == "other") | .selectable' <<<"$out")" true
need keepgres backup-vault create -v far -l elsewhere --recovery-key-file far.key
is "not for a vault of another region" \
   "$(keepgres server databases pg1 -v far --secret-uri $LOGIN | jq -r '.[] | select(.name == "other") | .reason')" \
   "The server is in region 'local', vault 'far' in 'elsewhere'."

# What was granted can be taken away; jobs find out before they read anything.
need keepgres server add pg1 --host 127.0.0.1 --port "$PGPORT" --sslmode disable --allow-access false
fails "without access the job fails" 'access to server .pg1. is not allowed' backup
is "with Azure's code" "$(code)" UserErrorMissingNetworkSecurityPermissions
update="keepgres backup-instance update-msi-permissions --datasource-type $KIND --operation Backup --permissions-scope Resource"
update+=" -v vault1 --backup-instance $T/bi-other.json --keyvault-id $KEYVAULT_ID"
fails "without a terminal there is nobody to ask" 'Say --yes' $update
run script -qec "$update" /dev/null <<<n
is "a no is no error" $status 0
like "it was told what would be done" "$out" "server 'pg1': let backups connect.*Really grant this to the identity of vault 'vault1'"
is "and nothing was" "$(keepgres server show pg1 | jq .properties.allowAccess)" false
succeeds "update-msi-permissions allows it again" kg_grant "$T/bi-other.json"
is "and says what it did" "$(jq -r '.[].Name' <<<"$out")" AllowAllWindowsAzureIps
succeeds "nothing is left to grant" kg_grant "$T/bi-other.json"
is "an empty list" "$(jq -c . <<<"$out")" '[]'
like "and a word about it" "$err" 'already assigned'
succeeds "the backup succeeds again" backup
need keepgres keyvault secret set-attributes -v kv1 -n pg1-login --enabled false
fails "with a disabled secret the job fails" 'disabled' backup
is "with Azure's code once more" "$(code)" UserErrorInvalidSecret
need keepgres keyvault secret delete -v kv1 -n pg1-login --yes
fails "without its secret the job fails" 'pg1-login' backup
is "with Azure's code, too" "$(code)" UserErrorInvalidSecret
need keepgres keyvault secret set -v kv1 -n pg1-login --value-stdin <<<"User Id=backup;Password=wrong;"
fails "a wrong password is told by the validation" 'validation failed' ready "$T/bi-other.json"
is "as a login that failed" "$(jq -r .error.code <<<"$out")" UserErrorDBUserAuthFailed

# A new schema: what a user was given by name does not reach it; the script does.
need sql postgres -c "alter role backup password 'again'; create role plain login password 'plain'"
need keepgres keyvault secret set -v kv1 -n pg1-login --value-stdin <<<"User Id=plain;Password=plain;"
need sql other -c "create table t(i int); create schema one; create table one.t(i int)"
fails "a bare user cannot read" 'validation failed' ready "$T/bi-other.json"
fails "nor does a job begin to" 'SELECT on table' backup
is "with the code of the check" "$(code)" UserErrorMissingDBPermissions
is "and leaves no point" "$(keepgres recovery-point list --backup-instance-name "$instance" -v vault1 | jq length)" 2
for language in sql bash; do
    succeeds "the script is made as $language" keepgres backup-instance grant-script -v vault1 --backup-instance "$T/bi-other.json" --language $language
    printf '%s\n' "$out" >"grant.$language"
    if [ $language = sql ]; then succeeds "it runs" psql -X -q -v ON_ERROR_STOP=1 -d other -f grant.sql
    else succeeds "it runs" bash grant.bash -U postgres; fi
    succeeds "after it the database is ready" ready "$T/bi-other.json"
    need sql other -c "create schema after_$language; create table after_$language.t(i int); insert into after_$language.t values (1)"
    succeeds "a schema that appeared is covered" ready "$T/bi-other.json"
done

# 50 databases on 5 servers in one go.
for i in 1 2 3 4 5; do need keepgres server add "many$i" --host 127.0.0.1 --port "$PGPORT" --sslmode disable; done
seq 1 50 | while read -r i; do
    SERVER_ID=$(keepgres server show "many$(((i - 1) / 10 + 1))" | jq -r .id)
    db=other; [ $((i % 10)) -ne 0 ] || db=gone
    kg_document $db && jq --arg name "row$i" '.backup_instance_name = $name' "$T/bi-$db.json"
done | jq -s . >many.json
need keepgres backup-instance update-msi-permissions --datasource-type $KIND --operation Backup --permissions-scope Subscription \
     -v vault1 --backup-instance many.json --keyvault-id "$KEYVAULT_ID" --yes
began=$(date +%s)
fails "fifty rows are checked at once" '5 of 50 databases are not ready' keepgres backup-instance validate-for-backup -v vault1 --backup-instance many.json
is "each has its outcome" "$(jq -r '[.[].outcome] | group_by(.) | map("\(length) \(.[0])") | join(", ")' <<<"$out")" \
   '45 Success, 5 ValidationFailed'
is "the five are not there" "$(jq -r '[.[] | select(.outcome != "Success") | .error.code] | unique[]' <<<"$out")" UserErrorDBNotFound
at_most "in less than 30 seconds" $(($(date +%s) - began)) 30

# Restore as files: the identity must be able to write there.
need keepgres storage account create -n files1 --path "$T/files"
need keepgres storage container create -n dumps --account-name files1
keepgres backup-instance restore initialize-for-data-recovery-as-files --datasource-type $KIND --restore-location local \
         --source-datastore VaultStore --target-blob-container-url https://files1.blob.local/dumps --target-file-name it \
         --recovery-point-id "$(keepgres recovery-point list --backup-instance-name "$instance" -v vault1 | jq -r '.[0].name')" >restore.json
restore() { keepgres backup-instance restore trigger -n "$instance" -v vault1 --restore-request-object restore.json --wait; }
fails "files cannot be written without the role" 'Storage Blob Data Contributor' restore
is "with Azure's code as well" "$(code)" UserErrorContainerNotAccessible
need kg_grant_files files1
succeeds "with it they are" restore
fails "for a database Restore is no operation of update-msi-permissions" 'Restore is not for' \
      keepgres backup-instance update-msi-permissions --datasource-type $KIND --operation Restore --permissions-scope Resource -v vault1 --yes
cd / || exit 1
finish
