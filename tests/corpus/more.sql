-- More kinds of objects, loaded behind feature.sql. Parts that need a newer server stand between \if and \endif.
\set ON_ERROR_STOP 1
SET client_min_messages = error;
SELECT current_setting('server_version_num')::int >= 130000 AS v13, current_setting('server_version_num')::int >= 140000 AS v14,
       current_setting('server_version_num')::int >= 150000 AS v15 \gset

CREATE SCHEMA more;
CREATE SCHEMA "Données été";
COMMENT ON SCHEMA more IS E'two\nlines';

-- types
CREATE DOMAIN more.tags AS text[] CHECK (array_length(VALUE, 1) < 10);
CREATE DOMAIN more.tags2 AS more.tags DEFAULT ARRAY['x'] NOT NULL;
CREATE TYPE more.float8_range AS RANGE (subtype = float8, subtype_diff = float8mi);
CREATE TYPE more.nested AS (who app.pt, moods app.mood[], at more.float8_range);
CREATE TYPE more.empty_enum AS ENUM ();
CREATE TABLE more.typed(id int PRIMARY KEY, t more.tags, t2 more.tags2, r more.float8_range, n more.nested, ns more.nested[],
                        m app.mood[][]);
INSERT INTO more.typed VALUES (1, '{a,"b c",NULL}', '{x}', '[1.5,2.5)', ROW(ROW(1, 2, 'x'), '{sad,жизнь}', '(,3]')::more.nested,
                               ARRAY[ROW(NULL, NULL, 'empty')::more.nested], '{{sad,ok},{happy,ok}}'), (2, NULL, '{}', NULL, NULL, NULL, NULL);
\if :v14
CREATE TABLE more.multi(id int PRIMARY KEY, mr int4multirange, dr datemultirange);
INSERT INTO more.multi VALUES (1, '{[1,3),[7,9)}', '{}'), (2, '{}', '{[2020-01-01,2020-02-01)}');
\endif
CREATE TABLE more.of_type OF app.pt (x WITH OPTIONS NOT NULL DEFAULT 7);
INSERT INTO more.of_type VALUES (1, 2, 'typed table');

-- constraints
CREATE TABLE more.booking(room int, during int4range, cancelled bool DEFAULT false,
                          EXCLUDE USING gist (int4range(room, room, '[]') WITH =, during WITH &&) WHERE (NOT cancelled));
INSERT INTO more.booking VALUES (1, '[1,5)', false), (1, '[5,9)', false), (2, '[1,9)', false), (1, '[2,3)', true);
CREATE TABLE more.deferred(id int PRIMARY KEY, next int, UNIQUE (next) DEFERRABLE INITIALLY DEFERRED,
                           CHECK (id <> next) NO INHERIT);
INSERT INTO more.deferred VALUES (1, 2), (2, 3), (3, NULL);
ALTER TABLE more.deferred ADD CONSTRAINT later CHECK (id < 1000) NOT VALID;
ALTER TABLE more.deferred ADD CONSTRAINT later_fk FOREIGN KEY (next) REFERENCES more.deferred ON DELETE SET NULL NOT VALID;
CREATE TABLE more.two(a int, b text COLLATE "C", c date, PRIMARY KEY (b, a) INCLUDE (c));
INSERT INTO more.two VALUES (1, 'é', '2020-02-29'), (2, '', NULL);
CREATE TABLE more.three(a int, b text, FOREIGN KEY (b, a) REFERENCES more.two MATCH FULL ON UPDATE CASCADE);
INSERT INTO more.three VALUES (1, 'é'), (NULL, NULL);
\if :v15
CREATE TABLE more.one_null(a int UNIQUE NULLS NOT DISTINCT);
INSERT INTO more.one_null VALUES (NULL), (1);
\endif

-- triggers and rules
CREATE FUNCTION more.bump() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS
    $body$ BEGIN NEW.n := coalesce(NEW.n, 0) + 1; RETURN NEW; END $body$;
