/* Archives made here, of every version; what pg_dump itself writes is in test_pg_plan.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "pg/archive.h"

/* A small database: one schema, a table with a serial, a partitioned table, a foreign key, a trigger with its function. */
static const struct { int id; const char *desc, *tag, *schema, *defn, *copy; int section; bool data; const char *deps; } rows[] = {
    { 1, "ENCODING", "ENCODING", NULL, "SET client_encoding = 'UTF8';\n", NULL, 2, false, "" },
    { 2, "STDSTRINGS", "STDSTRINGS", NULL, "SET standard_conforming_strings = 'on';\n", NULL, 2, false, "" },
    { 3, "SEARCHPATH", "SEARCHPATH", NULL, "SELECT pg_catalog.set_config('search_path', '', false);\n", NULL, 2, false, "" },
    { 4, "DATABASE", "db", NULL, "CREATE DATABASE db;\n", NULL, 2, false, "" },
    { 5, "COMMENT", "DATABASE db", NULL, "COMMENT ON DATABASE db IS 'x';\n", NULL, 1, false, "4" },
    { 6, "SCHEMA", "app", NULL, "CREATE SCHEMA app;\n", NULL, 2, false, "" },
    { 7, "ACL", "SCHEMA app", NULL, "GRANT USAGE ON SCHEMA app TO PUBLIC;\n", NULL, 1, false, "6" },
    { 10, "TYPE", "mood", "app", "CREATE TYPE app.mood AS ENUM ();\n", NULL, 2, false, "6" },
    { 11, "FUNCTION", "trg()", "app", "CREATE FUNCTION app.trg() …;\n", NULL, 2, false, "6" },
    { 12, "FUNCTION", "other()", "app", "CREATE FUNCTION app.other() …;\n", NULL, 2, false, "6" },
    { 20, "TABLE", "users", "app", "CREATE TABLE app.users (id int, m app.mood);\n", NULL, 2, false, "6 10" },
    { 21, "COMMENT", "TABLE users", "app", "COMMENT ON TABLE app.users IS 'x';\n", NULL, 1, false, "20" },
    { 22, "TABLE", "orders", "app", "CREATE TABLE app.orders (id int, u int);\n", NULL, 2, false, "6" },
    { 23, "TABLE", "parts", "app", "CREATE TABLE app.parts (a int) PARTITION BY LIST (a);\n", NULL, 2, false, "6" },
    { 24, "TABLE", "part 1", "app", "CREATE TABLE app.\"part 1\" (a int);\n", NULL, 2, false, "6 23" },
    { 25, "TABLE ATTACH", "part 1", "app", "ALTER TABLE ONLY app.parts ATTACH PARTITION …;\n", NULL, 2, false, "24 23" },
    { 30, "SEQUENCE", "users_id_seq", "app", "CREATE SEQUENCE app.users_id_seq;\n", NULL, 2, false, "6" },
    { 31, "SEQUENCE OWNED BY", "users_id_seq", "app", "ALTER SEQUENCE …;\n", NULL, 2, false, "30 20" },
    { 32, "SEQUENCE", "lonely", "app", "CREATE SEQUENCE app.lonely;\n", NULL, 2, false, "6" },
    { 33, "DEFAULT", "users id", "app", "ALTER TABLE ONLY app.users …;\n", NULL, 2, false, "20 30" },
    { 40, "TABLE DATA", "users", "app", NULL, "COPY app.users (id, m) FROM stdin;\n", 3, true, "20" },
    { 41, "TABLE DATA", "orders", "app", NULL, "COPY app.orders (id, u) FROM stdin;\n", 3, true, "22" },
    { 42, "TABLE DATA", "part 1", "app", NULL, "COPY app.\"part 1\" (a) FROM stdin;\n", 3, true, "24" },
    { 43, "SEQUENCE SET", "users_id_seq", "app", "SELECT pg_catalog.setval('app.users_id_seq', 7, true);\n", NULL, 3, false, "30" },
    { 44, "BLOB", "100", NULL, "SELECT pg_catalog.lo_create('100');\n", NULL, 3, false, "" },
    { 45, "COMMENT", "LARGE OBJECT 100", NULL, "COMMENT ON LARGE OBJECT 100 IS 'x';\n", NULL, 1, false, "44" },
    { 46, "BLOBS", "BLOBS", NULL, NULL, NULL, 3, true, "44" },
    { 50, "CONSTRAINT", "users users_pkey", "app", "ALTER TABLE ONLY app.users ADD …;\n", NULL, 4, false, "20" },
    { 51, "CONSTRAINT", "orders orders_pkey", "app", "ALTER TABLE ONLY app.orders ADD …;\n", NULL, 4, false, "22" },
    { 52, "INDEX", "parts_a_idx", "app", "CREATE INDEX parts_a_idx …;\n", NULL, 4, false, "23" },
    { 53, "INDEX", "part 1_a_idx", "app", "CREATE INDEX …;\n", NULL, 4, false, "24" },
    { 54, "INDEX ATTACH", "part 1_a_idx", "app", "ALTER INDEX …;\n", NULL, 4, false, "52 53" },
    { 55, "TRIGGER", "users t", "app", "CREATE TRIGGER t …;\n", NULL, 4, false, "20 11" },
    { 56, "FK CONSTRAINT", "orders orders_u_fkey", "app", "ALTER TABLE ONLY app.orders ADD …;\n", NULL, 4, false, "22 20 50" },
    { 57, "ACL", "TABLE users", "app", "GRANT SELECT ON TABLE app.users TO x;\n", NULL, 1, false, "20" },
    { 58, "DEFAULT ACL", "DEFAULT PRIVILEGES FOR TABLES", "app", "ALTER DEFAULT PRIVILEGES …;\n", NULL, 4, false, "6" },
    { 59, "EVENT TRIGGER", "et", NULL, "CREATE EVENT TRIGGER et …;\n", NULL, 4, false, "12" },
};

