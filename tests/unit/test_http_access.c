/* The API for somebody who may do some things and not others: what they cannot do by a detour, what they cannot see. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <sqlite3.h>

#include "api/limits.h"
#include "unit/service_fixture.h"

#define LOGIN "https://kv1.vault.local/secrets/login"
#define OTHER "https://kv1.vault.local/secrets/other"

static bool is_root(void)
{
    if (geteuid() != 0)
        print_message("only root can be somebody else\n");
    return geteuid() == 0;
}

static char *restore_with(const char *point, const char *secret)
{
    return kg_xprintf("{\"objectType\":\"AzureBackupRecoveryPointBasedRestoreRequest\",\"recoveryPointId\":\"%s\","
                      "\"sourceDataStoreType\":\"VaultStore\",\"restoreTargetInfo\":{\"objectType\":\"RestoreTargetInfo\","
                      "\"recoveryOption\":\"FailIfExists\",\"restoreLocation\":\"local\","
                      "\"datasourceInfo\":{\"resourceID\":\"" SERVER "/databases/copy\"},"
                      "\"datasourceAuthCredentials\":{\"objectType\":\"SecretStoreBasedAuthCredentials\","
                      "\"secretStoreResource\":{\"secretStoreType\":\"AzureKeyVault\",\"uri\":\"%s\"}}}}", point, secret);
}

/* The same instance's document with another secret. */
static char *document_with(const char *secret)
{
    KG_AUTO_FREE char *body = instance_body("good");
    char *at = strstr(body, LOGIN);

    assert_non_null(at);
    return kg_xprintf("{\"backupInstanceName\":\"bi-good\",\"backupInstance\":{%.*s%s%s", (int)(at - body - strlen("{\"properties\":{")),
                      body + strlen("{\"properties\":{"), secret, at + strlen(LOGIN));
}

static void expect_refused(struct fixture *f, const char *path, const char *body, const char *part)
{
    AUTO_REPLY struct reply r = call_as_stranger(f, "POST", path, body);

    if (r.status != 403 || !strstr(r.text.p, part))
        fail_msg("POST %s: HTTP %ld: %s", path, r.status, r.text.p);
}

static void test_an_operator_uses_the_instances_secret_and_no_other_but_those_he_may_read(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *restore = instance_path("good", "/restore");
    KG_AUTO_FREE char *try = instance_path("good", "/validateRestore");
    KG_AUTO_FREE char *points = instance_path("good", "/recoveryPoints");
    KG_AUTO_FREE char *own_document = document_with(LOGIN);
    KG_AUTO_FREE char *other_document = document_with(OTHER);
    static const char check[] = VAULT "/validateForBackup";

    if (!is_root())
        skip();
    open_to_all(f);
    make_world(f);
    expect(f, "PUT", KEYVAULT "/secrets/other", "{\"properties\":{\"value\":\"" FAKE_CONNECTION "\"}}", 201);
    add_instance(f, "good");
    AUTO_REPLY struct reply job = back_up(f, "good", "Completed");
    (void)job;
    AUTO_REPLY struct reply list = call(f, "GET", points, NULL);
    const char *point = kg_json_str_or(list.json, "value.0.name", "?");
    KG_AUTO_FREE char *own = restore_with(point, LOGIN);
    KG_AUTO_FREE char *other = restore_with(point, OTHER);
    give_role(f, VAULT, ROLE_1, "Backup Operator");

    assert_int_equal(as_stranger(f, "POST", try, own), 202);
    expect_refused(f, try, other, "secret '" OTHER "'");
    expect_refused(f, restore, other, "getSecret/action");
    assert_int_equal(as_stranger(f, "POST", check, own_document), 202);
    expect_refused(f, check, other_document, "secret '" OTHER "'");
    expect_refused(f, VAULT "/validateForBackupBatch", other_document, "secret '" OTHER "'");
    expect_refused(f, VAULT "/grantScript", other_document, "secret '" OTHER "'");
    give_role(f, KEYVAULT, ROLE_2, "Key Vault Secrets User");
    assert_int_equal(as_stranger(f, "POST", try, other), 202);
    assert_int_equal(as_stranger(f, "POST", check, other_document), 202);
    take_role(f, KEYVAULT, ROLE_2);
    take_role(f, VAULT, ROLE_1);
    give_role(f, VAULT, ROLE_1, "Backup Contributor"); /* who may give an instance that secret may try it */
    assert_int_equal(as_stranger(f, "POST", check, other_document), 202);
    expect_refused(f, restore, other, "secret '" OTHER "'");
}

/* ---- connections ---- */

/* An idle connection of that user. */
static int connect_as(struct fixture *f, uid_t uid)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(a.sun_path, sizeof a.sun_path, "%s", f->socket);
    assert_int_equal(seteuid(uid), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(seteuid(0), 0);
    return fd;
}

/* What the service says without being asked, "" when it hangs up. */
static void read_unasked(int fd, char *text, size_t size)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    ssize_t n;

    assert_int_equal(poll(&p, 1, 30000), 1);
    n = read(fd, text, size - 1);
    text[n > 0 ? n : 0] = '\0';
}

