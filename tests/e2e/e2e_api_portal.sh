#!/usr/bin/env bash
# What an overview asks for, with a real database behind it: what is in a recovery point (and what is said when its manifest is
# gone or damaged), all resources, all policies, everything at a glance.
# shellcheck source=../support/harness.sh
. "${BASH_SOURCE%/*}/../support/harness.sh"

pg_start
need createdb shop
need sql shop <<'END'
create schema sales;
create table sales.orders as select g as id, md5(g::text) as what from generate_series(1, 1000) g;
create table public.items as select g as id from generate_series(1, 50) g;
select lo_from_bytea(0, 'abcde');
END
kg_setup
need kg_protect shop
need kg_backup shop
point=$(kg_newest shop)
contents() { keepgres recovery-point contents -n shop -v $VAULT --recovery-point-id "$point" "$@"; }

# ---- what is in a recovery point ----

succeeds "a recovery point's tables are listed" contents
is "with what each holds" "$(jq -c '[.value[] | [.schema, .name, .kind, .rows]]' <<<"$out")" \
   '[["public","items","table",50],["sales","orders","table",1000]]'
is "and its large objects, and that it has the roles" "$(jq -c '[.largeObjects, .omitted, .roles]' <<<"$out")" '[{"count":1,"bytes":5},0,true]'
is "of one schema" "$(contents --schema sales | jq -r '.value[].name')" orders
is "of a schema that it does not have" "$(contents --schema nothing | jq -c .value)" '[]'
like "as a table" "$(contents -o table)" 'Schema +Name +Kind +Rows +Bytes'
is "with a row a table" "$(contents -o table | grep -c ' table ')" 2
fails "an unknown point is told" "no recovery point 'ffffffffffffffffffffffffffffffff'" keepgres recovery-point contents -n shop -v $VAULT \
      --recovery-point-id ffffffffffffffffffffffffffffffff

manifest=$(find "$(keepgres backup-vault show -v $VAULT | jq -r .properties.storeSettings.path)/points" -name "$point")
check "the manifest is a file" test -f "$manifest"
need cp -p "$manifest" "$T/manifest"
chmod u+w "$manifest"
printf 'X' | dd of="$manifest" bs=1 seek=200 conv=notrunc status=none
fails "a damaged manifest is named" "contents of recovery point '$point'.*points/" contents
like "with what to do about it" "$err" 'vault check'
need mv "$manifest" "$T/gone"
fails "a missing one, too" "contents of recovery point '$point'" contents
like "with what to do about that" "$err" 'vault check.* restore another'
need cp -p "$T/manifest" "$manifest"
succeeds "when it is back, it is listed again" contents

# ---- everything there is ----

is "all resources are listed" "$(keepgres resource list | jq -r '.[].type' | sort -u | wc -l)" 3
is "those of a type" "$(keepgres resource list --resource-type microsoft.dataprotection/backupvaults | jq -r '.[].name')" $VAULT
is "those of a name in a group" "$(keepgres resource list -n $KV -g default | jq -r '.[].type')" Microsoft.KeyVault/vaults
is "none of another group" "$(keepgres resource list -g other)" '[]'
is "a quote is part of a name" "$(keepgres resource list -n "o'clock")" '[]'
like "as a table they have the same columns" "$(keepgres resource list -o table)" 'Name +ResourceGroup +Location +Type'
is "policies of all vaults are found" "$(keepgres backup-policy list-from-resourcegraph | jq -c '[.[] | [.name, .properties.backupInstancesCount]]')" \
   '[["weekly",1]]'
like "as a table, too" "$(keepgres backup-policy list-from-resourcegraph -o table)" "$VAULT +weekly"
is "the service says who asks" "$(keepgres service status | jq -c '[.caller.principalName, .caller.isOwner]')" "[\"$(id -un)\",true]"

# ---- at a glance ----

last=$(keepgres backup-instance show -n shop -v $VAULT | jq -c '.properties | [.lastBackup.status, .latestRecoveryPoint.recoveryPointId]')
is "an instance tells its last backup and its newest point" "$last" "[\"Completed\",\"$point\"]"
succeeds "all backups are shown at a glance" keepgres backup-center show
is "with what there is" "$(jq -c '[.instances.total, .instances.protected, .instances.attentionCount, .vaults, .policies, .servers]' <<<"$out")" '[1,1,0,1,1,1]'
is "with what is stored" "$(jq '.usage.VaultStore.storedBytes > 0 and .storedPerDay[13].bytes == .usage.VaultStore.storedBytes' <<<"$out")" true
is "with what comes next" "$(jq -r '.nextBackups[0].friendlyName' <<<"$out")" "$(keepgres backup-instance show -n shop -v $VAULT | jq -r .properties.friendlyName)"
pg_stop
kg_backup shop >"$T/failed" 2>&1
is "a backup that fails wants attention" "$(keepgres backup-center show --query 'instances.attention[0].[code, friendlyName] | length(@)')" 2
is "and says why" "$(keepgres backup-center show | jq '.instances.attention[0].reason | test("failed")')" true
finish