/* Writes them as version 1.minor. The entries are borrowed by a; free with free(a->entry) and free of deps. */
static void build(unsigned minor, struct kg_buf *out)
{
    struct kg_toc_entry e[KG_ARRAY_LEN(rows)] = { 0 };
    struct kg_archive a = { .version = { 1, (uint8_t)minor, 0 }, .int_size = 4, .offset_size = 8, .format = 1, .compression = 0,
                            .created = { 1, 2, 3, 4, 5, 126, 0 }, .dbname = "db", .server_version = "15.20",
                            .dump_version = "15.20 (Debian)", .entry = e, .n_entries = KG_ARRAY_LEN(rows) };

    for (size_t i = 0; i < KG_ARRAY_LEN(rows); i++) {
        char *list = kg_xstrdup(rows[i].deps);

        e[i] = (struct kg_toc_entry){
            .dump_id = rows[i].id, .has_data = rows[i].data, .table_oid = "1259", .oid = "16384", .tag = rows[i].tag,
            .desc = rows[i].desc, .section = rows[i].section, .defn = rows[i].defn, .drop = "", .copy = rows[i].copy,
            .schema = rows[i].schema, .tablespace = "", .tableam = minor >= 14 ? "heap" : NULL, .relkind = minor >= 16 ? 'r' : 0,
            .owner = i % 3 ? "postgres" : NULL, .with_oids = "false", .deps = kg_xalloc_array(8, sizeof(char *)),
        };
        for (char *p = list; *p;) {
            size_t n = strcspn(p, " ");

            e[i].deps[e[i].n_deps++] = kg_xstrndup(p, n);
            p += n + (p[n] == ' ');
        }
        free(list);
    }
    kg_archive_write(&a, NULL, true, out);
    for (size_t i = 0; i < KG_ARRAY_LEN(rows); i++) {
        for (size_t k = 0; k < e[i].n_deps; k++)
            free((void *)(uintptr_t)e[i].deps[k]);
        free(e[i].deps);
    }
}

static struct kg_archive *parsed(unsigned minor)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1 << 20);
    struct kg_archive *a = NULL;
    struct kg_err err = { 0 };

    build(minor, &b);
    if (kg_archive_parse_memory(b.p, b.len, &a, &err) < 0)
        fail_msg("1.%u: %s", minor, err.msg);
    return a;
}

