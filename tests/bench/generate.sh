#!/bin/sh
# generate.sh DATABASE SCALE - creates the benchmark's database on the server that PGHOST, PGPORT and PGUSER name.
#
# Scale 100: pgbench's 10 million accounts, 280,000 documents of real prose, 2 million narrow events, four secondary
# indexes: about 1.5 GB of COPY text. The seed is fixed. PGBIN: folder of psql and pgbench.
set -eu
db=$1 scale=$2
here=$(cd "$(dirname "$0")" && pwd)
PATH=${PGBIN:+$PGBIN:}$PATH
export PGOPTIONS='-c client_min_messages=warning'
sql() { psql -X -q -v ON_ERROR_STOP=1 -v scale="$scale" -d "$db" "$@"; }

createdb -T template0 -E UTF8 -l C "$db"
pgbench -i -q -s "$scale" "$db" 2>/dev/null
sql <<'END'
create table docs(id int primary key, uid uuid, created timestamptz, updated timestamptz, author int, category text,
                  title text, body text, meta jsonb);
create table events(id bigint primary key, ts timestamptz, user_id int, kind text, ip inet, payload jsonb);
END
python3 "$here/prose.py" $((2800 * scale)) 1 | sql -c 'copy docs from stdin'
sql <<'END'
select setseed(0.42) \g /dev/null
insert into events
select i, timestamptz '2024-01-01 00:00+00' + i * interval '13.7 s', (random() ^ 3 * 100000)::int,
       (array['view','view','view','view','click','click','login','logout','purchase','error'])[1 + (random() * 9)::int],
       ('10.' || (random() * 3)::int || '.' || (random() * 255)::int || '.' || (random() * 255)::int)::inet,
       jsonb_build_object('ms', (random() * 900)::int, 'page', '/p/' || (random() ^ 2 * 5000)::int,
                          'sid', substr(md5((i / 7)::text), 1, 12))
from generate_series(1, 20000 * :scale) i;
create index on docs(author);
create index on docs(category, created);
create index on events(user_id);
create index on events(ts);
vacuum analyze;
END
