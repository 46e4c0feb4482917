#!/usr/bin/env bash
# Key vaults: the newest version that can be read is read at every backup; dates, disabling and both permission models count;
# and all of it with the secrets in an Azure Key Vault, which misbehaves.
# shellcheck source=../support/harness.sh
. "${BASH_SOURCE%/*}/../support/harness.sh"

pg_start
need createdb shop
need sql shop -c "create table t as select generate_series(1, 1000) as i"
kg_setup
version_of() { keepgres keyvault secret show -v "$1" -n login | jq -r .properties.version; }
garbage() { echo 'Server=127.0.0.1;User Id=nobody;Password=wrong'; }

# ---- local, roles ----

succeeds "protection is configured" kg_protect shop
good=$(version_of $KV)
garbage | need keepgres keyvault secret set -v $KV -n login --value-stdin
fails "a new version is read at the next backup" 'nobody' kg_backup shop
need keepgres keyvault secret set-attributes -v $KV -n login --enabled false
succeeds "disabled, the one before it is" kg_backup shop
need keepgres keyvault secret set-attributes -v $KV -n login --enabled true --not-before 2099-01-01T00:00:00Z
succeeds "so it is while the new one is not valid yet" kg_backup shop
need keepgres keyvault secret set-attributes -v $KV -n login --not-before '' --expires 2020-01-01T00:00:00Z
succeeds "and when it has expired" kg_backup shop
need keepgres keyvault secret set-attributes -v $KV -n login --version "$good" --enabled false
fails "with no version left the backup says why" 'no version that can be read now; the newest expired at 2020-01-01' kg_backup shop
need keepgres keyvault secret set-attributes --id "$LOGIN/$good" --enabled true
succeeds "a version can be named by its URI" kg_backup shop
is "versions are listed, newest first" "$(keepgres keyvault secret list-versions -v $KV -n login | jq -r '.[-1].properties.version')" "$good"
garbage | need keepgres keyvault secret set -v $KV -n login --value-stdin --disabled
succeeds "a version that was set disabled is not read" kg_backup shop
garbage | need keepgres keyvault secret set -v $KV -n login --value-stdin --not-before 2099-01-01T00:00:00Z --expires 2099-02-01T00:00:00Z
succeeds "nor one that was set for later" kg_backup shop
fails "one cannot expire before it is valid" 'expire before' keepgres keyvault secret set -v $KV -n login --value-stdin \
      --not-before 2099-02-01T00:00:00Z --expires 2099-01-01T00:00:00Z < <(garbage)
fails "a date is a date" "'soon' is not a time" keepgres keyvault secret set-attributes -v $KV -n login --expires soon

# ---- network and access policies ----

need keepgres keyvault update -n $KV --bypass None
fails "a key vault that keeps trusted services out fails the backup" 'does not let trusted services in' kg_backup shop
need keepgres keyvault update -n $KV --bypass AzureServices
succeeds "and lets it work again" kg_backup shop
need keepgres keyvault update -n $KV --enable-rbac-authorization false
fails "roles count for nothing once it has access policies" 'no access policy' kg_backup shop
identity=$(keepgres backup-vault show -v $VAULT | jq -r .identity.principalId)
need keepgres keyvault set-policy -n $KV --object-id "$identity" --secret-permissions get list
succeeds "with Get the vault's identity may" kg_backup shop
need keepgres keyvault set-policy -n $KV --object-id "$identity" --secret-permissions list
fails "List alone is not enough" 'no access policy' kg_backup shop
need keepgres keyvault delete-policy -n $KV --object-id "$identity"
is "the policy is gone" "$(keepgres keyvault show -n $KV | jq '[.properties.accessPolicies[] | select(.objectId == "'"$identity"'")] | length')" 0
need keepgres keyvault update -n $KV --enable-rbac-authorization true
succeeds "back to roles" kg_backup shop

# ---- values on the command line ----