static void test_every_version_is_read_and_written_again_byte_for_byte(void **state)
{
    (void)state;
    for (unsigned minor = 12; minor <= 16; minor++) {
        KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1 << 20);
        KG_AUTO_BUF struct kg_buf again = KG_BUF_INIT(1 << 20);
        struct kg_archive *a = parsed(minor);

        build(minor, &b);
        kg_archive_write(a, NULL, true, &again);
        assert_int_equal(b.len, again.len);
        assert_memory_equal(b.p, again.p, b.len);
        assert_int_equal(a->n_entries, KG_ARRAY_LEN(rows));
        assert_string_equal(kg_archive_encoding(a), "UTF8");
        assert_string_equal(a->dump_version, "15.20 (Debian)");
        assert_null(a->entry[0].owner);
        assert_string_equal(kg_archive_find(a, 24)->tag, "part 1");
        assert_null(kg_archive_find(a, 9999));
        kg_archive_free(a);
    }
}

static void test_creation_times_are_zeroed_on_request_and_nothing_else_changes(void **state)
{
    KG_AUTO_BUF struct kg_buf with = KG_BUF_INIT(1 << 20);
    KG_AUTO_BUF struct kg_buf without = KG_BUF_INIT(1 << 20);
    struct kg_archive *a = parsed(14), *b = NULL;
    struct kg_err err = { 0 };
    size_t differ = 0;

    (void)state;
    kg_archive_write(a, NULL, true, &with);
    kg_archive_write(a, NULL, false, &without);
    assert_int_equal(with.len, without.len);
    for (size_t i = 0; i < with.len; i++)
        differ += with.p[i] != without.p[i];
    assert_int_equal(differ, 6); /* isdst was 0 already */
    assert_int_equal(kg_archive_parse_memory(without.p, without.len, &b, &err), 0);
    assert_int_equal(b->created[5], 0);
    kg_archive_free(a);
    kg_archive_free(b);
}

static void test_an_archive_cut_anywhere_is_an_error(void **state)
{
    (void)state;
    for (unsigned minor = 12; minor <= 16; minor += 2) {
        KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1 << 20);

        build(minor, &b);
        for (size_t n = 0; n < b.len; n++) {
            struct kg_archive *a = (void *)1;
            struct kg_err err = { 0 };
            void *copy = malloc(n ? n : 1); /* its own block, so that a sanitizer sees a read behind it */

            memcpy(copy, b.p, n);
            if (kg_archive_parse_memory(copy, n, &a, &err) != -KG_E_ARCHIVE)
                fail_msg("1.%u cut to %zu of %zu bytes was accepted", minor, n, b.len);
            assert_ptr_equal(a, (void *)1);
            free(copy);
        }
    }
}

/* Refuses what stands at offset `at` of a whole archive when it is replaced. */
static void refuse_with(size_t at, const void *bytes, size_t n, const char *what)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1 << 20);
    struct kg_archive *a = NULL;
    struct kg_err err = { 0 };

    build(14, &b);
    memcpy(b.p + at, bytes, n);
    if (kg_archive_parse_memory(b.p, b.len, &a, &err) == 0)
        fail_msg("accepted: %s", what);
    assert_int_equal(err.code, KG_E_ARCHIVE);
}

static void test_headers_that_nobody_writes_are_refused(void **state)
{
    (void)state;
    refuse_with(0, "PGDMX", 5, "another magic");
    refuse_with(5, "\2", 1, "another major version");
    refuse_with(6, "\13", 1, "version 1.11");
    refuse_with(6, "\21", 1, "version 1.17");
    refuse_with(8, "\10", 1, "ints of 8 bytes");
    refuse_with(9, "\20", 1, "offsets of 16 bytes");
    refuse_with(10, "\3", 1, "the tar format");
    refuse_with(11, "\2", 1, "a sign that is neither plus nor minus");
    refuse_with(11, "\1\0\0\0\0", 5, "a negative zero");
    refuse_with(11, "\0\0\0\0\200", 5, "a number beyond int");
    refuse_with(11 + 8 * 5, "\0\377\377\377\177", 5, "a name of two gigabytes");
    refuse_with(11 + 8 * 5, "\1\2\0\0\0", 5, "a string of length -2");
}

static size_t find(const struct kg_buf *b, const void *what, size_t n)
{
    const char *p = memmem(b->p, b->len, what, n);

    assert_non_null(p);
    return (size_t)(p - b->p);
}

