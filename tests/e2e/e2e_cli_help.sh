#!/usr/bin/env bash
# The command line explains itself, needs no service for that, and tells what it does not understand.
# shellcheck source=../support/harness.sh
. "${BASH_SOURCE%/*}/../support/harness.sh"

succeeds "help is there" keepgres --help
like "help names the groups" "$out" 'backup-vault.*backup-instance.*recovery-point'
is "no arguments mean help" "$(keepgres)" "$out"
is "'help' means help" "$(keepgres help)" "$out"
is "the version is one line" "$(keepgres --version)" "keepgres $(keepgres version | jq -r .keepgres)"

# Every command of the documentation has help with its name and an example.
commands=$(keepgres internal docs-cli | sed -n 's/^### keepgres //p')
check "there are commands" [ "$(wc -l <<<"$commands")" -ge 50 ]
bad=''
while read -r command; do
    # shellcheck disable=SC2086 # the words of a command
    text=$(keepgres $command --help 2>&1) && [[ $text == "keepgres $command - "* && $text == *Examples* ]] || bad+=" '$command'"
    # shellcheck disable=SC2086
    [ "$(keepgres dataprotection $command --help 2>&1)" = "$text" ] || bad+=" 'dataprotection $command'"
done <<<"$commands"
is "every command has help, with and without 'dataprotection' in front" "$bad" ''
for group in $(keepgres --help | sed -n '/^Groups/,/^$/s/^    \([a-z-]*\) .*/\1/p'); do
    like "group $group lists its commands" "$(keepgres "$group")" 'Commands'
done

fails "a mistyped command is understood" "Did you mean 'keepgres backup-vault create'" keepgres backup-vualt create
is "a wrong line is a usage error" $status 64
fails "a mistyped option is understood" "Did you mean '--vault-name'" keepgres backup-vault show --valt-name x
fails "a missing option is named" 'vault-name \(-v\) is required' keepgres backup-vault show
fails "a value that is missing is named" 'needs VAULT' keepgres backup-vault show -v
fails "a wrong choice is told" 'json, jsonc, table, tsv, none' keepgres group list -o yaml
fails "a destructive command asks, and without a terminal says how" '--yes' keepgres backup-vault delete -v x </dev/null
fails "a query is honestly not there" 'not in this version' keepgres group list --query x

succeeds "a policy template needs no service" keepgres backup-policy get-default-policy-template --datasource-type $KIND
is "the template is az's" "$(jq -r '.name + " " + .objectType' <<<"$out")" 'OssPolicy1 BackupPolicy'
id=/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/g/providers/Microsoft.DBforPostgreSQL/servers/s/databases/d
succeeds "initialize needs no service" keepgres backup-instance initialize --datasource-type $KIND --datasource-id $id -l local \
         --policy-id /subscriptions/x --secret-store-type AzureKeyVault --secret-store-uri https://k.vault.local/secrets/s
is "initialize prints snake_case" "$(jq -r .properties.data_source_info.resource_name <<<"$out")" d
succeeds "a restore request needs no service" keepgres backup-instance restore initialize-for-data-recovery \
         --datasource-type $KIND --restore-location local --source-datastore VaultStore --recovery-point-id p \
         --target-resource-id $id --table a.b c.d --table e.f
is "tables are gathered" "$(jq -c .restore_target_info.tables <<<"$out")" '["a.b","c.d","e.f"]'
fails "an in-place restore is refused" 'never restored over itself' keepgres backup-instance restore \
      initialize-for-data-recovery --datasource-type $KIND --recovery-point-id p --backup-instance-id x
fails "no service runs" 'no service runs' keepgres service status
is "and the exit code says so" $status 69
check "nothing of all this started a service" [ ! -e "$T/run/keepgres/api.sock" ]
finish
