#!/usr/bin/env bash
# The portal in a real terminal, over a real service: a vault by the wizard in a terminal that changes its size and is suspended,
# with a service that is killed; quiet, and sane at the end. What is protected and backed up there: e2e_tour.sh.
# shellcheck source=../support/harness.sh
. "${BASH_SOURCE%/*}/../support/harness.sh"
# shellcheck source=../support/portal.sh
. "${BASH_SOURCE%/*}/../support/portal.sh"
need command -v tmux

# ---- nothing is there yet ----

portal 80x24
shows "the first page leads from nothing to the first backup" 'From nothing to the first backup'
keys m
shows "the menu opens over the content" '─ Menu ─'
keys Escape ':' 'backup vau'
shows "the palette finds a page" 'Backup vaults +page'
keys Enter
shows "and opens it" 'No Backup vault yet'

# ---- a vault, by the wizard ----

keys c
shows "the wizard opens" '\[Basics\]'
keys Tab 'my-vault'
shows "a name is typed" 'my-vault'
resize 120x36
shows "a terminal that grows keeps what was typed" 'my-vault'
shows "and has the menu beside" 'PostgreSQL servers'
resize 79x24
shows "one that is too small says what is needed" 'needs 80 x 24'
resize 80x24
shows "and goes on" 'my-vault'
keys C-z
shows "Ctrl-Z leads back to the shell" 'Stopped'
keys fg Enter
shows "and fg to what was typed" 'my-vault'
kill -9 "$(kg_pid)"
keys Escape
shows "leaving what was typed is asked about" 'Leave\?'
keys Enter
shows "and not done by Enter" 'my-vault'
press Next
shows "the second step" '\[Vault properties\]'
press 'Review'
shows "the review" '\[Review \+ create\]'
press Create
shows "a killed service is started again, and the vault made" 'Recovery key' 20
is "it is there" "$(keepgres backup-vault list | jq -r '.[].name')" my-vault
press 'I have it'
shows "the list has it" 'my-vault'

# ---- a policy, by the wizard ----

portal 80x24 --page create-policy
keys Tab 'nightly'
press Next
shows "the second step shows what will be kept" 'Recovery points there will be'
keys Right
shows "daily backups have no day of the week" '\(•\) Daily'
hides "which goes at once" '\] Su '
resize 100x30
shows "a terminal that changes in the midst shows all of it" 'per day|Recovery points there will be'
resize 80x24
press 'Review'
shows "the review says it in words" 'Frequency +Daily'
press Create
shows "the policy is there" 'nightly was created'
like "as it was chosen" "$(keepgres backup-policy show -n nightly -v my-vault | jq -c '.properties.policyRules[] | .trigger.schedule // empty')" '/P1D"'

# ---- quiet, and sane at the end ----

keys ':' 'backup vaults' Enter
shows "another page" 'Soft d'
sleep 1
tm pipe-pane -o "cat >'$T/sent'"
sleep 4
tm pipe-pane
is "nothing is sent while nothing changes" "$(stat -c %s "$T/sent" 2>/dev/null || echo 0)" 0
keys ':' "save $T/picture" Enter
for _ in $(seq 50); do [ -s "$T/picture" ] && break; sleep 0.1; done
check "the screen is saved as text" grep -q 'my-vault' "$T/picture"
keys q
shows "q leaves to the shell" 'shell\$ *$'
keys 'stty -a | grep -c " echo "' Enter
shows "whose terminal is as it was" '^1$'
keys "keepgres portal --page nonsense-page" Enter
shows "an unknown page is the Overview" 'Backup center'
keys q
tm send-keys -l "keepgres portal"
tm send-keys Enter
wait_screen 'Backup center'
kill -SEGV "$(pgrep -P "$(tm list-panes -F '#{pane_pid}')")"
shows "a crash leaves the terminal sane" 'shell\$ *$'
keys 'stty -a | grep -c " icanon "' Enter
shows "with its modes" '^1$'
fails "without a terminal it says so" terminal keepgres portal
finish