static void test_entries_that_nobody_writes_are_refused(void **state)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1 << 20);
    size_t first;

    (void)state;
    build(14, &b);
    first = find(&b, "\0\1\0\0\0" "\0\0\0\0\0" "\0\4\0\0\0" "1259", 19);
    refuse_with(first, "\0\0\0\0\0", 5, "the id 0");
    refuse_with(first, "\1\1\0\0\0", 5, "a negative id");
    refuse_with(first, "\0\2\0\0\0", 5, "an id that comes twice");
    refuse_with(first + 5, "\0\2\0\0\0", 5, "two data blocks");
    refuse_with(find(&b, "ENCODING", 8), "ENC\0DING", 8, "a NUL in a name");
    refuse_with(find(&b, "'UTF8'", 6), "'UT;8'", 6, "an encoding that is none");
    refuse_with(find(&b, "\0\2\0\0\0\0\36\0\0\0SET client", 20) , "\0\5\0\0\0", 5, "section 5");
}

static void test_kept_entries_alone_make_a_smaller_archive(void **state)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1 << 20);
    struct kg_archive *a = parsed(16), *cut = NULL;
    bool keep[KG_ARRAY_LEN(rows)] = { false };
    struct kg_err err = { 0 };

    (void)state;
    keep[0] = keep[20] = true;
    kg_archive_write(a, keep, true, &b);
    assert_int_equal(kg_archive_parse_memory(b.p, b.len, &cut, &err), 0);
    assert_int_equal(cut->n_entries, 2);
    assert_int_equal(cut->entry[1].dump_id, 40);
    assert_true(cut->entry[1].has_data);
    assert_int_equal(cut->entry[1].offset_flag, 1);
    assert_int_equal(cut->entry[0].offset_flag, 3);
    kg_archive_free(a);
    kg_archive_free(cut);
}

static void test_every_entry_is_restored_in_its_step(void **state)
{
    static const struct { int id; enum kg_step step; } want[] = {
        { 1, KG_STEP_ALWAYS }, { 3, KG_STEP_ALWAYS }, { 4, KG_STEP_DATABASE }, { 5, KG_STEP_DATABASE }, { 6, KG_STEP_PRE },
        { 7, KG_STEP_POST }, { 20, KG_STEP_PRE }, { 21, KG_STEP_PRE }, { 25, KG_STEP_PRE }, { 40, KG_STEP_TABLE },
        { 43, KG_STEP_MID }, { 44, KG_STEP_MID }, { 45, KG_STEP_MID }, { 46, KG_STEP_MID }, { 50, KG_STEP_POST },
        { 57, KG_STEP_POST }, { 58, KG_STEP_POST }, { 59, KG_STEP_POST },
    };
    struct kg_archive *a = parsed(14);

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(want); i++)
        if (kg_archive_find(a, want[i].id)->step != want[i].step)
            fail_msg("entry %d is in step %d", want[i].id, kg_archive_find(a, want[i].id)->step);
    assert_int_equal(kg_archive_find(a, 21)->effective, KG_SECTION_PRE); /* from the entry before */
    assert_int_equal(kg_archive_find(a, 57)->effective, KG_SECTION_POST);
    kg_archive_free(a);
}

/* ---- COPY statements ---- */