CREATE FUNCTION more.seen() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TABLE more.trig(id int PRIMARY KEY, n int);
INSERT INTO more.trig VALUES (1, 1), (2, NULL);
CREATE TRIGGER bump BEFORE INSERT OR UPDATE OF n ON more.trig FOR EACH ROW WHEN (NEW.id > 0) EXECUTE FUNCTION more.bump();
CREATE CONSTRAINT TRIGGER seen AFTER INSERT ON more.trig DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION more.seen();
CREATE TRIGGER moved AFTER UPDATE ON more.trig REFERENCING OLD TABLE AS was NEW TABLE AS is_now FOR EACH STATEMENT
    EXECUTE FUNCTION more.seen();
CREATE TRIGGER off BEFORE DELETE ON more.trig FOR EACH ROW EXECUTE FUNCTION more.bump();
ALTER TABLE more.trig DISABLE TRIGGER off;
ALTER TABLE more.trig ENABLE REPLICA TRIGGER moved;
CREATE VIEW more.trig_view WITH (security_barrier) AS SELECT id, n FROM more.trig WHERE n > 0 WITH LOCAL CHECK OPTION;
CREATE RULE also AS ON UPDATE TO more.trig DO ALSO NOTIFY trig;
CREATE VIEW more.into_it AS SELECT 1 AS id;
CREATE TRIGGER instead INSTEAD OF INSERT ON more.into_it FOR EACH ROW EXECUTE FUNCTION more.seen();
COMMENT ON TRIGGER bump ON more.trig IS 'counts';
COMMENT ON RULE also ON more.trig IS 'says so';
COMMENT ON CONSTRAINT later ON more.deferred IS 'not checked yet';

-- partitions of partitions, with identity, generated column, default, foreign keys in both directions
CREATE TABLE more.region(code text PRIMARY KEY);
INSERT INTO more.region VALUES ('eu'), ('us');
CREATE TABLE more.sales(id bigint, region text NOT NULL REFERENCES more.region, day date NOT NULL, cents int NOT NULL,
                        euros numeric GENERATED ALWAYS AS (cents / 100.0) STORED, PRIMARY KEY (region, day, id))
    PARTITION BY LIST (region);
CREATE TABLE more.sales_eu PARTITION OF more.sales FOR VALUES IN ('eu') PARTITION BY RANGE (day);
CREATE TABLE more.sales_eu_old PARTITION OF more.sales_eu FOR VALUES FROM (MINVALUE) TO ('2020-01-01') PARTITION BY HASH (id);
CREATE TABLE more.sales_eu_old_0 PARTITION OF more.sales_eu_old FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE more.sales_eu_old_1 PARTITION OF more.sales_eu_old FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE "Données été"."sales été" PARTITION OF more.sales_eu FOR VALUES FROM ('2020-01-01') TO (MAXVALUE);
CREATE TABLE more.sales_rest PARTITION OF more.sales DEFAULT;
CREATE INDEX sales_cents ON more.sales(cents) WHERE cents > 100;
CREATE INDEX sales_expr ON more.sales ((euros * 2) DESC NULLS LAST, lower(region) text_pattern_ops);
INSERT INTO more.sales(id, region, day, cents)
    SELECT i, (ARRAY['eu', 'us'])[1 + i % 2], date '2019-06-01' + i, i * 7 FROM generate_series(1, 500) i;
CREATE TABLE more.refund(id int GENERATED BY DEFAULT AS IDENTITY (START 1000 INCREMENT BY -3 MINVALUE -9000 MAXVALUE 1000 CYCLE),
                         region text, day date, sale bigint, FOREIGN KEY (region, day, sale) REFERENCES more.sales);
