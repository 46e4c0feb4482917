/* The provider "azure" against a server that speaks its REST and misbehaves on command: tests/support/fake_keyvault.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "keyvault/azure.h"
#include "sys/fd.h"
#include "sys/proc.h"

#define CLIENT "11111111-2222-3333-4444-555555555555"
#define KV     "/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/kv1"

static struct world {
    char dir[64], uri[80], wrong[80], imds[80], login[80], ca[128], extra[40];
    pid_t server;
    int feed;                       /* its standard input: it ends when this is closed */
    struct kg_secret *client_secret;
    struct kg_keyvault *kv;
    struct kg_azure_opts opts;
    struct kg_err err;
    int cancel_after;               /* questions; -1: never */
} w;

/* ---- the server ---- */

static void write_text(const char *name, const char *text)
{
    KG_AUTO_FREE char *path = kg_xprintf("%s/%s", w.dir, name);
    FILE *f = fopen(path, "we");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static char *read_text(const char *name)
{
    KG_AUTO_FREE char *path = kg_xprintf("%s/%s", w.dir, name);
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1 << 20);
    struct kg_err err = { 0 };

    if (kg_read_file(AT_FDCWD, path, &b, &err) < 0)
        return NULL;
    kg_buf_adds(&b, "");
    return kg_buf_take(&b);
}

static unsigned port(const char *env, const char *name)
{
    const char *at = strstr(env, name);

    assert_non_null(at);
    return (unsigned)strtoul(at + strlen(name) + 1, NULL, 10);
}

static int start_server(void **state)
{
    const char *argv[] = { "python3", "tests/support/fake_keyvault.py", w.dir, NULL };
    KG_AUTO_FREE char *path = kg_xprintf("PATH=%s", getenv("PATH"));
    const char *envp[] = { path, NULL };
    KG_AUTO_FREE char *env = NULL;
    int feed[2];

    (void)state;
    (void)snprintf(w.dir, sizeof w.dir, "/tmp/kg-azure-XXXXXX");
    assert_non_null(mkdtemp(w.dir));
    assert_int_equal(pipe2(feed, O_CLOEXEC), 0);
    if (kg_proc_spawn(&(struct kg_proc_spec){ .argv = argv, .envp = envp, .fd_in = feed[0], .fd_out = 2, .fd_err = 2 }, &w.server,
                      &w.err) < 0)
        fail_msg("%s", w.err.msg);
    close(feed[0]);
    w.feed = feed[1];
    for (int i = 0; i < 300 && !env; i++) {
        (void)poll(NULL, 0, 100);
        env = read_text("env");
    }
    assert_non_null(env);
    (void)snprintf(w.uri, sizeof w.uri, "https://localhost:%u/", port(env, "VAULT_PORT"));
    (void)snprintf(w.login, sizeof w.login, "https://localhost:%u", port(env, "VAULT_PORT"));
    (void)snprintf(w.wrong, sizeof w.wrong, "https://localhost:%u/", port(env, "WRONG_PORT"));
    (void)snprintf(w.imds, sizeof w.imds, "http://127.0.0.1:%u", port(env, "IMDS_PORT"));
    (void)snprintf(w.ca, sizeof w.ca, "%s/ca.pem", w.dir);
    return 0;
}

static int end_server(void **state)
{
    static const char *const files[] = { "ca.key", "ca.pem", "ca.srl", "right.ext", "right.key", "right.csr", "right.pem", "wrong.ext",
                                         "wrong.key", "wrong.csr", "wrong.pem", "env", "log", "next-vault", "next-login", "next-imds" };
    int status;

    (void)state;
    close(w.feed);
    assert_int_equal(kg_proc_wait(w.server, 20 * KG_SECOND, &status, &w.err), 0);
    for (size_t i = 0; i < KG_ARRAY_LEN(files); i++) {
        KG_AUTO_FREE char *path = kg_xprintf("%s/%s", w.dir, files[i]);

        (void)unlink(path);
    }
    (void)rmdir(w.dir);
    return 0;
}