static void test_copy_statements_are_taken_apart_with_all_their_quoting(void **state)
{
    static const struct { const char *copy, *target, *columns; } good[] = {
        { "COPY s.t (a, b) FROM stdin;\n", "s.t", "(a, b)" },
        { "COPY s.t  FROM stdin;\n", "s.t", "" },
        { "COPY \"S q\".\"t (x) FROM stdin;\" (\"a, b\", \"c)\", \"d\"\"\n\") FROM stdin;\n", "\"S q\".\"t (x) FROM stdin;\"",
          "(\"a, b\", \"c)\", \"d\"\"\n\")" },
        { "COPY s.\xc3\xa9 (\xd0\xba) FROM stdin;\n", "s.\xc3\xa9", "(\xd0\xba)" },
        { "COPY t (a) FROM stdin;\n", "t", "(a)" },
    };
    static const char *const bad[] = {
        NULL, "", "INSERT INTO t", "COPY", "COPY ", "COPY s.t", "COPY s.t (a, b) FROM stdin;",
        "COPY s.t (a, b) FROM stdin; DROP TABLE x;\n",
        "COPY s.t (a b) FROM stdin;\n", "COPY s.t (a, ) FROM stdin;\n", "COPY s.t () FROM stdin;\n", "COPY s.t (a FROM stdin;\n",
        "COPY s.\"t (a) FROM stdin;\n", "COPY s. (a) FROM stdin;\n", "COPY .t (a) FROM stdin;\n", "COPY s.\"\" (a) FROM stdin;\n",
        "COPY s.t (a) FROM stdin;\n\n", "COPY s.t; DROP TABLE x; (a) FROM stdin;\n", "COPY s.t (a, \"b) FROM stdin;\n",
        "COPY s.t(a) FROM stdin;\n",
        "COPY s.t.u (a) FROM stdin;\n", "COPY s.t   FROM stdin;\n",
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(good); i++) {
        struct kg_toc_entry e = { .tag = "t", .copy = good[i].copy };
        struct kg_err err = { 0 };
        char *target, *columns;

        if (kg_toc_copy_parts(&e, &target, &columns, &err) < 0)
            fail_msg("case %zu: %s", i, err.msg);
        assert_string_equal(target, good[i].target);
        assert_string_equal(columns, good[i].columns);
        free(target);
        free(columns);
    }
    for (size_t i = 0; i < KG_ARRAY_LEN(bad); i++) {
        struct kg_toc_entry e = { .tag = "t", .copy = bad[i] };
        struct kg_err err = { 0 };
        char *target = NULL, *columns = NULL;

        if (kg_toc_copy_parts(&e, &target, &columns, &err) != -KG_E_ARCHIVE)
            fail_msg("case %zu '%s': taken as '%s' '%s'", i, bad[i], target, columns);
    }
}

static void test_blocks_are_framed_as_pg_restore_reads_them(void **state)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1000);

    (void)state;
    kg_archive_block_begin(&b, false, 3581);
    kg_archive_block_piece(&b, 258);
    kg_archive_block_begin(&b, true, 7);
    kg_archive_blob_begin(&b, 5);
    kg_archive_blob_begin(&b, 4000000001u);
    kg_archive_blob_begin(&b, 2147483648u);
    kg_archive_block_piece(&b, 0);
    assert_int_equal(b.len, 6 + 5 + 6 + 5 + 5 + 5 + 5);
    assert_memory_equal(b.p, "\1\0\375\15\0\0" "\0\2\1\0\0" "\3\0\7\0\0\0" "\0\5\0\0\0"
                        "\1\377\327\224\21" "\1\0\0\0\200" "\0\0\0\0\0", b.len);
}

/* ---- choosing ---- */

static void expect_choice(const char *const *schemas, size_t n_schemas, const char *const *tables, size_t n_tables, const char *want)
{
    struct kg_archive *a = parsed(14);
    KG_AUTO_BUF struct kg_buf got = KG_BUF_INIT(10000);
    bool keep[KG_ARRAY_LEN(rows)];
    struct kg_err err = { 0 };

    if (kg_archive_select(a, schemas, n_schemas, tables, n_tables, keep, &err) < 0)
        fail_msg("%s", err.msg);
    for (size_t i = 0; i < a->n_entries; i++)
        if (keep[i] && a->entry[i].step != KG_STEP_ALWAYS)
            kg_buf_addf(&got, "%s%d", got.len ? " " : "", a->entry[i].dump_id);
    assert_string_equal(got.p, want);
    kg_archive_free(a);
}

static void test_a_table_brings_what_it_needs_and_what_hangs_on_it(void **state)
{
    (void)state;
    /* type, sequence with its value, default, constraint, trigger with its function, privileges; no foreign key of another table */
    expect_choice(NULL, 0, (const char *const[]){ "app.users" }, 1, "6 7 10 11 20 21 30 31 33 40 43 50 55 57");
    expect_choice(NULL, 0, (const char *const[]){ "\"app\".\"users\"" }, 1, "6 7 10 11 20 21 30 31 33 40 43 50 55 57");
    expect_choice(NULL, 0, (const char *const[]){ "orders" }, 1, "6 7 22 41 51");
}

static void test_a_foreign_key_comes_back_with_both_of_its_tables(void **state)
{
    (void)state;
    expect_choice(NULL, 0, (const char *const[]){ "app.users", "app.orders" }, 2,
                  "6 7 10 11 20 21 22 30 31 33 40 41 43 50 51 55 56 57");
}