static void test_nobody_shuts_the_others_out_with_idle_connections(void **state)
{
    struct fixture *f = *state;
    int idle[KG_API_CONNECTIONS_USER], more[KG_API_CONNECTIONS];
    size_t n = 0;
    char text[1024];

    if (!is_root())
        skip();
    open_to_all(f);
    for (size_t i = 0; i < KG_ARRAY_LEN(idle); i++)
        idle[i] = connect_as(f, STRANGER);
    for (int i = 0; i < 3; i++) {
        int fd = connect_as(f, STRANGER);

        read_unasked(fd, text, sizeof text);
        close(fd);
        if (!strstr(text, " 503 ") || !strstr(text, "too many connections"))
            fail_msg("one too many is answered: %s", text);
    }
    assert_int_equal(as_stranger(f, "GET", SERVICE, NULL), 503);
    expect(f, "GET", SERVICE, NULL, 200);
    for (uid_t u = 1; u <= 3; u++) /* others are let in until only the owner's are left */
        for (int i = 0; i < KG_API_CONNECTIONS_USER; i++)
            more[n++] = connect_as(f, 60000 + u);
    read_unasked(more[n - 1], text, sizeof text);
    assert_non_null(strstr(text, " 503 "));
    expect(f, "GET", SERVICE, NULL, 200);
    while (n)
        close(more[--n]);
    for (size_t i = 0; i < KG_ARRAY_LEN(idle); i++) { /* who asks nothing is let go soon */
        read_unasked(idle[i], text, sizeof text);
        assert_string_equal(text, "");
        close(idle[i]);
    }
    assert_int_equal(as_stranger(f, "GET", SERVICE, NULL), 403);
}

/* ---- the audit log ---- */

#define AUDIT SERVICE "/audit?$orderby=seq%20asc"
#define SERVICE_READ "Microsoft.KeepGres/service/read"

/* Records of that action and status; *ret_last: the last of them. */
static size_t audited(const struct reply *log, const char *action, uint64_t status, const struct kg_json **ret_last)
{
    size_t n = 0;

    for (const struct kg_json *r = kg_json_first(kg_json_get(log->json, "value")); r; r = kg_json_next(r))
        if (strcasecmp(kg_json_str_or(r, "action", ""), action) == 0 && kg_json_u64(r, "status", 0) == status) {
            *ret_last = r;
            n++;
        }
    return n;
}

static void test_the_log_tells_roles_and_does_not_grow_with_refusals(void **state)
{
    struct fixture *f = *state;
    const struct kg_json *last = NULL;

    if (!is_root())
        skip();
    open_to_all(f);
    for (int i = 0; i < 50; i++)
        assert_int_equal(as_stranger(f, "GET", SERVICE, NULL), 403);
    give_role(f, RG, ROLE_1, "Reader");
    AUTO_REPLY struct reply log = call(f, "GET", AUDIT, NULL);
    assert_int_equal(audited(&log, SERVICE_READ, 403, &last), 2);
    assert_int_equal(kg_json_u64(last, "count", 0), 49);
    assert_int_equal(audited(&log, "Microsoft.Authorization/roleAssignments/write", 102, &last), 1);
    assert_int_equal(audited(&log, "Microsoft.Authorization/roleAssignments/write", 201, &last), 1);
    const char *details = kg_json_str_or(last, "details", "");
    if (!strstr(details, "role 'Reader' for '") || !strstr(details, RG))
        fail_msg("details: %s", details);
    assert_int_equal(as_stranger(f, "GET", SERVICE, NULL), 403);
    stop_service(f, SIGTERM); /* what was counted is not lost */
    start_service(f);
    AUTO_REPLY struct reply later = call(f, "GET", AUDIT, NULL);
    assert_int_equal(audited(&later, SERVICE_READ, 403, &last), 3);
}

