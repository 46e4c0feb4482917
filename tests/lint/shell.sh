#!/bin/sh
# Shell scripts by shellcheck, Python by its compiler.
cd "$(dirname "$0")/../.." || exit 1
bad=0
scripts=$(grep -lE '^#!.*(sh|bash)$' .ci/run tests/*/*.sh 2>/dev/null; ls tests/support/*.sh 2>/dev/null)
if command -v shellcheck >/dev/null 2>&1; then
    echo "$scripts" | sort -u | xargs -r shellcheck -x -S warning -P SCRIPTDIR || bad=1
else
    echo "skip: shellcheck is not installed"
fi
for s in $scripts; do
    [ -x "$s" ] || ! head -n 1 "$s" | grep -q '^#!' || { echo "$s is not executable"; bad=1; }
done
for p in tests/*/*.py; do
    [ -e "$p" ] || continue
    python3 -c 'import ast, sys; ast.parse(open(sys.argv[1], encoding="utf-8").read(), sys.argv[1])' "$p" || bad=1
done
exit $bad