/* How many lines of the log begin with this; then the log is emptied. */
static unsigned asked(const char *what)
{
    KG_AUTO_FREE char *log = read_text("log");
    unsigned n = 0;

    for (const char *p = log; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
        n += strncmp(p, what, strlen(what)) == 0;
    write_text("log", "");
    return n;
}

/* ---- one test ---- */

static bool cancelled(void *ctx)
{
    (void)ctx;
    return w.cancel_after == 0 || (w.cancel_after > 0 && w.cancel_after-- == 0);
}

static int setup(void **state)
{
    (void)state;
    w.opts = (struct kg_azure_opts){ .vault_uri = w.uri, .imds = w.imds, .login = w.login, .ca_file = w.ca, .extra_host = "localhost",
                                     .first_wait = KG_SECOND / 100, .cancelled = cancelled };
    w.cancel_after = -1;
    w.err = (struct kg_err){ 0 };
    write_text("next-vault", "");
    write_text("next-login", "");
    write_text("next-imds", "");
    write_text("log", "");
    if (kg_keyvault_open_azure(&w.opts, &w.kv, &w.err) < 0)
        fail_msg("%s", w.err.msg);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kg_keyvault_close(w.kv);
    w.kv = NULL;
    kg_secret_free(w.client_secret);
    w.client_secret = NULL;
    return 0;
}

static void reopen(void)
{
    kg_keyvault_close(w.kv);
    w.kv = NULL;
    if (kg_keyvault_open_azure(&w.opts, &w.kv, &w.err) < 0)
        fail_msg("%s", w.err.msg);
}

static void with_client_secret(const char *secret)
{
    w.client_secret = kg_secret_new_copy(secret, strlen(secret));
    w.opts.client_secret = w.client_secret;
    w.opts.client_id = CLIENT;
    w.opts.tenant_id = "contoso.example";
    reopen();
}

/* Returns the version; the caller frees. */
static char *set(const char *name, const char *value, bool enabled, kg_usec not_before, kg_usec expires)
{
    KG_AUTO_SECRET struct kg_secret *v = kg_secret_new_copy(value, strlen(value));
    struct kg_keyvault_attrs attrs = { .content_type = "text/plain", .enabled = &enabled, .not_before = &not_before,
                                       .expires = &expires };
    KG_AUTO_KEYVAULT_ITEM struct kg_keyvault_item item = { 0 };

    if (kg_keyvault_set(w.kv, KV, name, v, &attrs, &item, &w.err) < 0)
        fail_msg("%s", w.err.msg);
    assert_string_equal(item.name, name);
    return kg_xstrdup(item.version);
}

static void expect(const char *name, const char *version, const char *value)
{
    KG_AUTO_SECRET struct kg_secret *v = NULL;

    w.err = (struct kg_err){ 0 };
    if (kg_keyvault_get(w.kv, KV, name, version, &v, &w.err) < 0)
        fail_msg("%s: %s", name, w.err.msg);
    assert_int_equal(kg_secret_size(v), strlen(value));
    assert_memory_equal(kg_secret_open(v), value, strlen(value));
    kg_secret_shut(v);
}

/* The code of a failure, which must have advice and quote nothing that came. */
static int code(const char *name, const char *version)
{
    struct kg_secret *v = NULL;

    w.err = (struct kg_err){ 0 };
    assert_true(kg_keyvault_get(w.kv, KV, name, version, &v, &w.err) < 0);
    assert_null(v);
    assert_true(*w.err.action);
    assert_null(strstr(w.err.msg, "canary"));
    assert_null(strstr(w.err.action, "canary"));
    return (int)w.err.code;
}

/* ---- reading ---- */

static void test_a_secret_is_set_and_read_with_the_machines_identity(void **state)
{
    KG_AUTO_FREE char *v1 = NULL, *v2 = NULL;

    (void)state;
    v1 = set("pg", "Server=h;Password='a\"b\\c\n\xc3\xa9'", true, 0, 0);
    v2 = set("pg", "second", true, 0, 0);
    assert_int_equal(strlen(v1), 32);
    expect("pg", v1, "Server=h;Password='a\"b\\c\n\xc3\xa9'");
    expect("pg", v2, "second");
    expect("pg", NULL, "second");
    expect("PG", "", "second");
    assert_int_equal(asked("imds GET /metadata/identity/oauth2/token 200"), 1);
}

static void test_a_client_secret_gets_a_token_from_the_login_endpoint(void **state)
{
    (void)state;
    free(set("login", "x", true, 0, 0));
    (void)asked("");
    with_client_secret("client-secret");
    expect("login", NULL, "x");
    expect("login", NULL, "x");
    assert_int_equal(asked("login POST /contoso.example/oauth2/v2.0/token 200"), 1);
}

static void test_a_client_secret_that_is_refused_says_so(void **state)
{
    (void)state;
    with_client_secret("wrong-canary&=+");
    assert_int_equal(code("login", NULL), KG_E_SECRET_DENIED);
    assert_non_null(strstr(w.err.msg, "invalid_client"));
}

static void test_without_a_version_the_newest_that_is_enabled_and_within_its_dates_is_read(void **state)
{
    const kg_usec now = kg_now_wall(), hour = 3600 * KG_SECOND;
    KG_AUTO_FREE char *good = NULL, *off = NULL, *old = NULL;

    (void)state;
    free(set("rot", "first", true, 0, 0));
    good = set("rot", "second", true, now - hour, now + hour);
    expect("rot", NULL, "second");
    old = set("rot", "expired", true, 0, now - hour);
    expect("rot", NULL, "second");
    free(set("rot", "future", true, now + hour, 0));
    expect("rot", NULL, "second");
    off = set("rot", "disabled", false, 0, 0);
    expect("rot", NULL, "second");
    assert_int_equal(code("rot", off), KG_E_NO_SECRET);
    assert_int_equal(code("rot", old), KG_E_NO_SECRET);
    assert_non_null(strstr(w.err.msg, "expired at"));
    expect("rot", good, "second");
}

static void test_a_secret_without_a_readable_version_says_why(void **state)
{
    (void)state;
    free(set("dead", "x", true, 0, kg_now_wall() - 3600 * KG_SECOND));
    assert_int_equal(code("dead", NULL), KG_E_NO_SECRET);
    assert_non_null(strstr(w.err.msg, "no version can be read now"));
    assert_non_null(strstr(w.err.msg, "expired at"));
    /* older versions that may not be listed: the newest one's trouble is told */
    write_text("next-vault", "ok\n403 Forbidden\n");
    assert_int_equal(code("dead", NULL), KG_E_NO_SECRET);
    assert_non_null(strstr(w.err.msg, "cannot be listed"));
}

static void test_what_is_not_there_or_not_allowed_has_its_own_code(void **state)
{
    static const struct { const char *how; int code; const char *says; } cases[] = {
        { "ok", KG_E_NO_SECRET, "SecretNotFound" },
        { "403 Forbidden", KG_E_SECRET_DENIED, "Forbidden" },
        { "inner ForbiddenByRbac", KG_E_SECRET_DENIED, "ForbiddenByRbac" },
        { "inner ForbiddenByPolicy", KG_E_SECRET_DENIED, "ForbiddenByPolicy" },
        { "inner ForbiddenByFirewall", KG_E_NO_KEYVAULT, "firewall" },
        { "inner canary<evil>", KG_E_SECRET_DENIED, "403" },
        { "400 BadParameter", KG_E_NO_REPLY, "BadParameter" },
        { "redirect", KG_E_NO_REPLY, "elsewhere" },
        { "204", KG_E_NO_REPLY, "204" },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        write_text("next-vault", cases[i].how);
        if (code("nowhere", NULL) != cases[i].code || !strstr(w.err.msg, cases[i].says))
            fail_msg("case %zu: %d '%s'", i, w.err.code, w.err.msg);
    }
    assert_int_equal(asked("vault GET /stolen"), 0);
}

/* ---- trying again ---- */

static void test_a_busy_key_vault_is_asked_again_when_it_said(void **state)
{
    kg_usec began;

    (void)state;
    free(set("busy", "x", true, 0, 0));
    (void)asked("");
    write_text("next-vault", "429 1\n503\n500\n");
    began = kg_now_mono();
    expect("busy", NULL, "x");
    assert_true(kg_now_mono() - began >= KG_SECOND);
    assert_int_equal(asked("vault GET /secrets/busy"), 4);
    write_text("next-vault", "429 date 2\n");
    began = kg_now_mono();
    expect("busy", NULL, "x");
    assert_true(kg_now_mono() - began >= KG_SECOND / 2);
    write_text("next-vault", "drop\ntruncated\n502\n");
    expect("busy", NULL, "x");
}

static void test_a_retry_after_that_makes_no_sense_is_none_and_an_endless_one_is_not_waited_for(void **state)
{
    static const struct { const char *how; bool again; } cases[] = {
        { "429 raw soon", true }, { "429 raw -1", true }, { "429 raw 1.5", true }, { "429 raw Mon, 01 Jan 2001 00:00:00 GMT", true },
        { "429 raw 31", false }, { "429 raw 20991231", false }, { "429 raw 99999999999999999999", false },
        { "429 raw Fri, 31 Dec 2099 23:59:59 GMT", false },
    };

    (void)state;
    free(set("busy", "x", true, 0, 0));
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        kg_usec began = kg_now_mono();

        (void)asked("");
        write_text("next-vault", cases[i].how);
        if (cases[i].again)
            expect("busy", NULL, "x");
        else
            assert_int_equal(code("busy", NULL), KG_E_TIMEOUT);
        if (asked("vault GET /secrets/busy") != (cases[i].again ? 2 : 1) || kg_now_mono() - began > 5 * KG_SECOND)
            fail_msg("'%s'", cases[i].how);
    }
}

