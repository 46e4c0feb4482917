#!/bin/sh
# Words and calls that may not stand in the product. Calls the compiler sees are banned in src/base/banned.h; these are
# the ones it does not see, and what unfinished or private text looks like.
cd "$(dirname "$0")/../.." || exit 1
bad=0
all=$(git ls-files -co --exclude-standard 2>/dev/null || find . -type f -not -path './.git/*' -not -path './build/*')
code=$(echo "$all" | grep -E '^(src|include|ui|tests)/.*\.[ch]$|^tests/.*\.(sh|py)$')
product=$(echo "$all" | grep -E '^(src|include|ui)/.*\.[ch]$')

# refuse TEXT FILES REGEX [ALLOWED-FILES-REGEX]
refuse()
{
    hits=$(echo "$2" | grep -vE "${4:-^$}" | grep -v '^tests/lint/words.sh$' | xargs -r grep -nE "$3" /dev/null 2>/dev/null)
    [ -z "$hits" ] || { echo "$hits" | cut -c1-160 | sed "s,\$,    <- $1,"; bad=1; }
}

refuse "unfinished" "$code" '(^|[^A-Za-z_])(TODO|FIXME|XXX|HACK)([^A-Za-z_X]|$)|not yet implemented|placeholder'
refuse "a path of one machine" "$all" '(^|[^A-Za-z0-9_.-])/(work|farm|root|home/[a-z]{2,})/' '^docs/formats/'
refuse "processes are started in src/sys/proc.c only" "$product" \
       '(^|[^a-z_.>])(posix_spawnp?|execv[pe]*|execl[pe]*|clone3?|daemon)\(' '^src/sys/proc\.c$'
refuse "who waits for Azure is a worker, never the service" "$product" '(^|[^a-z_])(kg_keyvault_open_azure|kg_web_open|curl_easy_perform)\(' \
       '^src/(keyvault|worker|client)/'
refuse "parsing is src/base/parse.c's" "$product" '(^|[^a-z_])(strto(l|ul|ll|ull|d|f|imax|umax)|sscanf)\(' '^src/base/|^src/json/'
refuse "no jumps" "$product" '(^|[^a-z_])(set|long|sigset|siglong)jmp\('
refuse "no stack allocation by size" "$product" '(^|[^a-z_])alloca\('
refuse "signals come through signalfd or the one handler" "$product" '(^|[^a-z_.>])signal\(' '^src/main\.c$|^src/(cli|engine|sys|worker)/|^ui/'
refuse "no typedef of structs and enums" "$product" '^typedef +(struct|enum|union)'
refuse "exit is main's" "$product" '(^|[^a-z_])exit\(' '^src/main\.c$'
refuse "tabs" "$code" '	' '^tests/.*\.(sh|py)$'
refuse "blanks at the end of a line" "$code" ' +$'
exit $bad
