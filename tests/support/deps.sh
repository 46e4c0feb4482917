#!/bin/sh
# deps.sh [build|test|fuzz|bench]… - installs what is missing on Debian and Ubuntu; names it elsewhere.
# Says nothing and asks no package manager when everything is there.
set -eu

# set    what it is looked for by               Debian and Ubuntu package
table='
build  program:cc                               gcc
build  program:make                             make
build  program:ar                               binutils
build  program:pkg-config                       pkg-config
build  header:stdio.h                           libc6-dev
build  module:libpq                             libpq-dev
build  module:libcurl                           libcurl4-openssl-dev
build  module:libcjson                          libcjson-dev
build  module:libcrypto                         libssl-dev
build  module:libsodium                         libsodium-dev
build  module:sqlite3                           libsqlite3-dev
build  module:libzstd                           libzstd-dev
build  module:libmicrohttpd                     libmicrohttpd-dev
build  module:libxxhash                         libxxhash-dev
build  module:ncursesw                          libncurses-dev
build  program:pg_dump                          postgresql-client
test   program:python3                          python3
test   program:openssl                          openssl
test   program:clang                            clang
test   header:cmocka.h                          libcmocka-dev
test   server:postgres                          postgresql
test   server:pgbench                           postgresql-contrib
test   program:curl                             curl
test   program:jq                               jq
test   program:shellcheck                       shellcheck
test   program:runuser                          util-linux
test   program:tmux                             tmux
test   program:git                              git
test   program:zsh                              zsh
test   program:groff                            groff-base
test   program:mandoc                           mandoc
test   program:script                           bsdutils
test   program:ps                               procps
fuzz   runtime:fuzzer                           libclang-rt-dev
bench  program:restic                           restic
bench  program:borg                             borgbackup
bench  program:age                              age
bench  program:zstd                             zstd
'
[ $# -gt 0 ] || set -- build

# Debian keeps the servers of each major out of PATH.
server_program()
{
    for d in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin; do
        [ ! -x "$d/$1" ] || return 0
    done
    command -v "$1" >/dev/null 2>&1
}

present()
{
    what=${1#*:}
    case $1 in
    program:*) command -v "$what" >/dev/null 2>&1 ;;
    module:*)  pkg-config --exists "$what" 2>/dev/null ;;
    header:*)  echo "#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <$what>" | cc -E -x c - >/dev/null 2>&1 ;;
    server:*)  server_program "$what" ;;
    runtime:*) ls "$(clang -print-resource-dir 2>/dev/null)"/lib/linux/libclang_rt."$what"-*.a >/dev/null 2>&1 ;;
    esac
}

packages='' things=''
for wanted in "$@"; do
    while read -r set probe package; do
        [ "$set" = "$wanted" ] || continue
        present "$probe" && continue
        packages="$packages $package" things="$things ${probe#*:}"
    done <<END
$table
END
done
[ -n "$packages" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "missing:$things" >&2
    echo "Install them with this system's package manager. Debian calls the packages:$packages" >&2
    exit 1
fi
# The name of clang's runtime carries its version.
case $packages in *libclang-rt-dev*)
    major=$(clang -dumpversion 2>/dev/null | cut -d. -f1)
    packages=$(echo "$packages" | sed "s/libclang-rt-dev/libclang-rt-${major:-14}-dev/") ;;
esac
root=''
if [ "$(id -u)" -ne 0 ]; then
    root=sudo
    command -v sudo >/dev/null 2>&1 || { echo "As root, run: apt-get install$packages" >&2; exit 1; }
fi
echo "installing:$packages"
# shellcheck disable=SC2086 # both are lists of words
install() { $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >"$log" 2>&1; }
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# A machine whose package lists are old or missing gets new ones before the second try.
install || { $root apt-get update -qq && install; } || { cat "$log" >&2; exit 1; }