static void test_trying_again_has_an_end(void **state)
{
    (void)state;
    free(set("busy", "x", true, 0, 0));
    (void)asked("");
    write_text("next-vault", "503\n503\n503\n503\n503\n503\n503\n503\n");
    assert_int_equal(code("busy", NULL), KG_E_TIMEOUT);
    assert_int_equal(asked("vault GET /secrets/busy"), 5);
    write_text("next-vault", "429 3600\n");
    assert_int_equal(code("busy", NULL), KG_E_TIMEOUT);
    assert_int_equal(asked("vault GET /secrets/busy"), 1);
    assert_non_null(strstr(w.err.action, "3601 seconds"));
    write_text("next-vault", "truncated\ntruncated\ntruncated\ntruncated\ntruncated\ntruncated\n");
    assert_int_equal(code("busy", NULL), KG_E_NO_KEYVAULT);
}

static void test_a_new_version_is_not_sent_twice_when_nobody_knows_whether_it_arrived(void **state)
{
    KG_AUTO_SECRET struct kg_secret *v = kg_secret_new_copy("x", 1);
    struct kg_keyvault_attrs none = { 0 };
    const char *const unsure[] = { "500", "drop", "truncated" };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(unsure); i++) {
        write_text("next-vault", unsure[i]);
        w.err = (struct kg_err){ 0 };
        assert_true(kg_keyvault_set(w.kv, KV, "once", v, &none, NULL, &w.err) < 0);
        assert_int_equal(asked("vault PUT /secrets/once"), 1);
    }
    w.err = (struct kg_err){ 0 };
    write_text("next-vault", "429 0\n503\n");
    assert_int_equal(kg_keyvault_set(w.kv, KV, "once", v, &none, NULL, &w.err), 0);
    assert_int_equal(asked("vault PUT /secrets/once"), 3);
}

