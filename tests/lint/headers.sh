#!/bin/sh
# Every header compiles alone: it includes what it needs, and what it declares is valid C for both compilers.
cd "$(dirname "$0")/../.." || exit 1
compiler=${CC:-cc}
packages=$(sed -n 's/^PKGS := //p' Makefile)
# shellcheck disable=SC2086 # a list
flags="-std=gnu17 -D_GNU_SOURCE -Wall -Wextra -Werror -fsyntax-only -DKG_FAULTS $(pkg-config --cflags $packages)"
bad=0
check() # folders of -I, headers…
{
    inc=$1; shift
    for h in "$@"; do
        [ -e "$h" ] || continue
        # shellcheck disable=SC2086 # both are lists of options
        printf '#include "%s"\n' "$PWD/$h" | $compiler $flags $inc -x c - || { echo "$h does not compile alone"; bad=1; }
    done
}
check "-Iinclude" include/keepgres/*.h
check "-Iinclude -Isrc" src/*/*.h
check "-Iinclude -Isrc -Iui" ui/*.h ui/*/*.h
# cmocka's header wants these before it, and says so; helpers of tests come after it.
check "-Iinclude -Isrc -Itests -include setjmp.h -include stdarg.h -include stddef.h -include stdint.h -include cmocka.h" \
      tests/support/*.h
exit $bad
