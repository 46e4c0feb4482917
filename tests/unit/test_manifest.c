#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "plugin/manifest.h"

static struct kg_manifest *example(void)
{
    struct kg_manifest *m = kg_manifest_new(2);

    m->time = 1700000000 * KG_SECOND;
    m->end_time = m->time + 5 * KG_SECOND;
    m->facts = kg_json_object();
    kg_json_set_u64(m->facts, "postgres.versionNum", 150020);
    for (size_t i = 0; i < 2; i++) {
        struct kg_mtable *t = &m->table[i];

        t->dump_id = 3000 + (int)i;
        t->oid = 4000000001u;
        t->schema = kg_xstrdup("Sch ema \"q\"");
        t->name = kg_xstrdup(i ? "tab\nle" : "события");
        t->target = kg_xstrdup("x.y");
        t->columns = kg_xstrdup("(a, b)");
        t->condition = i ? kg_xstrdup("WHERE a > 1") : NULL;
        t->via_root = i == 1;
        t->chunk_size = KG_CHUNK_MEDIUM;
        t->n_slices = 2;
        t->slice = kg_xalloc_array(2, sizeof *t->slice);
        for (uint32_t k = 0; k < 2; k++) {
            t->slice[k].from = k * 100;
            t->slice[k].to = k ? UINT32_MAX : 100;
            t->slice[k].sum = (struct kg_rowsum){ 7 + k, 70, UINT64_MAX - k };
            t->slice[k].stream.bytes = 70;
            t->slice[k].stream.chunks = 1;
            t->slice[k].stream.chunk_size = KG_CHUNK_MEDIUM;
            t->slice[k].stream.n_ids = 1;
            memset(t->slice[k].stream.ids[0], (int)(i * 2 + k), KG_CHUNK_ID);
        }
    }
    return m;
}

