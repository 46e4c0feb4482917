# shellcheck shell=bash
# portal.sh - sourced behind harness.sh by scripts that work the portal as a person does: in a terminal, by keys. The terminal is
# a tmux of the test's own.
#
#   portal 80x24 --page backup-vaults    opens it; the shell stays when it is left
#   keys c Tab prod                      a word of several letters is typed, a key's name (Tab, Enter, Down, C-p) is pressed
#   shows "it is there" REGEX            waits until the screen has it (10 s; SECONDS_TO_WAIT)
#   hides "it is gone" REGEX             waits until it has not
#   press 'Next'                         presses the button
#   row REGEX                            moves down to the row that has it
#   screen                               the screen as text

TMUX_SOCKET=$T/tmux
tm() { tmux -S "$TMUX_SOCKET" "$@"; }
portal_end() { tm kill-server 2>/dev/null; true; }
trap 'portal_end; cleanup' EXIT

screen() { tm capture-pane -p 2>/dev/null; }
# shell SIZE: a terminal with a shell.
terminal()
{
    local size=$1
    portal_end
    TMUX_SOCKET=$TMUX_SOCKET+                # the server that was there may still be leaving
    printf 'set -g default-terminal tmux-256color\nset -g escape-time 0\nset -g history-limit 100\n' >"$T/tmux.conf"
    # shellcheck disable=SC2016 # the shell in the terminal expands it
    tm -f "$T/tmux.conf" new-session -d -x "${size%x*}" -y "${size#*x}" 'PS1="shell\$ " exec bash --norc --noprofile -i'
    wait_screen 'shell\$'
}
portal() # SIZE [options]
{
    terminal "$1"
    shift
    tm send-keys -l "keepgres portal $*"
    tm send-keys Enter
    wait_screen '^ keepgres  '
}
keys()
{
    local k
    for k in "$@"; do
        case $k in
        Enter|Tab|BTab|Escape|Up|Down|Left|Right|PPage|NPage|Home|End|BSpace|DC|Space|F?|C-?|M-?) tm send-keys "$k" ;;
        *) tm send-keys -l -- "$k" ;;
        esac
        sleep 0.04
    done
}
wait_screen() # REGEX [SECONDS]
{
    local until=$((SECONDS + ${2:-${SECONDS_TO_WAIT:-10}}))
    while ! screen | grep -qE -- "$1"; do
        [ $SECONDS -lt $until ] || return 1
        sleep 0.05
    done
}
shows() { if wait_screen "$2" "${3:-}"; then ok "$1"; else not_ok "$1" "wanted: $2" "$(screen)"; fi; }
hides() # NAME REGEX [SECONDS]
{
    local until=$((SECONDS + ${3:-10}))
    while screen | grep -qE -- "$2"; do
        [ $SECONDS -lt $until ] || { not_ok "$1" "still there: $2" "$(screen)"; return; }
        sleep 0.05
    done
    ok "$1"
}
resize() { tm resize-window -x "${1%x*}" -y "${1#*x}"; }
# press LABEL: moves to the button whose label begins so, and presses it.
press()
{
    local _
    for _ in $(seq 25); do
        if screen | grep -qE -- "\\[>$1"; then keys Enter; return; fi
        keys Tab
    done
    not_ok "there is a button '$1'" "$(screen)"
}
# row REGEX: moves the cursor of a list down to the row that has it, however many rows there are between.
row()
{
    local _ was
    for _ in $(seq 25); do
        was=$(screen | grep -E -- '│ ?›')
        if grep -qE -- "›.*$1" <<<"$was"; then return; fi
        keys Down
        for _ in $(seq 40); do [ "$(screen | grep -E -- '│ ?›')" = "$was" ] || break; sleep 0.05; done
    done
    not_ok "there is a row '$1'" "$(screen)"
}