run keepgres keyvault secret set -v $KV -n other --value 'x=1'
like "a value on the command line is warned about" "$err" 'warning: others may have seen'
fails "two values exclude each other" 'exclude each other' keepgres keyvault secret set -v $KV -n other --value 'x=1' --file /dev/null
fails "an empty one is none" 'not empty' keepgres keyvault secret set -v $KV -n other --value ''
# It is gone from the list of processes before the service is asked: here one that never answers.
socat_dir=$T/tmp/mute
mkdir "$socat_dir"
python3 -c 'import socket, sys, time; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); time.sleep(60)' "$socat_dir/api.sock" &
mute=$!
for _ in $(seq 100); do [ -S "$socat_dir/api.sock" ] && break; sleep 0.1; done
keepgres keyvault secret set -v $KV -n other --value 'in-the-list-of-processes' --socket "$socat_dir/api.sock" >/dev/null 2>&1 &
sender=$!
sleep 1
is "a value on the command line is hidden at once" "$(tr '\0' ' ' <"/proc/$sender/cmdline" | grep -c in-the-list-of-processes)" 0
like "the rest of it is still there" "$(tr '\0' ' ' <"/proc/$sender/cmdline")" 'secret set'
kill $sender $mute
wait $sender $mute

# ---- Azure ----

azure_start
succeeds "a key vault of Azure is registered" keepgres keyvault create -n kvaz --provider azure --vault-uri "$AZURE_URI"
fails "a host that is none of Azure's gets no tokens" 'no host of Azure Key Vault' \
      keepgres keyvault create -n evil --provider azure --vault-uri https://localhost:1/
connection | need keepgres keyvault secret set -v kvaz -n login --value-stdin --content-type 'for backups'
succeeds "its secrets are listed" keepgres keyvault secret list -v kvaz
is "without values, in the shape of local ones" "$(jq -r '.[0] | .name + " " + .properties.secretUri + " " + (.properties | has("value") | tostring)' <<<"$out")" \
   "login ${AZURE_URI}secrets/login false"
need createdb shop2
KV=kvaz LOGIN=${AZURE_URI}secrets/login
succeeds "protection is configured with it" kg_protect shop2
: >"$T/azure/log"
succeeds "the backup reads the secret there" kg_backup shop2
like "at every backup" "$(azure_log)" 'vault GET /secrets/login 200'
garbage | need keepgres keyvault secret set -v kvaz -n login --value-stdin
fails "a new version counts at once" 'nobody' kg_backup shop2
need keepgres keyvault secret set-attributes -v kvaz -n login --enabled false
succeeds "disabled, the one before it is read" kg_backup shop2
is "there are two versions" "$(keepgres keyvault secret list-versions -v kvaz -n login | jq length)" 2
azure_next vault '429 1' 500 drop '401 Unauthorized'
succeeds "a key vault that is busy, broken and forgetful is asked again" kg_backup shop2
azure_next vault 'inner ForbiddenByRbac'
fails "one that denies fails the backup" 'denies secret .login.: HTTP status 403 ForbiddenByRbac' kg_backup shop2
azure_next vault garbage
fails "so does one that talks nonsense" 'did not answer with a JSON object' kg_backup shop2
azure_next imds '400 identity_not_found'
fails "and a machine without an identity" 'gives no token' kg_backup shop2
need keepgres keyvault update -n kvaz --bypass None
fails "the key vault's own rules count here, too" 'does not let trusted services in' kg_backup shop2
need keepgres keyvault update -n kvaz --bypass AzureServices
succeeds "a restore reads its secret there, too" kg_restore shop2 "$(kg_newest shop2)" back2
succeeds "a login is tested with it" keepgres server test pg1 --secret-uri "$LOGIN"
need keepgres keyvault secret delete -v kvaz -n login --yes
fails "a secret that is gone is said to be" "has no secret 'login'" kg_backup shop2
azure_end
fails "a key vault that nobody answers for is unreachable" 'cannot be reached' kg_backup shop2
finish
