/* The page of a job with its tabs, and the jobs of a vault and of an instance: what they ask, how they look. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "crypto/crypto.h"
#include "model/detail.h"
#include "ui_fake_host.h"
#include "ui_golden.h"

#define VAULT "/subscriptions/default/resourceGroups/g1/providers/Microsoft.DataProtection/backupVaults/vault1"
#define SHOP VAULT "/backupInstances/shop"
#define JOB VAULT "/backupJobs/j1"

struct bench { struct fake_host h; struct ui_model *m; };

static void start(struct bench *b, const char *kind, const char *arg)
{
    fake_host_init(&b->h);
    b->m = ui_model_new(ui_kind_of_name(kind), &b->h.host, arg);
}
static void end(struct bench *b) { ui_model_free(b->m); }

/* As the shell draws a page at 80×24: without the lines above and below. */
static void look(struct bench *b, enum ui_alphabet a, const char *name)
{
    struct ui_canvas c;

    ui_canvas_init(&c, 20, 78, a);
    ui_canvas_clear(&c);
    ui_view_draw(b->m, &c, (struct ui_rect){ 0, 0, 20, 78 });
    golden(&c, name);
    ui_canvas_done(&c);
}

#define TABLE(name, state, step, done, more, seconds) \
    "{\"id\":\"" step " public." name "\",\"schema\":\"public\",\"name\":\"" name "\",\"state\":\"" state "\",\"step\":\"" step "\"," \
    "\"bytesDone\":" done more ",\"rows\":123456,\"seconds\":" seconds "}"
#define IN_WORK(name, step, done, total, seconds) TABLE(name, "InProgress", step, done, ",\"bytesTotal\":" total, seconds)
#define DONE(name, step, done, seconds) TABLE(name, "Completed", step, done, "", seconds)

static const char running[] =
    "{\"id\":\"" JOB "\",\"name\":\"j1\",\"properties\":{\"status\":\"InProgress\",\"operation\":\"Backup\","
    "\"backupInstanceFriendlyName\":\"pg1\\\\shop\",\"vaultName\":\"vault1\",\"startTime\":\"2026-09-21T14:12:20Z\","
    "\"extendedInfo\":{\"progress\":{\"phase\":\"data\",\"bytesDone\":600000000,\"bytesTotal\":1000000000,\"rows\":5000000,"
    "\"tablesDone\":7,\"tablesTotal\":12,\"storedBytes\":0,\"secondsLeft\":null,\"phaseSecondsLeft\":40},"
    "\"tables\":{\"done\":7,\"left\":5,\"inWorkCount\":3,\"inWork\":["
    IN_WORK("orders", "read", "450000000", "1000000000", "50") "," IN_WORK("items", "read", "99000000", "98000000", "20") "],"
    "\"biggest\":[]}}}}";
static const char tables[] =
    "{\"value\":[" IN_WORK("orders", "read", "450000000", "1000000000", "50") ","
    IN_WORK("items", "verify", "99000000", "98000000", "20.2") ","
    "{\"id\":\"read .large objects\",\"schema\":\"\",\"name\":\"large objects\",\"state\":\"InProgress\",\"step\":\"read\","
    "\"bytesDone\":0,\"bytesTotal\":0,\"rows\":0,\"seconds\":0.01},"
    DONE("a_table_with_a_name_that_is_longer_than_its_column", "read", "300000000", "3725.5") ","
    DONE("small", "load", "8192", "0.25") "]}";

static void test_a_running_job_says_which_tables_it_is_at(void **state)
{
    struct bench b;

    (void)state;
    start(&b, "backup-job", JOB);
    fake_answer(&b.h, "/backupJobs/j1", running);
    assert_true(pictured(b.m, 30, 78, "orders 45%, items 99% and 1 more"));
    assert_true(pictured(b.m, 30, 78, "40 s of this phase"));
    look(&b, UI_UTF8, "job-running-78x20");
    assert_true(ui_model_act(b.m, UI_ACT_NEXT));
    fake_answer(&b.h, "/tables", tables);
    look(&b, UI_UTF8, "job-tables-78x20");
    look(&b, UI_ASCII, "job-tables-78x20-ascii");
    assert_false(pictured(b.m, 20, 78, "100%")); /* what was estimated too small is not done for that */
    end(&b);
}

#define LINE(n, text) "{\"line\":" n ",\"time\":\"2026-09-21T14:00:0" n "Z\",\"text\":\"" text "\"}"

static void test_the_log_is_a_tab_that_grows(void **state)
{
    struct bench b;

    (void)state;
    start(&b, "backup-job", JOB);
    fake_answer(&b.h, "/backupJobs/j1", running);
    (void)ui_model_act(b.m, UI_ACT_NEXT);
    (void)ui_model_act(b.m, UI_ACT_NEXT);
    fake_answer(&b.h, "/log?$skipToken=0", "{\"value\":[" LINE("1", "begun") "],\"nextLink\":\"x\"}");
    fake_answer(&b.h, "/log?$skipToken=1", "{\"value\":[" LINE("2", "data") "]}");
    look(&b, UI_UTF8, "job-log-78x20");
    assert_null(ui_detail_list((struct ui_detail *)b.m)); /* no list: nothing to sort, filter or mark */
    assert_ptr_equal(ui_view_keys(b.m), &ui_keys_detail); /* Enter does not close the page */
    b.h.host.now += 3000000;
    ui_model_tick(b.m);
    fake_answer(&b.h, "/log?$skipToken=2", "{\"value\":[" LINE("3", "more") "]}");
    assert_true(pictured(b.m, 20, 78, "14:00:03  more"));
    assert_true(ui_model_act(b.m, UI_ACT_NEXT));
    assert_true(pictured(b.m, 20, 78, "Subtask"));
    end(&b);
}

