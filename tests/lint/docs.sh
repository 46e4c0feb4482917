#!/bin/sh
# docs.sh KEEPGRES - the pages made from tables are what the program prints today; links and named files exist.
cd "$(dirname "$0")/../.." || exit 1
keepgres=${1:-build/debug/keepgres}
bad=0
complain() { echo "$1"; bad=1; }

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
for page in cli api errors settings; do
    if ! "$keepgres" internal "docs-$page" >"$tmp/$page.md"; then
        complain "'$keepgres internal docs-$page' failed"
    elif ! cmp -s "$tmp/$page.md" "docs/$page.md"; then
        complain "docs/$page.md is stale: run 'make docs'"
        diff "docs/$page.md" "$tmp/$page.md" | head -n 10
    fi
done

# Relative links of every page lead to a file.
for page in README.md docs/*.md docs/*/*.md; do
    [ -e "$page" ] || continue
    for link in $(sed -E '/^```/,/^```/d' "$page" | grep -oE '\]\([^) ]+\)' | sed -E 's/^\]\(//; s/\)$//; s/#.*//'); do
        case $link in ''|http*:*|mailto:*) continue ;; esac
        [ -e "$(dirname "$page")/$link" ] || complain "$page: link to '$link', which is not there"
    done
    # A file of the tree named in the text, such as `src/sys/proc.c`, exists as well.
    for name in $(grep -oE '`(src|include|ui|tests|docs|themes)/[A-Za-z0-9_./-]+`' "$page" | tr -d '`' | sort -u); do
        [ -e "$name" ] || [ -e "$name.h" ] || complain "$page: names '$name', which is not there"
    done
done
# Every picture is shown in a page, and small.
for picture in docs/pictures/*.svg; do
    grep -qF "pictures/${picture##*/})" README.md docs/*.md || complain "$picture is shown in no page: delete it, or what draws it"
    [ "$(wc -c <"$picture")" -le 40000 ] || complain "$picture is larger than 40 kB"
done
# Every make target named in a page exists.
for target in $(grep -ohE '`make [a-z-]+' README.md docs/*.md 2>/dev/null | sed 's/`make //' | sort -u); do
    grep -qE "^$target:" Makefile || complain "a page names 'make $target', which the Makefile does not have"
done
exit $bad