INSERT INTO more.refund(region, day, sale) SELECT region, day, id FROM more.sales WHERE id < 20;
ALTER TABLE more.sales_eu_old_0 ALTER cents SET DEFAULT 5, ALTER cents SET STATISTICS 500;
CREATE TRIGGER seen_sales AFTER INSERT ON more.sales FOR EACH ROW EXECUTE FUNCTION more.seen();

-- inheritance from two parents
CREATE TABLE more.base1(a int NOT NULL CHECK (a > 0), common text);
CREATE TABLE more.base2(b int DEFAULT 3, common text);
CREATE TABLE more.both(c int) INHERITS (more.base1, more.base2);
INSERT INTO more.both VALUES (1, 'x', 2, 3);
INSERT INTO more.base1 VALUES (4, 'parent');
ALTER TABLE more.both ALTER common SET DEFAULT 'both', ALTER common SET STORAGE MAIN;

-- storage, statistics, options
ALTER TABLE more.typed ALTER t SET STATISTICS 0, ALTER id SET (n_distinct = -0.5), SET (fillfactor = 70, autovacuum_enabled = false),
    REPLICA IDENTITY FULL, CLUSTER ON typed_pkey;
CREATE STATISTICS more.two_stat (ndistinct, mcv) ON a, c FROM more.two;
\if :v13
ALTER STATISTICS more.two_stat SET STATISTICS 50;
\endif
\if :v14
CREATE STATISTICS more.expr_stat ON (a % 10), lower(b) FROM more.two;
ALTER TABLE more.two ALTER b SET COMPRESSION pglz;
\endif
\if :v15
CREATE UNLOGGED SEQUENCE more.fast_seq;
SELECT nextval('more.fast_seq');
\endif
CREATE SEQUENCE more.small AS smallint START -7 MINVALUE -10 MAXVALUE 10 INCREMENT -2 CACHE 5;
SELECT nextval('more.small');
CREATE UNLOGGED TABLE more.unlogged_serial(id bigserial, t text);
INSERT INTO more.unlogged_serial(t) VALUES ('a'), ('b');
CREATE TABLE more.shared(id int DEFAULT nextval('more.small'), other int DEFAULT nextval('app.seq1'));
INSERT INTO more.shared VALUES (1, 1);

-- functions, procedures, operators, casts
CREATE FUNCTION more.add(a int, VARIADIC b int[] DEFAULT '{}') RETURNS int LANGUAGE sql STABLE PARALLEL SAFE COST 7 AS
    'SELECT a + coalesce(sum(x), 0)::int FROM unnest(b) x';
CREATE FUNCTION more.rows(OUT a int, OUT b text) RETURNS SETOF record LANGUAGE sql ROWS 5 AS $$ VALUES (1, 'x'), (2, E'y\\') $$;
CREATE PROCEDURE more.proc(INOUT a int) LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN a := a + 1; END $$;
\if :v14
CREATE FUNCTION more.atomic(i int) RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM more.two WHERE a = i; END;
\endif
CREATE FUNCTION more.differ(app.mood, app.mood) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT $1 <> $2';
CREATE OPERATOR more.<-> (LEFTARG = app.mood, RIGHTARG = app.mood, FUNCTION = more.differ, COMMUTATOR = OPERATOR(more.<->));
CREATE FUNCTION more.to_text(app.pt) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT $1.note $$;
CREATE CAST (app.pt AS text) WITH FUNCTION more.to_text(app.pt) AS ASSIGNMENT;
CREATE OPERATOR FAMILY more.fam USING btree;
CREATE AGGREGATE more.total(int) (SFUNC = int4pl, STYPE = int, COMBINEFUNC = int4pl, MSFUNC = int4pl, MINVFUNC = int4mi, MSTYPE = int,
                                  PARALLEL = SAFE);
CREATE TEXT SEARCH DICTIONARY more.dict (TEMPLATE = simple, STOPWORDS = english);
CREATE CONVERSION more.conv FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;

