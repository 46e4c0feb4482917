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
fails "all that are missing are named at once" 'name \(-n\) and --vault-name \(-v\) are required' keepgres backup-policy show
fails "a wrong choice is told" 'json, jsonc, yaml, yamlc, table, tsv, none' keepgres group list -o xml
fails "a destructive command asks, and without a terminal says how" '--yes' keepgres backup-vault delete -v x </dev/null
fails "a broken query is told where it breaks" "query: expected an operator or '\]' at the end of the query" keepgres group list --query "[?name=='x'"
is "before anything is sent" "$status $([ -e "$T/run/keepgres/api.sock" ] && echo started)" '64 '
like "--help wins over whatever else is wrong" "$(keepgres backup-vault show --nonsense --help)" '^keepgres backup-vault show - '
for topic in query output environment exit-codes; do
    like "help explains $topic" "$(keepgres help $topic)" "^$topic - "
done
like "the top of the help names the topics" "$(keepgres --help)" 'Topics.*query.*environment'
is "no help page is wider than the screen" "$(for t in query output environment exit-codes; do keepgres help $t; done | awk 'length($0) > 80 && !/^    /')" ''

# Forms and queries of a result that needs no service.
is "a query picks" "$(keepgres version --query keepgres -o tsv)" "$(keepgres version | jq -r .keepgres)"
is "one that finds nothing prints nothing" "$(keepgres version --query nothing)" ''
is "a table has the query's columns" "$(keepgres version --query '{V:keepgres}' -o table | head -n 1)" V
is "YAML is there" "$(keepgres version --query '{a:[keepgres]}' -o yaml)" "a:
- '$(keepgres version | jq -r .keepgres)'"
is "none is nothing" "$(keepgres version -o none)" ''
is "colours are for terminals" "$(keepgres version -o jsonc)" "$(keepgres version)"
is "a variable chooses the form" "$(KEEPGRES_DEFAULTS_OUTPUT=tsv keepgres version --query keepgres)" "$(keepgres version --query keepgres -o tsv)"
is "an option wins over it" "$(KEEPGRES_DEFAULTS_OUTPUT=none keepgres version -o json)" "$(keepgres version)"
fails "a variable with another word in it is refused" 'KEEPGRES_DEFAULTS_OUTPUT has no choice .xml.' env KEEPGRES_DEFAULTS_OUTPUT=xml keepgres version
fails "what fails in a query is told" 'query: abs\(\) wants a number' keepgres version --query 'abs(keepgres)'
run keepgres version --query '{a:{b:keepgres}}' -o table
like "a table of nothing says so" "$status$out$err" '^0warning: nothing in the result'

# Completion: the scripts are made from the same table as the help.
succeeds "bash completion is made" keepgres completion bash
printf '%s\n' "$out" >"$T/keepgres.bash"
succeeds "and is a clean script" shellcheck "$T/keepgres.bash"
# completes WANTED WORD…: what bash offers for the last word.
completes()
{
    local wanted=$1; shift
    is "bash completes '$*'" "$(bash -c 'source "$1"; shift; COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _keepgres; echo "${COMPREPLY[*]}"' - "$T/keepgres.bash" "$@")" "$wanted"
}
like "bash knows about it" "$(bash -c 'source "$1"; complete -p keepgres' - "$T/keepgres.bash")" '-F _keepgres keepgres'
completes 'backup-center backup-vault backup-policy backup-instance' keepgres back
completes 'restore' keepgres backup-instance resto
completes 'backup-vault' keepgres dataprotection backup-v
completes '--output --only-show-errors' keepgres server remove pg1 --yes --o
completes 'table tsv' keepgres group list -o t
completes 'table tsv' keepgres group list --output = t
completes 'SystemAssigned SystemAssigned,UserAssigned' keepgres backup-vault create -v x --type S
completes 'query' keepgres help que
completes 'add' keepgres help server a
completes "$T/keepgres.bash" keepgres backup-policy create --policy "$T/keepgres.b"
completes '' keepgres group list --query ''
is "bash offers every command" "$(bash -c 'source "$1"; while read -r c; do _keepgres_known "$c" || echo "$c"; done' - "$T/keepgres.bash" <<<"$commands")" ''
if command -v zsh >/dev/null; then
    keepgres completion zsh >"$T/_keepgres"
    succeeds "the script for zsh is one" zsh -n "$T/_keepgres"
    # compsys needs a line editor; what it would be told is printed instead.
    cat >"$T/drive.zsh" <<'END'
compdef() { }
_describe() { local -a all=("${(@P)argv[-1]}"); print -r -- ${all%%:*}; }
compadd() { shift; print -r -- $*; }
source $1; shift
words=("$@") CURRENT=$#
_keepgres
END
    like "zsh completes groups" "$(zsh -f "$T/drive.zsh" "$T/_keepgres" keepgres '')" '^account group .*completion$'
    like "zsh completes commands" "$(zsh -f "$T/drive.zsh" "$T/_keepgres" keepgres backup-instance restore '')" 'trigger'
    like "zsh completes options" "$(zsh -f "$T/drive.zsh" "$T/_keepgres" keepgres server remove pg1 '')" '--yes.*--output'
    is "zsh completes values" "$(zsh -f "$T/drive.zsh" "$T/_keepgres" keepgres group list -o '')" 'json jsonc yaml yamlc table tsv none'
else
    skip "zsh completes" "zsh is not installed"
fi

# Manual pages.
mkdir "$T/man"
for page in $(keepgres internal docs-man); do keepgres internal docs-man "$page" >"$T/man/$page.1"; done
check "there is a page for each group" [ "$(find "$T/man" -size +0 | wc -l)" -gt "$(keepgres --help | sed -n '/^Groups/,/^$/p' | grep -c '^    ')" ]
if command -v mandoc >/dev/null; then
    is "mandoc finds nothing wrong with them" "$(mandoc -Tlint -Wwarning "$T"/man/*.1 | grep -v 'missing date')" ''
fi
if command -v groff >/dev/null; then
    is "groff finds nothing wrong with them" "$(for p in "$T"/man/*.1; do groff -K utf8 -man -Tutf8 -ww -z "$p" 2>&1; done)" ''
    like "and sets them" "$(groff -K utf8 -man -Tascii "$T/man/keepgres-server.1" | tr -d '\b')" 'keepgres server add'
fi
check "every command has its place in one of them" \
      [ "$(cat "$T"/man/*.1 | grep -c '^\.SS "keepgres ')" = "$(wc -l <<<"$commands")" ]

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