static void test_a_token_that_is_refused_is_replaced_once(void **state)
{
    (void)state;
    free(set("tok", "x", true, 0, 0));
    (void)asked("");
    write_text("next-vault", "401 Unauthorized\n");
    expect("tok", NULL, "x");
    assert_int_equal(asked("imds"), 1);
    write_text("next-vault", "401 Unauthorized\n401 Unauthorized\n");
    assert_int_equal(code("tok", NULL), KG_E_SECRET_DENIED);
    assert_int_equal(asked("vault GET"), 2);
}

/* Where tokens come from is for the settings to say: a key vault that names another place would be given the client secret. */
static void test_a_challenge_does_not_choose_who_is_asked_for_a_token(void **state)
{
    KG_AUTO_FREE char *log = NULL;

    (void)state;
    free(set("tok", "x", true, 0, 0));
    with_client_secret("client-secret");
    (void)asked("");
    write_text("next-vault", "challenge\n");
    expect("tok", NULL, "x");
    log = read_text("log");
    assert_null(strstr(log, "stolen"));
    assert_int_equal(asked("login POST /contoso.example/oauth2/v2.0/token 200"), 2);
}

static void test_a_token_is_replaced_before_it_expires(void **state)
{
    (void)state;
    free(set("tok", "x", true, 0, 0));
    write_text("next-imds", "life 2\nlife 3600\n");
    reopen();
    (void)asked("");
    expect("tok", NULL, "x");
    (void)poll(NULL, 0, 1100);
    expect("tok", NULL, "x");
    expect("tok", NULL, "x");
    assert_int_equal(asked("imds"), 2);
}

