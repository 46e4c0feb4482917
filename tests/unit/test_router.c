#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/api.h"
#include "api/limits.h"
#include "api/router.h"
#include "base/alloc.h"
#include "identity/audit.h"

#define SUB "/subscriptions/s"
#define VAULT SUB "/resourceGroups/g/providers/Microsoft.DataProtection/backupVaults/v"

static int find(const char *method, const char *path, struct kg_match *m, struct kg_err *err)
{
    return kg_route_find(kg_routes, kg_routes_count, method, path, m, err);
}

static void test_paths_are_found_in_any_case_and_names_are_decoded(void **state)
{
    KG_AUTO_MATCH struct kg_match m = { 0 };
    struct kg_err err = { 0 };

    (void)state;
    assert_int_equal(find("POST", "/SUBSCRIPTIONS/S/resourcegroups/My%20Group/PROVIDERS/microsoft.dataprotection/BackupVaults/v"
                          "/backupInstances/a%2Fb/Backup/", &m, &err), 0);
    assert_string_equal(kg_match_param(&m, "group"), "My Group");
    assert_string_equal(kg_match_param(&m, "instance"), "a/b");
    assert_null(kg_match_param(&m, "point"));
    assert_string_equal(m.scope, "/subscriptions/S/resourceGroups/My Group/providers/Microsoft.DataProtection/backupVaults/v"
                        "/backupInstances/a%2Fb");
}

static void test_the_scope_is_the_resource_and_not_the_action(void **state)
{
    static const struct { const char *method, *path, *scope; } cases[] = {
        { "GET", "/subscriptions", "/" },
        { "GET", "/providers/Microsoft.KeepGres/service", "/" },
        { "GET", SUB "/resourceGroups", SUB },
        { "GET", VAULT "/backupJobs", VAULT },
        { "POST", VAULT "/check", VAULT },
        { "GET", VAULT "/backupJobs/j/log", VAULT "/backupJobs/j" },
        { "PUT", VAULT "/backupPolicies/p", VAULT "/backupPolicies/p" },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        KG_AUTO_MATCH struct kg_match m = { 0 };
        struct kg_err err = { 0 };

        if (find(cases[i].method, cases[i].path, &m, &err) < 0 || strcmp(m.scope, cases[i].scope) != 0)
            fail_msg("case %zu: %s: %s %s", i, cases[i].path, m.scope ? m.scope : "", err.msg);
    }
}

static void test_bad_paths_are_refused_each_in_its_own_way(void **state)
{
    KG_AUTO_FREE char *deep = kg_xalloc(2 * KG_API_SEGMENTS + 20);
    KG_AUTO_FREE char *name = kg_xalloc(KG_API_NAME_MAX + 100);
    KG_AUTO_FREE char *lng = kg_xalloc(KG_API_URI_MAX + 100);

    (void)state;
    for (int i = 0; i < KG_API_SEGMENTS + 5; i++)
        memcpy(deep + 2 * i, "/a", 2);
    memcpy(name, "/subscriptions/", 15);
    memset(name + 15, 'n', KG_API_NAME_MAX + 1);
    memset(lng, 'x', KG_API_URI_MAX + 10);
    lng[0] = '/';
    const struct { const char *method, *path; enum kg_code code; const char *part; } cases[] = {
        { "GET", "", KG_E_NOT_FOUND, "''" },
        { "GET", "subscriptions", KG_E_NOT_FOUND, "subscriptions" },
        { "GET", "//subscriptions", KG_E_NOT_FOUND, "//" },
        { "GET", "/subscriptions//", KG_E_NOT_FOUND, "//" },
        { "GET", VAULT "/nothing", KG_E_NOT_FOUND, "nothing" },
        { "TRACE", "/subscriptions", KG_E_METHOD, "TRACE" },
        { "get", "/subscriptions", KG_E_METHOD, "get" },
        { "GET", "/subscriptions/%c3%28", KG_E_USAGE, "UTF-8" },
        { "GET", "/subscriptions/a%00b", KG_E_USAGE, "percent" },
        { "GET", deep, KG_E_LIMIT, "segments" },
        { "GET", name, KG_E_LIMIT, "name" },
        { "GET", lng, KG_E_LIMIT, "path" },
    };
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        KG_AUTO_MATCH struct kg_match m = { 0 };
        struct kg_err err = { 0 };

        if (find(cases[i].method, cases[i].path, &m, &err) != -(int)cases[i].code || !strstr(err.msg, cases[i].part))
            fail_msg("case %zu: '%.60s': %s", i, cases[i].path, err.msg);
        assert_null(m.route);
    }
}

