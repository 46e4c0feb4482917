#!/bin/sh
# pg_tree.sh BINDIR TREE - a private, writable copy of an installed PostgreSQL server, with the corpus' own extension in
# it. Prints the copy's folder of programs.
#
# PostgreSQL finds its files relative to where its programs lie, so copied programs and links to everything else make a
# server to which files can be added without touching the system, and without being root.
set -eu
bin=$1 tree=$2
here=$(cd "$(dirname "$0")" && pwd)
corpus=$(cd "$here/../corpus" && pwd)

# A server that is one self-contained tree is copied as a whole, as links where that is possible.
if [ -d "$bin/../share/postgresql/extension" ]; then
    if [ ! -d "$tree" ]; then
        cp -al "${bin%/bin}" "$tree" 2>/dev/null || { rm -rf "$tree"; cp -a "${bin%/bin}" "$tree"; }
        cp "$corpus"/cfgext* "$tree/share/postgresql/extension/"
    fi
    echo "$tree/bin"
    exit 0
fi

# Debian keeps programs and shared files apart below /usr; everybody else below one prefix.
share=$("$bin/pg_config" --sharedir)
lib=$("$bin/pg_config" --pkglibdir)
prefix=$bin
while :; do
    prefix=${prefix%/*}
    case $share/ in "$prefix"/*) case $lib/ in "$prefix"/*) break ;; esac ;; esac
done
at() { echo "$tree${1#"$prefix"}"; }

new_bin=$(at "$bin")
if [ ! -e "$tree/complete" ]; then
    rm -rf "$tree"
    mkdir -p "$new_bin" "$(at "$share")/extension"
    for program in initdb pg_ctl postgres pg_dump pg_dumpall pg_restore psql pgbench createdb vacuumlo; do
        [ ! -x "$bin/$program" ] || cp -L "$bin/$program" "$new_bin/"
    done
    mkdir -p "$(dirname "$(at "$lib")")"
    ln -s "$lib" "$(at "$lib")"
    for f in "$share"/*; do
        [ "${f##*/}" = extension ] || ln -s "$f" "$(at "$share")/"
    done
    for f in "$share"/extension/*; do
        ln -s "$f" "$(at "$share")/extension/"
    done
    cp "$corpus"/cfgext* "$(at "$share")/extension/"
    touch "$tree/complete"
fi
echo "$new_bin"