static void note_left_out(void *ctx, const struct kg_left_out *l)
{
    kg_buf_addf(ctx, "%s %s of %s needs %s; ", l->kind, l->name, l->table->tag, l->needs->tag);
}

static void test_what_belongs_to_a_chosen_table_and_needs_another_is_told(void **state)
{
    static const struct { const char *table, *told; } cases[] = {
        { "app.orders", "foreign key orders_u_fkey of orders needs users; " },
        { "app.users", "" }, /* that somebody else refers to it is no loss of its */
        { "app.\"part 1\"", "partition part 1 of part 1 needs parts; " },
        { "app.parts", "" },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        struct kg_archive *a = parsed(14);
        KG_AUTO_BUF struct kg_buf told = KG_BUF_INIT(10000);
        bool keep[KG_ARRAY_LEN(rows)];
        struct kg_err err = { 0 };

        assert_int_equal(kg_archive_select(a, NULL, 0, &cases[i].table, 1, keep, &err), 0);
        kg_archive_left_out(a, keep, note_left_out, &told);
        assert_string_equal(told.p, cases[i].told);
        kg_archive_free(a);
    }
}

static void test_a_partitioned_table_brings_its_partitions_and_a_partition_comes_alone(void **state)
{
    (void)state;
    expect_choice(NULL, 0, (const char *const[]){ "app.parts" }, 1, "6 7 23 24 25 42 52 53 54");
    expect_choice(NULL, 0, (const char *const[]){ "app.\"part 1\"" }, 1, "6 7 24 42 53");
    expect_choice(NULL, 0, (const char *const[]){ "part 1", "parts" }, 2, "6 7 23 24 25 42 52 53 54");
}

static void test_a_schema_brings_everything_in_it_and_nothing_else(void **state)
{
    (void)state;
    expect_choice((const char *const[]){ "app" }, 1, NULL, 0,
                  "6 7 10 11 12 20 21 22 23 24 25 30 31 32 33 40 41 42 43 50 51 52 53 54 55 56 57 58");
}

static void test_a_name_that_is_not_there_is_told(void **state)
{
    static const char *const tables[] = { "nope", "app.nope", "nope.users", "app.users.id", "\"app.users\"", "app.", "\"app" };
    struct kg_archive *a = parsed(14);
    bool keep[KG_ARRAY_LEN(rows)];

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(tables); i++) {
        struct kg_err err = { 0 };

        if (kg_archive_select(a, NULL, 0, &tables[i], 1, keep, &err) == 0)
            fail_msg("'%s' was found", tables[i]);
        assert_non_null(strstr(err.msg, tables[i]));
        err = (struct kg_err){ 0 };
        if (kg_archive_select(a, &tables[i], 1, NULL, 0, keep, &err) == 0)
            fail_msg("schema '%s' was found", tables[i]);
    }
    kg_archive_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_version_is_read_and_written_again_byte_for_byte),
        cmocka_unit_test(test_creation_times_are_zeroed_on_request_and_nothing_else_changes),
        cmocka_unit_test(test_an_archive_cut_anywhere_is_an_error),
        cmocka_unit_test(test_headers_that_nobody_writes_are_refused),
        cmocka_unit_test(test_entries_that_nobody_writes_are_refused),
        cmocka_unit_test(test_kept_entries_alone_make_a_smaller_archive),
        cmocka_unit_test(test_every_entry_is_restored_in_its_step),
        cmocka_unit_test(test_copy_statements_are_taken_apart_with_all_their_quoting),
        cmocka_unit_test(test_blocks_are_framed_as_pg_restore_reads_them),
        cmocka_unit_test(test_a_table_brings_what_it_needs_and_what_hangs_on_it),
        cmocka_unit_test(test_a_foreign_key_comes_back_with_both_of_its_tables),
        cmocka_unit_test(test_what_belongs_to_a_chosen_table_and_needs_another_is_told),
        cmocka_unit_test(test_a_partitioned_table_brings_its_partitions_and_a_partition_comes_alone),
        cmocka_unit_test(test_a_schema_brings_everything_in_it_and_nothing_else),
        cmocka_unit_test(test_a_name_that_is_not_there_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