static void test_a_wrong_method_names_the_right_ones(void **state)
{
    KG_AUTO_MATCH struct kg_match m = { 0 };
    struct kg_err err = { 0 };

    (void)state;
    assert_int_equal(find("POST", VAULT, &m, &err), -KG_E_METHOD);
    assert_non_null(strstr(err.action, "GET, PUT, DELETE"));
}

static void assert_every_refusal_is_recorded(struct kg_catalog *c)
{
    KG_AUTO_AUDIT_LIST struct kg_audit_list l = { 0 };
    struct kg_err err = { 0 };

    assert_int_equal(kg_catalog_audit_list(c, NULL, KG_AUDIT_OLDEST_FIRST, 0, 1000, &l, &err), 0);
    assert_int_equal(l.count, kg_routes_count);
    for (size_t i = 0; i < l.count; i++) {
        assert_int_equal(l.rows[i].status, 403);
        assert_string_equal(l.rows[i].action, kg_routes[i].action);
    }
}

/* Nothing behind the router is there but an empty catalog: a handler that does more than look into it crashes the test. */
static void test_who_was_assigned_nothing_gets_through_no_route(void **state)
{
    struct kg_api api = { .region = "local" };
    struct kg_err err = { 0 };

    (void)state;
    assert_int_equal(kg_catalog_open_sqlite(":memory:", &api.catalog, &err), 0);
    api.identity = kg_identity_new(api.catalog, getuid() + 1);
    for (size_t i = 0; i < kg_routes_count; i++) {
        KG_AUTO_FREE char *path = kg_xstrdup(kg_routes[i].pattern), *body = kg_xstrdup("{}");
        struct kg_http_in in = { .method = kg_routes[i].method, .path = path, .query = "", .body = body, .body_len = 2,
                                 .peer = { .uid = getuid() } };
        struct kg_http_out out = { .body = KG_BUF_INIT(1 << 20) };

        for (char *s = path; *s; s++)
            if (*s == '{' || *s == '}')
                *s = 'x';
        api.refusals = kg_refusals_new(); /* each is the first of its kind */
        kg_api_http_ops.handle(&api, &in, &out);
        kg_refusals_free(api.refusals);
        if (out.status != 403 || !strstr(out.body.p, "AuthorizationFailed") || !strstr(out.body.p, kg_routes[i].action))
            fail_msg("%s %s: HTTP %d %s", in.method, kg_routes[i].pattern, out.status, out.body.p);
        kg_http_out_done(&out);
    }
    assert_every_refusal_is_recorded(api.catalog);
    kg_identity_free(api.identity);
    kg_catalog_close(api.catalog);
}

static void test_an_extension_may_stand_behind_any_id(void **state)
{
    static const struct { const char *path, *scope; } rows[] = {
        { "/providers/Microsoft.Authorization/roleAssignments", "/" },
        { "/subscriptions/S/providers/microsoft.authorization/roleassignments", "/subscriptions/S" },
        { "/subscriptions/S/resourceGroups/a%20b/providers/Microsoft.Authorization/roleAssignments",
          "/subscriptions/S/resourceGroups/a b" },
        { "/subscriptions/S/resourceGroups/G/providers/Microsoft.KeyVault/vaults/k/providers/Microsoft.Authorization/roleAssignments/"
          "11111111-2222-3333-4444-555555555555", "/subscriptions/S/resourceGroups/G/providers/Microsoft.KeyVault/vaults/k" },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(rows); i++) {
        KG_AUTO_MATCH struct kg_match m = { 0 };
        struct kg_err err = { 0 };

        if (find("GET", rows[i].path, &m, &err) < 0)
            fail_msg("%s: %s", rows[i].path, err.msg);
        assert_string_equal(m.scope, rows[i].scope);
    }
}

static void test_an_extension_behind_no_id_is_refused(void **state)
{
    KG_AUTO_MATCH struct kg_match m = { 0 };
    struct kg_err err = { 0 };

    (void)state;
    assert_int_equal(find("GET", "/subscriptions/providers/Microsoft.Authorization/roleAssignments", &m, &err), -KG_E_USAGE);
}

