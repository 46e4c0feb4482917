-- 1 % new rows, which both kinds of change add.
insert into pgbench_accounts select 100000 * :scale + i, 1 + i % 100, (random() * 1000)::int, ''
  from generate_series(1, 1000 * :scale) i;
insert into docs select 2800 * :scale + id, gen_random_uuid(), now(), now(), author, category, 'new ' || title,
       reverse(body), meta from docs where id between 10 * :scale and 38 * :scale - 1;
insert into events select 20000 * :scale + id, ts + interval '2000000 s', user_id + 1, kind, ip, payload || '{"n":1}'
  from events where id <= 200 * :scale;
