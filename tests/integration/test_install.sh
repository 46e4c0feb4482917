#!/usr/bin/env bash
# make install puts a working program, its pages and the unit where it was told to; make uninstall takes all of it away.
# shellcheck source=../support/harness.sh
. "${BASH_SOURCE%/*}/../support/harness.sh"

succeeds "make install works" make -C "$TOP" -s install PREFIX=/opt/kg DESTDIR="$T/root"
succeeds "the installed program runs" "$T/root/opt/kg/bin/keepgres" version
check "the licence is there" grep -q 'PostgreSQL License' "$T/root/opt/kg/share/doc/keepgres/LICENSE"
check "the unit starts the installed program" grep -q '^ExecStart=/opt/kg/bin/keepgres serve' "$T/root/opt/kg/lib/systemd/system/keepgres.service"
if command -v systemd-analyze >/dev/null; then
    # The program is not at its final place here; everything else that is said about the unit is about the unit.
    out=$(systemd-analyze verify "$T/root/opt/kg/lib/systemd/system/keepgres.service" 2>&1 | grep 'keepgres.service' | grep -v 'is not executable')
    is "systemd finds nothing wrong with it" "$out" ''
else
    skip "systemd finds nothing wrong with the unit" "systemd-analyze is not installed"
fi
share=$T/root/opt/kg/share
check "the manual is there, with a page for each group" [ -s "$share/man/man1/keepgres.1" -a -s "$share/man/man1/keepgres-backup-vault.1" ]
check "the guided tour has its pictures" [ -s "$share/doc/keepgres/pictures/overview.svg" ]
check "bash finds its completion" grep -q '^complete -F' "$share/bash-completion/completions/keepgres"
check "zsh finds its completion" grep -q '^#compdef keepgres' "$share/zsh/site-functions/_keepgres"
check "a release build knows no fault points" sh -c "! KG_FAULT=nonsense '$T/root/opt/kg/bin/keepgres' version 2>&1 | grep -qi fault"
succeeds "make uninstall works" make -C "$TOP" -s uninstall PREFIX=/opt/kg DESTDIR="$T/root"
is "and leaves no file" "$(find "$T/root" -type f)" ''
finish