static void test_endpoints_of_tokens_misbehave_too(void **state)
{
    static const struct { const char *how; int code; } cases[] = {
        { "notoken", KG_E_NO_REPLY }, { "badtoken", KG_E_NO_REPLY }, { "life 0", KG_E_NO_REPLY }, { "garbage", KG_E_NO_REPLY },
        { "array", KG_E_NO_REPLY }, { "huge", KG_E_NO_REPLY }, { "400 identity_not_found", KG_E_SECRET_DENIED },
        { "redirect", KG_E_SECRET_DENIED }, { "503\n503\n503\n503\n503", KG_E_TIMEOUT },
    };

    (void)state;
    for (int login = 0; login < 2; login++) {
        if (login)
            with_client_secret("client-secret");
        for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
            reopen();
            write_text(login ? "next-login" : "next-imds", cases[i].how);
            if (code("tok", NULL) != cases[i].code)
                fail_msg("%s, case %zu: %d '%s'", login ? "login" : "imds", i, w.err.code, w.err.msg);
        }
    }
    write_text("next-login", "429 0\n500\n");
    reopen();
    expect("tok", NULL, "x");
}

/* ---- hostile answers ---- */

static void test_answers_that_cannot_be_right_are_refused(void **state)
{
    static const char *const hows[] = { "garbage", "array", "deep", "huge", "novalue", "numbervalue", "badid", "200" };

    (void)state;
    free(set("odd", "x", true, 0, 0));
    for (size_t i = 0; i < KG_ARRAY_LEN(hows); i++) {
        write_text("next-vault", hows[i]);
        if (code("odd", NULL) != KG_E_NO_REPLY)
            fail_msg("'%s': %d '%s'", hows[i], w.err.code, w.err.msg);
    }
    write_text("next-vault", "otherid");
    assert_int_equal(code("odd", "0123456789abcdef0123456789abcdef"), KG_E_NO_SECRET);
    {
        KG_AUTO_FREE char *v = set("odd", "y", true, 0, 0);

        write_text("next-vault", "otherid");
        assert_int_equal(code("odd", v), KG_E_NO_REPLY);
    }
}

static void test_a_slow_key_vault_is_given_up(void **state)
{
    (void)state;
    free(set("slow", "x", true, 0, 0));
    w.opts.timeout = KG_SECOND / 2;
    reopen();
    (void)asked("");
    write_text("next-vault", "slow 3\nslow 3\nslow 3\nslow 3\nslow 3\n");
    assert_int_equal(code("slow", NULL), KG_E_NO_KEYVAULT);
    assert_non_null(strstr(w.err.msg, "imeout"));
    assert_int_equal(asked("vault GET /secrets/slow slow"), 5);
}