-- views on views, three levels of materialized views, a recursive one
CREATE VIEW more.v1 AS SELECT a, b FROM more.two;
CREATE VIEW more.v2 AS SELECT v.a, u.fullname FROM more.v1 v LEFT JOIN app.users u ON u.id = v.a;
CREATE MATERIALIZED VIEW more.m1 AS SELECT a, count(*) AS n FROM more.v2 GROUP BY a;
CREATE MATERIALIZED VIEW more.m2 AS SELECT sum(n) AS n FROM more.m1;
CREATE MATERIALIZED VIEW more.m3 TABLESPACE pg_default AS SELECT n * 2 AS n FROM more.m2;
CREATE INDEX ON more.m1(n);
CREATE RECURSIVE VIEW more.upto(i) AS SELECT 1 UNION ALL SELECT i + 1 FROM upto WHERE i < 5;
-- a view and a function that need each other's row type
CREATE VIEW more.circle AS SELECT 1 AS a;
CREATE FUNCTION more.of_circle(more.circle) RETURNS int LANGUAGE sql AS 'SELECT $1.a';
CREATE OR REPLACE VIEW more.circle AS SELECT 1 AS a, 'later'::text AS b;

-- privileges
DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'app "odd" ñ') THEN CREATE ROLE "app ""odd"" ñ"; END IF; END $$;
GRANT SELECT, INSERT ON more.two TO app_rw WITH GRANT OPTION;
GRANT SELECT (a), REFERENCES (b) ON more.two TO PUBLIC;
GRANT ALL ON more.typed TO "app ""odd"" ñ";
REVOKE ALL ON more.shared FROM CURRENT_USER;
GRANT SELECT ON more.shared TO CURRENT_USER;
GRANT USAGE ON SEQUENCE more.small TO app_ro;
GRANT USAGE ON TYPE more.nested TO app_ro;
REVOKE EXECUTE ON FUNCTION more.add(int, int[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION more.add(int, int[]) TO app_ro;
GRANT CREATE, USAGE ON SCHEMA more TO app_rw;
GRANT USAGE ON FOREIGN SERVER srv TO app_ro;
ALTER DEFAULT PRIVILEGES IN SCHEMA more GRANT INSERT ON TABLES TO app_rw;
ALTER DEFAULT PRIVILEGES IN SCHEMA more GRANT EXECUTE ON FUNCTIONS TO app_ro;
ALTER DEFAULT PRIVILEGES FOR ROLE app_rw GRANT USAGE ON SEQUENCES TO app_ro;
ALTER TABLE more.refund OWNER TO app_rw;
ALTER FUNCTION more.bump() OWNER TO app_rw;
CREATE POLICY odd ON more.two AS RESTRICTIVE FOR UPDATE TO app_rw, "app ""odd"" ñ" USING (a > 0) WITH CHECK (a < 100);
ALTER TABLE more.two ENABLE ROW LEVEL SECURITY;
COMMENT ON POLICY odd ON more.two IS 'a policy';

-- publications
\if :v15
CREATE PUBLICATION more_schema FOR TABLES IN SCHEMA "Données été", TABLE more.typed WHERE (id > 0);
CREATE PUBLICATION more_columns FOR TABLE more.trig (id);
\endif
\if :v13
CREATE PUBLICATION more_part FOR TABLE more.sales WITH (publish_via_partition_root, publish = 'insert, update');
\else
CREATE PUBLICATION more_part FOR TABLE more.two WITH (publish = 'insert, update');
\endif

-- foreign data
CREATE SERVER srv2 TYPE 'x' VERSION '1' FOREIGN DATA WRAPPER dummy OPTIONS (host 'h''h', "odd key" '\');
CREATE USER MAPPING FOR PUBLIC SERVER srv2 OPTIONS (who 'me');
CREATE FOREIGN TABLE more.ft(a int OPTIONS (name 'A'), b text NOT NULL) SERVER srv2 OPTIONS (path '/x');
CREATE TABLE more.near(a int, b text) PARTITION BY LIST (a);
CREATE TABLE more.near_1 PARTITION OF more.near FOR VALUES IN (1);
INSERT INTO more.near VALUES (1, 'here');
CREATE FOREIGN TABLE more.near_far PARTITION OF more.near FOR VALUES IN (2) SERVER srv2;

-- names
CREATE TABLE more."select"("from" int, "WHERE" text, "a.b" int, "(x)" int, "quo""te" text, "tab	tab" int, "ünïcode" text);
INSERT INTO more."select" VALUES (1, 'w', 2, 3, 'q', 4, 'ü');
CREATE TABLE "Données été"."très ""spécial"", (nom) FROM stdin;"(" FROM stdin;" int, "ключ" text);
INSERT INTO "Données été"."très ""spécial"", (nom) FROM stdin;" VALUES (1, 'значение');
CREATE TABLE more."a name that is exactly as long as a name may be, which is 63 b."(i int);
CREATE INDEX "index ""ü""" ON more."select"("ünïcode");
COMMENT ON COLUMN more."select"."quo""te" IS 'it''s a \ column';
COMMENT ON INDEX more."index ""ü""" IS 'an index';
COMMENT ON SEQUENCE more.small IS 'a sequence';
COMMENT ON FUNCTION more.add(int, int[]) IS 'a function';
COMMENT ON TYPE more.nested IS 'a type';
COMMENT ON COLUMN more.nested.who IS 'a part of a type';
COMMENT ON DOMAIN more.tags IS 'a domain';
COMMENT ON VIEW more.v1 IS 'a view';
COMMENT ON MATERIALIZED VIEW more.m1 IS 'a materialized view';
COMMENT ON STATISTICS more.two_stat IS 'statistics';
COMMENT ON PUBLICATION more_part IS 'a publication';
COMMENT ON SERVER srv2 IS 'a server';
COMMENT ON FOREIGN TABLE more.ft IS 'a foreign table';
COMMENT ON EVENT TRIGGER et IS 'an event trigger';
COMMENT ON CAST (app.pt AS text) IS 'a cast';
COMMENT ON OPERATOR more.<-> (app.mood, app.mood) IS 'an operator';
COMMENT ON EXTENSION cfgext IS 'an extension';
COMMENT ON LARGE OBJECT 100001 IS E'large ''object''';

-- rows that are hard to carry: every byte that text may have, the escapes of COPY, long ones, and thousands of empty ones
CREATE TABLE more.bytes(i int, t text, b bytea);
INSERT INTO more.bytes SELECT i, chr(i), decode(lpad(to_hex(i % 256), 2, '0'), 'hex') FROM generate_series(1, 591) i;
INSERT INTO more.bytes VALUES (0, E'\\.', ''), (0, '\N', NULL), (0, E'\\\\N', '\x5c2e'), (0, E'a\r\nb\rc\nd', '\x0a0d09'), (0, '', NULL),
                              (0, repeat(E'\t', 1000), NULL), (0, U&'\+01F600', NULL);
CREATE TABLE more.blank();
INSERT INTO more.blank SELECT FROM generate_series(1, 3000);
CREATE TABLE more.times(ts timestamptz, t timetz, i interval, d date);
INSERT INTO more.times VALUES ('1883-11-18 12:03:57+00', '23:59:59.999999-15:59', '-178000000 years', '4713-01-01 BC'),
    ('294276-12-31 23:59:59.999999+00', '00:00:00+15:59', '1 mon -1 day 00:00:00.000001', 'infinity');
CREATE TABLE more.numbers(f4 real, f8 double precision, n numeric, c money);
INSERT INTO more.numbers VALUES ('1e-45', '5e-324', '0.000000000000000000000000000000001', 12.34), ('-0', '-0', 'NaN', -1),
    (3.4028235e38, 1.7976931348623157e308, ('1' || repeat('0', 2000) || '.5')::numeric, 0), ('Infinity', '-Infinity', 1e-1000, NULL);