static void test_what_cannot_be_recorded_is_not_done(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *file = kg_xprintf("%s/catalog.sqlite", f->state);
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open_v2(file, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TRIGGER t BEFORE INSERT ON audit BEGIN SELECT RAISE(FAIL, 'full'); END", NULL, NULL, NULL),
                     SQLITE_OK);
    AUTO_REPLY struct reply r = call(f, "PUT", SUB "/resourceGroups/g2", "{\"location\":\"local\"}");
    assert_true(r.status >= 500);
    assert_non_null(strstr(r.text.p, "nothing is changed"));
    expect(f, "GET", SUB "/resourceGroups/g2", NULL, 404);
    assert_int_equal(sqlite3_exec(db, "DROP TRIGGER t", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    expect(f, "PUT", SUB "/resourceGroups/g2", "{\"location\":\"local\"}", 201);
}

/* ---- what cannot be seen ---- */

#define GROUP(name) SUB "/resourceGroups/" name

static void test_the_pages_of_a_list_do_not_name_what_is_hidden(void **state)
{
    static const char *const names[] = { "hidden-a", "seen-b", "hidden-c", "hidden-d", "seen-e", "hidden-f" };
    struct fixture *f = *state;
    KG_AUTO_BUF struct kg_buf seen = KG_BUF_INIT(1000);
    int pages = 0;

    if (!is_root())
        skip();
    open_to_all(f);
    for (size_t i = 0; i < KG_ARRAY_LEN(names); i++) {
        KG_AUTO_FREE char *path = kg_xprintf(GROUP("%s"), names[i]);

        expect(f, "PUT", path, "{\"location\":\"local\"}", 201);
    }
    give_role(f, GROUP("seen-b"), ROLE_1, "Reader");
    give_role(f, GROUP("seen-e"), ROLE_2, "Reader");
    KG_AUTO_FREE char *link = kg_xstrdup(SUB "/resourceGroups?$top=1");
    while (link && pages++ < 10) {
        AUTO_REPLY struct reply r = call_as_stranger(f, "GET", link, NULL);

        assert_int_equal(r.status, 200);
        assert_null(strstr(r.text.p, "hidden"));
        kg_buf_addf(&seen, "%s ", kg_json_str_or(r.json, "value.0.name", "-"));
        free(link);
        link = kg_xstrdup(kg_json_str(r.json, "nextLink"));
    }
    assert_string_equal(seen.p, "seen-b seen-e "); /* no empty pages, which would tell how many are hidden */
}

static void test_who_lost_his_role_reads_no_results(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *body = document_with(LOGIN);

    if (!is_root())
        skip();
    open_to_all(f);
    make_world(f);
    add_instance(f, "good");
    give_role(f, VAULT, ROLE_1, "Backup Operator");
    AUTO_REPLY struct reply begun = call_as_stranger(f, "POST", VAULT "/validateForBackup", body);
    assert_int_equal(begun.status, 202);
    AUTO_REPLY struct reply end = wait_operation(f, begun.operation);
    (void)end;
    assert_int_equal(as_stranger(f, "GET", begun.operation, NULL), 200);
    assert_int_equal(as_stranger(f, "GET", begun.location, NULL), 200);
    take_role(f, VAULT, ROLE_1);
    assert_int_equal(as_stranger(f, "GET", begun.operation, NULL), 403);
    assert_int_equal(as_stranger(f, "GET", begun.location, NULL), 403);
}

/* A refusal that says what is wrong and not who has it. */
static void expect_nameless(struct fixture *f, const char *method, const char *path, const char *body, const char *says,
                            const char *hides)
{
    AUTO_REPLY struct reply r = call_as_stranger(f, method, path, body);

    if (r.status < 400 || !strstr(r.text.p, says) || strstr(r.text.p, hides))
        fail_msg("%s %s: HTTP %ld: %s", method, path, r.status, r.text.p);
}

static void test_messages_do_not_name_what_the_caller_may_not_see(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *body = instance_body("good");
    KG_AUTO_FREE char *v2 = kg_xstrdup(VAULT);

    if (!is_root())
        skip();
    open_to_all(f);
    make_world(f);
    add_instance(f, "good");
    v2[strlen(v2) - 1] = '2';
    expect(f, "PUT", GROUP("g2"), "{\"location\":\"local\"}", 201);
    expect_operation(f, "PUT", v2, "{\"properties\":{\"storageSettings\":[{\"datastoreType\":\"VaultStore\","
                     "\"type\":\"LocallyRedundant\"}]}}", "Succeeded");
    KG_AUTO_FREE char *policy = kg_xprintf("%s/backupPolicies/p1", v2);
    KG_AUTO_FREE char *check = kg_xprintf("%s/validateForBackup", v2);
    expect(f, "PUT", policy, policy_body, 200);
    *(strstr(body, "backupVaults/v1") + strlen("backupVaults/v")) = '2';
    give_role(f, GROUP("g2"), ROLE_1, "Contributor");
    expect_nameless(f, "PUT", GROUP("g2") "/providers/Microsoft.KeyVault/vaults/kv1", "{}", "the name 'kv1' is taken",
                    "resourceGroups/default");
    give_role(f, v2, ROLE_2, "Backup Contributor");
    expect_nameless(f, "POST", check, body, "that you may not see", "bi-good");
    take_role(f, GROUP("g2"), ROLE_1);
    give_role(f, SERVER, ROLE_1, "Contributor");
    expect_nameless(f, "DELETE", SERVER, NULL, "that you may not see", "bi-good");
    expect_error(f, "POST", check, body, KG_E_PROTECTED, "bi-good");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        T(test_an_operator_uses_the_instances_secret_and_no_other_but_those_he_may_read),
        T(test_nobody_shuts_the_others_out_with_idle_connections),
        T(test_the_log_tells_roles_and_does_not_grow_with_refusals),
        T(test_what_cannot_be_recorded_is_not_done),
        T(test_the_pages_of_a_list_do_not_name_what_is_hidden),
        T(test_who_lost_his_role_reads_no_results),
        T(test_messages_do_not_name_what_the_caller_may_not_see),
    };
    int role = role_main(argc, argv);

    if (role >= 0)
        return role;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    return cmocka_run_group_tests_name("http_access", tests, NULL, NULL);
}
