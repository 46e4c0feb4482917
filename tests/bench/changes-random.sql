-- Changes 1 % of the rows of each table, chosen at random, and adds 1 % new rows. Needs the variable scale.
select setseed(0.5) \g /dev/null
update pgbench_accounts set abalance = abalance + 1 + (random() * 1000)::int
 where aid in (select 1 + (random() * (100000 * :scale - 1))::int from generate_series(1, 1000 * :scale));
update docs set updated = now(), title = title || ' (edited)', body = body || ' Edited.'
 where id in (select 1 + (random() * (2800 * :scale - 1))::int from generate_series(1, 28 * :scale));
update events set kind = 'amended'
 where id in (select 1 + (random() * (20000 * :scale - 1))::int from generate_series(1, 200 * :scale));
\ir changes-new-rows.sql