static void test_waiting_can_be_cancelled(void **state)
{
    kg_usec began = kg_now_mono();

    (void)state;
    free(set("slow", "x", true, 0, 0));
    write_text("next-vault", "429 20\n");
    w.cancel_after = 10;
    assert_int_equal(code("slow", NULL), KG_E_CANCELLED);
    w.cancel_after = 1;
    write_text("next-vault", "slow 5\n");
    assert_int_equal(code("slow", NULL), KG_E_CANCELLED);
    assert_true(kg_now_mono() - began < 8 * KG_SECOND);
}

static void test_a_certificate_must_be_trusted_and_name_the_host(void **state)
{
    (void)state;
    w.opts.vault_uri = w.wrong;
    reopen();
    assert_int_equal(code("pg", NULL), KG_E_NO_KEYVAULT);
    assert_non_null(strstr(w.err.msg, "certificate"));
    w.opts.vault_uri = w.uri;
    w.opts.ca_file = NULL;
    reopen();
    assert_int_equal(code("pg", NULL), KG_E_NO_KEYVAULT);
    assert_non_null(strstr(w.err.msg, "certificate"));
    w.opts.ca_file = "/nonexistent/ca.pem";
    reopen();
    assert_int_equal(code("pg", NULL), KG_E_NO_KEYVAULT);
    assert_int_equal(asked("vault"), 0);
}

static void test_a_host_that_nobody_answers_at_is_unreachable(void **state)
{
    (void)state;
    w.opts.vault_uri = "https://localhost:1/";
    reopen();
    assert_int_equal(code("pg", NULL), KG_E_NO_KEYVAULT);
    assert_non_null(strstr(w.err.msg, "localhost:1"));
}

static void test_tokens_go_to_azures_hosts_only(void **state)
{
    static const struct { const char *uri, *extra; bool good; } cases[] = {
        { "https://kv1.vault.azure.net/", NULL, true },
        { "https://KV1.VAULT.AZURE.NET:443/", "", true },
        { "https://kv1.vault.azure.cn/", "", true },
        { "https://kv1.vault.usgovcloudapi.net/", "", true },
        { "https://vault.azure.net/", "", false },
        { "https://.vault.azure.net/", "", false },
        { "https://kv1.vault.azure.net.evil.com/", "", false },
        { "https://evil.com/kv1.vault.azure.net/", "", false },
        { "https://evilvault.azure.net/", "", false },
        { "https://localhost:1/", "localhost", true },
        { "https://localhost:1/", "localhost:1", true },
        { "https://localhost:1/", "localhost:2", false },
        { "https://localhost.evil.com/", "localhost", false },
        { "https://local/", "localhost", false },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        struct kg_err err = { 0 };

        if (kg_azure_check_host(cases[i].uri, cases[i].extra, &err) != (cases[i].good ? 0 : -KG_E_DENIED))
            fail_msg("case %zu: '%s'", i, cases[i].uri);
    }
}

/* ---- lists and changes ---- */