static void test_what_was_stored_is_the_result_once_there_is_one(void **state)
{
    struct bench b;

    (void)state;
    start(&b, "backup-job", JOB);
    fake_answer(&b.h, "/backupJobs/j1",
                "{\"id\":\"" JOB "\",\"name\":\"j1\",\"properties\":{\"status\":\"Completed\",\"operation\":\"Backup\",\"extendedInfo\":{"
                "\"progress\":{\"phase\":\"commit\",\"bytesDone\":3300000,\"bytesTotal\":3300000,\"storedBytes\":0},"
                "\"result\":{\"bytes\":1400000,\"storedBytes\":1536}}}}");
    assert_true(pictured(b.m, 40, 78, "Added to the vault  1.5 kB"));
    assert_true(pictured(b.m, 40, 78, "Done                1.4 MB\n"));
    assert_false(pictured(b.m, 40, 78, "3.3 MB"));           /* what the tables take up on the server */
    end(&b);
}

/* ---- of a vault, of an instance ---- */

static const struct ui_command *command(const struct ui_model *m, uint32_t key)
{
    for (size_t i = 0; i < m->kind->n_commands; i++)
        if (m->kind->commands[i].key == key)
            return &m->kind->commands[i];
    fail_msg("%s has no command '%c'", m->kind->name, (char)key);
    return NULL;
}

static const struct fake_ask *asked_last(const struct bench *b) { return &b->h.ask[b->h.n_asks - 1]; }

static void test_jobs_of_a_vault_and_an_instance_are_filtered_and_all_of_them_shown(void **state)
{
    static const struct { const char *kind, *arg; } tabs[] = { { "vault-jobs", VAULT }, { "instance-jobs", SHOP } };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(tabs); i++) {
        bool instance = strcmp(tabs[i].arg, SHOP) == 0;
        struct bench b;

        start(&b, tabs[i].kind, tabs[i].arg);
        assert_string_equal(asked_last(&b)->path, instance ? VAULT "/backupJobs?$top=100&$filter=backupInstanceId%20eq%20'" SHOP "'"
                                                           : VAULT "/backupJobs?$top=100");
        ui_command_run(command(b.m, 'a'), b.m);
        assert_non_null(strstr(asked_last(&b)->path, "startTime%20ge%20'1970"));
        assert_true(instance == (strstr(asked_last(&b)->path, SHOP "'%20and%20startTime") != NULL));
        assert_non_null(ui_command_refused(command(b.m, 'a'), b.m));
        ui_command_run(command(b.m, 'f'), b.m);
        assert_string_equal(b.h.opened, "filter-jobs");
        ui_model_closed(b.m, "filter-jobs", "{\"statuses\":[\"Failed\"],\"vaults\":[\"other\"]}");
        assert_string_equal(asked_last(&b)->method, "POST");
        assert_non_null(strstr(asked_last(&b)->path, "searchBackupJobs"));
        assert_non_null(strstr(asked_last(&b)->body, "\"statuses\":[\"Failed\"]"));
        assert_non_null(strstr(asked_last(&b)->body, "\"vaults\":[\"vault1\"]")); /* it stays this vault's list */
        assert_non_null(strstr(asked_last(&b)->body, "\"resourceGroups\":[\"g1\"]"));
        assert_non_null(strstr(asked_last(&b)->body, "\"includeUnfinished\":true"));
        assert_true(instance == (strstr(asked_last(&b)->body, "\"backupInstanceIds\":[\"" SHOP "\"]") != NULL));
        ui_model_closed(b.m, "filter-jobs", "{\"time\":\"last 24 hours\"}");
        assert_string_equal(asked_last(&b)->method, "GET");
        assert_non_null(strstr(asked_last(&b)->path, "startTime%20ge%20'2026-09-20T14:13:20Z'"));
        end(&b);
    }
}

static void test_what_runs_is_never_too_old_for_the_list(void **state)
{
    static const struct { const char *chosen; bool too; } cases[] = {
        { "", true }, { "{\"time\":\"last 24 hours\"}", true }, { "{\"statuses\":[\"InProgress\"]}", true },
        { "{\"startTime\":\"2026-01-01T00:00:00Z\"}", false }, { "{\"endTime\":\"2026-01-01T00:00:00Z\"}", false },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        struct bench b;

        start(&b, "backup-jobs", cases[i].chosen);
        if ((strstr(asked_last(&b)->body, "\"includeUnfinished\":true") != NULL) != cases[i].too)
            fail_msg("%s: %s", cases[i].chosen, asked_last(&b)->body);
        end(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_running_job_says_which_tables_it_is_at),
        cmocka_unit_test(test_the_log_is_a_tab_that_grows),
        cmocka_unit_test(test_what_was_stored_is_the_result_once_there_is_one),
        cmocka_unit_test(test_jobs_of_a_vault_and_an_instance_are_filtered_and_all_of_them_shown),
        cmocka_unit_test(test_what_runs_is_never_too_old_for_the_list),
    };

    static char tz[] = "TZ=UTC", golden_write[] = "KEEPGRES_GOLDEN=write", *environment[] = { tz, NULL, NULL };

    if (getenv("KEEPGRES_GOLDEN"))
        environment[1] = golden_write;
    environ = environment;
    tzset();
    kg_crypto_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
