#!/usr/bin/env bash
# The README's tour, typed as it stands there: only the server's address and the vault's place are another's.
# shellcheck source=../support/harness.sh
. "${BASH_SOURCE%/*}/../support/harness.sh"

pg_start
need createdb shop
need sql shop -o /dev/null -c "create table orders(id int primary key, note text); insert into orders select i, md5(i::text)
                               from generate_series(1, 1000) i; create table customers(id int)"
PASSWORD=tour
sql postgres <<<"create role backup superuser login password '$PASSWORD'"
mkdir "$T/tour" "$T/srv"
cd "$T/tour" || exit 1
echo "User Id=backup;Password=$PASSWORD;" >login.txt

awk '/^## Five minutes/ { on = 1 } on && /^```/ { n++; next } on && n == 1' "$TOP/README.md" |
    sed "s,--host db.example.com --sslmode require,--host 127.0.0.1 --port $PGPORT,; s,/srv/backups,$T/srv,g" >tour.sh
check "the README has a tour" [ "$(grep -c keepgres tour.sh)" -ge 12 ]
check "with the server's address" grep -q "port $PGPORT" tour.sh
succeeds "it works when typed" bash -euo pipefail tour.sh
like "databases are listed" "$out" 'shop'
same_file "the restored database is the source" <(sums shop) <(sums shop_restored)
like "the files are what pg_restore reads" "$out" 'TABLE DATA public orders'
cd / || exit 1
finish