static void test_lists_go_over_all_pages_of_the_same_host(void **state)
{
    KG_AUTO_KEYVAULT_LIST struct kg_keyvault_list l = { 0 }, v = { 0 }, none = { 0 };
    size_t found = 0;

    (void)state;
    for (int i = 0; i < 5; i++)
        free(set("paged", i == 4 ? "last" : "x", true, 0, 0));
    assert_int_equal(kg_keyvault_list(w.kv, KV, "paged", NULL, 10, &v, &w.err), 0);
    assert_int_equal(v.count, 5);
    for (size_t i = 1; i < 5; i++)
        assert_true(v.items[i - 1].created > v.items[i].created);
    expect("paged", v.items[0].version, "last");
    assert_int_equal(kg_keyvault_list(w.kv, KV, NULL, NULL, 10, &l, &w.err), 0);
    for (size_t i = 0; i < l.count; i++)
        found += strcmp(l.items[i].name, "paged") == 0;
    assert_int_equal(found, 1);
    (void)asked("");
    write_text("next-vault", "evilnext\n");
    assert_int_equal(kg_keyvault_list(w.kv, KV, "paged", NULL, 10, &none, &w.err), -KG_E_NO_REPLY);
    {
        KG_AUTO_FREE char *log = read_text("log");

        assert_string_equal(log, "vault GET /secrets/paged/versions 200\n"); /* and nothing elsewhere */
    }
    w.err = (struct kg_err){ 0 };
    {
        KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(10000);

        for (int i = 0; i < 200; i++)
            kg_buf_adds(&b, "endless\n");
        write_text("next-vault", b.p);
    }
    assert_int_equal(kg_keyvault_list(w.kv, KV, NULL, NULL, 10, &none, &w.err), -KG_E_LIMIT);
}

static void test_attributes_are_changed_and_shown_without_the_value_being_asked_for(void **state)
{
    KG_AUTO_FREE char *v1 = set("attr", "one", true, 0, 0), *v2 = set("attr", "two", true, 0, 0);
    KG_AUTO_KEYVAULT_ITEM struct kg_keyvault_item item = { 0 }, shown = { 0 };
    const kg_usec expires = (kg_now_wall() / KG_SECOND + 3600) * KG_SECOND;
    const bool off = false;

    (void)state;
    (void)asked("");
    assert_int_equal(kg_keyvault_update(w.kv, KV, "attr", NULL,
                                        &(struct kg_keyvault_attrs){ .enabled = &off, .expires = &expires, .content_type = "" }, &item,
                                        &w.err), 0);
    assert_string_equal(item.version, v2);
    assert_int_equal(kg_keyvault_show(w.kv, KV, "attr", v2, &shown, &w.err), 0);
    assert_true(!shown.enabled && shown.expires == expires && !shown.content_type && !shown.sealed);
    assert_int_equal(asked("vault GET /secrets/attr 200"), 0);
    expect("attr", NULL, "one");
    assert_int_equal(kg_keyvault_delete(w.kv, KV, "attr", &w.err), 0);
    assert_int_equal(code("attr", v1), KG_E_NO_SECRET);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_a_secret_is_set_and_read_with_the_machines_identity),
        T(test_a_client_secret_gets_a_token_from_the_login_endpoint),
        T(test_a_client_secret_that_is_refused_says_so),
        T(test_without_a_version_the_newest_that_is_enabled_and_within_its_dates_is_read),
        T(test_a_secret_without_a_readable_version_says_why),
        T(test_what_is_not_there_or_not_allowed_has_its_own_code),
        T(test_a_busy_key_vault_is_asked_again_when_it_said),
        T(test_a_retry_after_that_makes_no_sense_is_none_and_an_endless_one_is_not_waited_for),
        T(test_trying_again_has_an_end),
        T(test_a_new_version_is_not_sent_twice_when_nobody_knows_whether_it_arrived),
        T(test_a_token_that_is_refused_is_replaced_once),
        T(test_a_challenge_does_not_choose_who_is_asked_for_a_token),
        T(test_a_token_is_replaced_before_it_expires),
        T(test_endpoints_of_tokens_misbehave_too),
        T(test_answers_that_cannot_be_right_are_refused),
        T(test_a_slow_key_vault_is_given_up),
        T(test_waiting_can_be_cancelled),
        T(test_a_certificate_must_be_trusted_and_name_the_host),
        T(test_a_host_that_nobody_answers_at_is_unreachable),
        T(test_tokens_go_to_azures_hosts_only),
        T(test_lists_go_over_all_pages_of_the_same_host),
        T(test_attributes_are_changed_and_shown_without_the_value_being_asked_for),
    };

    kg_crypto_start();
    return cmocka_run_group_tests(tests, start_server, end_server);
}