static void test_everything_survives_json(void **state)
{
    KG_CLEANUP(kg_manifest_freep) struct kg_manifest *m = example(), *back = NULL;
    KG_AUTO_JSON struct kg_json *j = kg_manifest_to_json(m);
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(1 << 20);
    KG_AUTO_JSON struct kg_json *again = NULL;
    struct kg_err err = { 0 };

    (void)state;
    kg_json_print(j, false, &text);
    assert_int_equal(kg_json_parse(text.p, text.len, &again, &err), 0);
    if (kg_manifest_from_json(again, &back, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(back->n_tables, 2);
    assert_int_equal(back->time, m->time);
    assert_int_equal(kg_manifest_server_version(back), 150020);
    for (size_t i = 0; i < 2; i++) {
        const struct kg_mtable *a = &m->table[i], *b = &back->table[i];

        assert_int_equal(a->oid, b->oid);
        assert_string_equal(a->schema, b->schema);
        assert_string_equal(a->name, b->name);
        assert_int_equal(a->via_root, b->via_root);
        assert_true((a->condition == NULL) == (b->condition == NULL));
        for (size_t k = 0; k < 2; k++) {
            assert_true(kg_rowsum_equal(&a->slice[k].sum, &b->slice[k].sum));
            assert_int_equal(a->slice[k].to, b->slice[k].to);
            assert_memory_equal(a->slice[k].stream.ids[0], b->slice[k].stream.ids[0], KG_CHUNK_ID);
        }
    }
}

static void test_a_table_adds_up_its_slices(void **state)
{
    KG_CLEANUP(kg_manifest_freep) struct kg_manifest *m = example();
    struct kg_rowsum s;

    (void)state;
    kg_mtable_sum(&m->table[0], &s);
    assert_int_equal(s.rows, 15);
    assert_int_equal(s.bytes, 140);
    assert_true(s.sum == UINT64_MAX + (UINT64_MAX - 1));
    kg_manifest_totals(m, &s);
    assert_int_equal(s.rows, 30);
}

static void test_contents_are_told_by_schema_and_table(void **state)
{
    KG_CLEANUP(kg_manifest_freep) struct kg_manifest *m = example();
    KG_AUTO_JSON struct kg_json *j = NULL;

    (void)state;
    free(m->table[0].schema);
    m->table[0].schema = kg_xstrdup("zoo");
    m->blob_count = 2;
    m->blob_sum = (struct kg_rowsum){ 3, 3 * 8 + 500, 1 };
    j = kg_manifest_contents(m);
    assert_int_equal(kg_json_count(kg_json_get(j, "schemas")), 2);
    assert_string_equal(kg_json_str(j, "schemas.0.name"), "Sch ema \"q\"");
    assert_int_equal(kg_json_u64(j, "schemas.1.tables", 0), 1);
    assert_int_equal(kg_json_u64(j, "schemas.1.rows", 0), 15);
    assert_string_equal(kg_json_str(j, "tables.1.schema"), "zoo");
    assert_string_equal(kg_json_str(j, "tables.1.name"), "события");
    assert_int_equal(kg_json_u64(j, "tables.0.bytes", 0), 140);
    assert_int_equal(kg_json_u64(j, "largeObjects.bytes", 0), 500);
    assert_int_equal(kg_json_u64(j, "omitted", 99), 0);
    free(m->table[0].schema);
    m->table[0].schema = kg_xstrdup("Sch ema \"q\"");
    kg_json_free(KG_TAKE(j));
    j = kg_manifest_contents(m);
    assert_int_equal(kg_json_count(kg_json_get(j, "schemas")), 1);
    assert_int_equal(kg_json_u64(j, "schemas.0.tables", 0), 2);
    assert_int_equal(kg_json_u64(j, "schemas.0.rows", 0), 30);
}

static void test_contents_are_a_list_of_one_schema_or_all(void **state)
{
    KG_CLEANUP(kg_manifest_freep) struct kg_manifest *m = example();
    KG_AUTO_JSON struct kg_json *all = NULL, *zoo = NULL, *none = NULL;

    (void)state;
    free(m->table[0].schema);
    m->table[0].schema = kg_xstrdup("zoo");
    m->blob_count = 2;
    m->blob_sum = (struct kg_rowsum){ 3, 3 * 8 + 500, 1 };
    m->has_globals = true;
    m->has_server = false;
    all = kg_manifest_list(m, NULL);
    assert_int_equal(kg_json_count(kg_json_get(all, "value")), 2);
    assert_string_equal(kg_json_str(all, "value.1.schema"), "zoo");
    assert_string_equal(kg_json_str(all, "value.1.kind"), "table");
    assert_int_equal(kg_json_u64(all, "value.1.rows", 0), 15);
    assert_int_equal(kg_json_u64(all, "largeObjects.count", 0), 2);
    assert_int_equal(kg_json_u64(all, "largeObjects.bytes", 0), 500);
    assert_true(kg_json_bool(all, "roles", false));
    zoo = kg_manifest_list(m, "zoo");
    assert_int_equal(kg_json_count(kg_json_get(zoo, "value")), 1);
    m->has_globals = false;
    none = kg_manifest_list(m, "ZOO"); /* another one: names of schemas have case */
    assert_int_equal(kg_json_count(kg_json_get(none, "value")), 0);
    assert_int_equal(kg_json_u64(none, "omitted", 99), 0);
    assert_false(kg_json_bool(none, "roles", true));
}

static void test_contents_without_end_are_cut_and_counted(void **state)
{
    enum { N = 20000 };
    KG_CLEANUP(kg_manifest_freep) struct kg_manifest *m = kg_manifest_new(N);
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(4 << 20);
    KG_AUTO_JSON struct kg_json *j = NULL;
    struct kg_err err = { 0 };

    (void)state;
    for (size_t i = 0; i < N; i++) {
        m->table[i].schema = kg_xstrdup("public");
        m->table[i].name = kg_xprintf("\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1%zu", i);
    }
    j = kg_manifest_contents(m);
    kg_json_print(j, false, &text);
    assert_int_equal(kg_buf_ok(&text, &err), 0);
    assert_true(text.len < 2 << 20);
    assert_true(kg_json_count(kg_json_get(j, "tables")) > 5000);
    assert_int_equal(kg_json_count(kg_json_get(j, "tables")) + kg_json_count(kg_json_get(j, "schemas")) +
                         kg_json_u64(j, "omitted", 0), N + 1);
}

/* Each edit makes a manifest that must not be believed. */
static void test_a_broken_manifest_is_damage(void **state)
{
    static const struct { const char *path, *value; } edits[] = {
        { "tables.0.rowChecksum", "0000000000000000" }, { "tables.0.slices.0.rowChecksum", "123" },
        { "tables.0.slices.0.stream.bytes", NULL }, { "tables.1.slices", NULL },
        { "tables.1.name", NULL },                { "archive.stream", NULL },
        { "time", "yesterday" },                  { "tables", "none" },
        { "tables.0.slices.1.stream.ids", "AAAA" },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(edits); i++) {
        KG_CLEANUP(kg_manifest_freep) struct kg_manifest *m = example(), *back = NULL;
        KG_AUTO_JSON struct kg_json *j = kg_manifest_to_json(m);
        const char *dot = strrchr(edits[i].path, '.');
        KG_AUTO_FREE char *up = dot ? kg_xstrndup(edits[i].path, (size_t)(dot - edits[i].path)) : kg_xstrdup("");
        struct kg_err err = { 0 };

        kg_json_set_str(kg_json_get_mutable(j, up), dot ? dot + 1 : edits[i].path, edits[i].value);
        if (kg_manifest_from_json(j, &back, &err) >= 0)
            fail_msg("edit of %s was believed", edits[i].path);
        if (strcmp(edits[i].path, "tables") != 0)
            assert_int_equal(err.code, KG_E_CORRUPT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_survives_json),
        cmocka_unit_test(test_a_table_adds_up_its_slices),
        cmocka_unit_test(test_contents_are_told_by_schema_and_table),
        cmocka_unit_test(test_contents_are_a_list_of_one_schema_or_all),
        cmocka_unit_test(test_contents_without_end_are_cut_and_counted),
        cmocka_unit_test(test_a_broken_manifest_is_damage),
    };
    return cmocka_run_group_tests_name("manifest", tests, NULL, NULL);
}
