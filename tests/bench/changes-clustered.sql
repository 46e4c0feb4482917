-- Changes the newest 1 % of the rows of each table and adds 1 % new rows. Needs the variable scale.
update pgbench_accounts set abalance = abalance + 1 + (random() * 1000)::int where aid > 99000 * :scale;
update docs set updated = now(), title = title || ' (edited)', body = body || ' Edited.' where id > 2772 * :scale;
update events set kind = 'amended' where id > 19800 * :scale;
\ir changes-new-rows.sql