/* Two rows that take the same path with the same method: the second could never be reached. */
static void test_no_route_hides_another_and_all_are_complete(void **state)
{
    (void)state;
    for (size_t i = 0; i < kg_routes_count; i++) {
        const struct kg_route *r = &kg_routes[i];
        KG_AUTO_FREE char *path = kg_xstrdup(r->pattern);
        KG_AUTO_MATCH struct kg_match m = { 0 };
        struct kg_err err = { 0 };

        for (char *s = path; *s; s++)
            if (*s == '{' || *s == '}')
                *s = 'x';
        if (find(r->method, path, &m, &err) < 0 || m.route != r)
            fail_msg("%s %s is not reached: %s", r->method, r->pattern, err.msg);
        if (!r->handler || !r->action || !strstr(r->action, "/") || !r->summary || !r->answer || r->body_max < 2)
            fail_msg("%s %s is not complete", r->method, r->pattern);
        if (strcmp(r->method, "GET") == 0 ? strstr(r->action, "/read") == NULL
                                          : strstr(r->action, "/read") && !strstr(r->pattern, "listDatabases") &&
                                                !strstr(r->pattern, "/search") && !strstr(r->pattern, "/checkAccess") &&
                                                !strstr(r->pattern, "/preview") && !strstr(r->pattern, "/listContents"))
            fail_msg("%s %s must not be allowed by '%s'", r->method, r->pattern, r->action);
    }
}

static void test_queries_are_decoded_and_bounded(void **state)
{
    KG_AUTO_QUERY struct kg_query q = { 0 };
    struct kg_err err = { 0 };

    (void)state;
    assert_int_equal(kg_query_parse("api-version=2024-04-01&%24TOP=5&&$filter=a+eq+%27b%26c%27&flag", &q, &err), 0);
    assert_string_equal(kg_query_get(&q, "$top"), "5");
    assert_string_equal(kg_query_get(&q, "$filter"), "a eq 'b&c'");
    assert_string_equal(kg_query_get(&q, "flag"), "");
    assert_null(kg_query_get(&q, "none"));
    KG_AUTO_QUERY struct kg_query bad = { 0 };
    assert_int_equal(kg_query_parse("a=%00", &bad, &err), -KG_E_USAGE);
    err = (struct kg_err){ 0 };
    assert_int_equal(kg_query_parse("a&b&c&d&e&f&g&h&i&j&k&l&m&n&o&p&q", &bad, &err), -KG_E_LIMIT);
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(100);
    kg_query_encode(&b, "a b'/ü");
    assert_string_equal(b.p, "a%20b%27%2F%C3%BC");
}

static void test_filters_are_equalities_joined_by_and(void **state)
{
    static const char *const bad[] = { "status", "status eq", "status eq Failed", "status eq 'x", "status gt 'x'",
                                       "status eq 'x' or a eq 'b'", "eq 'x'", "status eq 'x' and" , "'", "a eq 'x'and b" };
    char out[32];
    struct kg_err err = { 0 };

    (void)state;
    assert_int_equal(kg_filter_get("startDate eq '2026-01-01' AND Status EQ 'it''s'", "status", out, sizeof out, &err), 1);
    assert_string_equal(out, "it's");
    assert_int_equal(kg_filter_get("status eq 'x'", "operation", out, sizeof out, &err), 0);
    assert_int_equal(kg_filter_get(NULL, "operation", out, sizeof out, &err), 0);
    assert_int_equal(kg_filter_get("  ", "operation", out, sizeof out, &err), 0);
    for (size_t i = 0; i < KG_ARRAY_LEN(bad); i++) {
        err = (struct kg_err){ 0 };
        if (kg_filter_get(bad[i], "status", out, sizeof out, &err) != -KG_E_USAGE)
            fail_msg("case %zu: \"%s\" was accepted", i, bad[i]);
    }
}

static void test_the_documentation_names_every_route_and_every_limit(void **state)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1 << 20);
    struct kg_err err = { 0 };

    (void)state;
    kg_api_docs(&b);
    assert_int_equal(kg_buf_ok(&b, &err), 0);
    for (size_t i = 0; i < kg_routes_count; i++) {
        KG_AUTO_FREE char *head = kg_xprintf("### %s `%s`", kg_routes[i].method, kg_routes[i].pattern);

        if (!strstr(b.p, head))
            fail_msg("%s is not documented", head);
    }
    assert_non_null(strstr(b.p, "1048576"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths_are_found_in_any_case_and_names_are_decoded),
        cmocka_unit_test(test_the_scope_is_the_resource_and_not_the_action),
        cmocka_unit_test(test_bad_paths_are_refused_each_in_its_own_way),
        cmocka_unit_test(test_a_wrong_method_names_the_right_ones),
        cmocka_unit_test(test_who_was_assigned_nothing_gets_through_no_route),
        cmocka_unit_test(test_an_extension_may_stand_behind_any_id),
        cmocka_unit_test(test_an_extension_behind_no_id_is_refused),
        cmocka_unit_test(test_no_route_hides_another_and_all_are_complete),
        cmocka_unit_test(test_queries_are_decoded_and_bounded),
        cmocka_unit_test(test_filters_are_equalities_joined_by_and),
        cmocka_unit_test(test_the_documentation_names_every_route_and_every_limit),
    };

    return cmocka_run_group_tests_name("router", tests, NULL, NULL);
}
