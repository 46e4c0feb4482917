/* Configure backup: databases, their readiness in batches, one backup instance for each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ui_configure_bench.h"

static const char vaults[] = "{\"value\":[{\"id\":\"" VAULT "\",\"name\":\"v1\",\"location\":\"local\"}]}";
static const char policies[] = "{\"value\":[{\"id\":\"" POLICY "\",\"name\":\"weekly\"}]}";
static const char policy[] =
    "{\"id\":\"" POLICY "\",\"properties\":{\"policyRules\":[{\"objectType\":\"AzureBackupRule\",\"trigger\":{\"schedule\":{"
    "\"repeatingTimeIntervals\":[\"R/2021-08-15T06:30:00+00:00/P1W\"],\"timeZone\":\"UTC\"},\"taggingCriteria\":[{\"isDefault\":true,"
    "\"taggingPriority\":99,\"tagInfo\":{\"tagName\":\"Default\"}}]}},{\"objectType\":\"AzureRetentionRule\",\"name\":\"Default\","
    "\"lifecycles\":[{\"deleteAfter\":{\"duration\":\"P3M\"},\"sourceDataStore\":{\"dataStoreType\":\"VaultStore\"}}]}]}}";

static void to_datasources(struct bench *b)
{
    start(b, &ui_wizard_configure, "");
    fake_answer(&b->h, "backupVaults", vaults);
    press(b, UI_BUTTON_NEXT);
    fake_answer(&b->h, "backupPolicies", policies);
    fake_answer(&b->h, "backupPolicies/weekly", policy);
    press(b, UI_BUTTON_NEXT);
    assert_int_equal(b->f->step, 2);
}

/* Databases db0, db1 …, with a secret or without, as "Select databases" tells them. */
static void add(struct bench *b, int from, int n, bool secret)
{
    struct kg_buf t = KG_BUF_INIT(1 << 20);

    kg_buf_adds(&t, "{\"secrets\":[],\"rows\":[");
    for (int i = from; i < from + n; i++)
        kg_buf_addf(&t, "%s{\"serverId\":\"" SERVER "\",\"database\":\"db%d\"%s}", i > from ? "," : "", i,
                    secret ? ",\"uri\":\"" URI "\",\"keyVaultId\":\"" KEYVAULT "\"" : "");
    kg_buf_adds(&t, "]}");
    ui_model_closed(&b->f->base, "select-databases", t.p);
    kg_buf_done(&t);
}

static struct ui_conf_row *row(struct bench *b, const char *database)
{
    for (size_t i = 0; i < b->c->n; i++)
        if (strcmp(b->c->row[i].database, database) == 0)
            return &b->c->row[i];
    fail_msg("there is no row of %s", database);
    return NULL;
}

static int64_t tag_of(struct bench *b) { return fake_find(&b->h, "validateForBackupBatch")->tag; }

/* The report of the rows of the batch that waits longest: all with this outcome. */
static void report(struct bench *b, const char *outcome, const char *error)
{
    struct kg_buf t = KG_BUF_INIT(1 << 20);
    int64_t tag = tag_of(b);
    int n = 0;

    kg_buf_adds(&t, "{\"value\":[");
    for (size_t i = 0; i < b->c->n; i++)
        if (b->c->row[i].tag == tag)
            kg_buf_addf(&t, "%s{\"name\":\"%s\",\"outcome\":\"%s\"%s%s%s}", n++ ? "," : "", b->c->row[i].instance, outcome,
                        error ? ",\"error\":{\"message\":\"" : "", error ? error : "", error ? "\"}" : "");
    kg_buf_adds(&t, "]}");
    fake_answer(&b->h, "validateForBackupBatch", t.p);
    kg_buf_done(&t);
}

static void all_ready(struct bench *b)
{
    while (waiting(b, "validateForBackupBatch"))
        report(b, "Success", NULL);
}

/* ---- readiness ---- */

static void rows_are_validated_in_batches_and_two_at_a_time(void **state)
{
    struct bench b;

    (void)state;
    to_datasources(&b);
    add(&b, 0, 20, true);
    assert_int_equal(waiting(&b, "validateForBackupBatch"), 2);
    assert_int_equal(ui_conf_count(b.c, UI_CONF_BUSY), 16);
    assert_int_equal(ui_conf_count(b.c, UI_CONF_WAITING), 4);
    assert_true(fake_find(&b.h, "validateForBackupBatch")->follow);
    report(&b, "Success", NULL);
    assert_int_equal(ui_conf_count(b.c, UI_CONF_READY), 8);
    assert_int_equal(ui_conf_count(b.c, UI_CONF_BUSY), 12);
    all_ready(&b);
    assert_int_equal(ui_conf_count(b.c, UI_CONF_READY), 20);
    end(&b);
}

static void what_is_asked_describes_the_database(void **state)
{
    struct bench b;
    const char *body;

    (void)state;
    to_datasources(&b);
    add(&b, 0, 1, true);
    body = fake_find(&b.h, VAULT "/validateForBackupBatch")->body;
    assert_non_null(strstr(body, "\"resourceID\":\"" SERVER "/databases/db0\""));
    assert_non_null(strstr(body, "\"policyId\":\"" POLICY "\""));
    assert_non_null(strstr(body, "\"uri\":\"" URI "\""));
    assert_non_null(strstr(body, "\"resourceLocation\":\"local\""));
    assert_non_null(strstr(body, b.c->row[0].instance));
    end(&b);
}

static void names_of_databases_are_encoded_in_ids_and_escaped_on_the_screen(void **state)
{
    struct bench b;
    struct ui_shown s = { "", UI_NONE };

    (void)state;
    to_datasources(&b);
    ui_model_closed(&b.f->base, "select-databases", "{\"rows\":[{\"serverId\":\"" SERVER "\",\"database\":\"a/b%c\\u001b[2J\"}]}");
    assert_string_equal(b.c->row[0].id, SERVER "/databases/a%2Fb%25c%1B[2J");
    b.f->kind->step[2].grid->cell(b.f, 0, 1, &s);
    assert_null(strchr(s.text, 0x1b));
    assert_null(strpbrk(b.c->row[0].instance, "/%["));
    end(&b);
}

static void a_database_is_added_once(void **state)
{
    struct bench b;

    (void)state;
    to_datasources(&b);
    add(&b, 0, 2, true);
    add(&b, 1, 2, true);
    assert_int_equal(b.c->n, 3);
    end(&b);
}

static void a_late_answer_about_a_changed_row_is_passed_over(void **state)
{
    struct bench b;

    (void)state;
    to_datasources(&b);
    add(&b, 0, 2, true);
    command(&b, 'v');                        /* the row under the cursor, db0 */
    assert_string_equal(b.h.opened, "assign-key-vault");
    ui_model_closed(&b.f->base, "assign-key-vault", "{\"uri\":\"https://other/secrets/x\"}");
    report(&b, "Success", NULL);
    assert_int_equal(row(&b, "db0")->state, UI_CONF_BUSY);
    assert_int_equal(row(&b, "db1")->state, UI_CONF_READY);
    assert_non_null(strstr(fake_find(&b.h, "validateForBackupBatch")->body, "https://other/secrets/x"));
    report(&b, "ValidationFailed", "no");
    assert_int_equal(row(&b, "db0")->state, UI_CONF_FAILED);
    assert_null(row(&b, "db0")->keyvault);
    end(&b);
}

static void a_late_answer_about_a_removed_row_finds_nobody(void **state)
{
    struct bench b;

    (void)state;
    to_datasources(&b);
    add(&b, 0, 2, true);
    command(&b, 'x');
    assert_int_equal(b.c->n, 1);
    add(&b, 0, 1, true);                     /* the same database, as another row */
    report(&b, "Success", NULL);
    assert_int_equal(row(&b, "db1")->state, UI_CONF_READY);
    assert_int_equal(row(&b, "db0")->state, UI_CONF_BUSY);
    end(&b);
}

static void rows_of_a_batch_that_is_refused_are_asked_about_one_by_one(void **state)
{
    struct bench b;

    (void)state;
    to_datasources(&b);
    add(&b, 0, 3, true);
    fake_fail(&b.h, "validateForBackupBatch", KG_E_USAGE, "backupInstances.1: bad");
    assert_int_equal(waiting(&b, "validateForBackupBatch"), 2);
    report(&b, "Success", NULL);
    fake_fail(&b.h, "validateForBackupBatch", KG_E_USAGE, "backupInstances.0: bad");
    report(&b, "Success", NULL);
    assert_int_equal(row(&b, "db0")->state, UI_CONF_READY);
    assert_int_equal(row(&b, "db1")->state, UI_CONF_FAILED);
    assert_string_equal(ui_conf_why(row(&b, "db1")), "backupInstances.0: bad");
    assert_int_equal(row(&b, "db2")->state, UI_CONF_READY);
    assert_int_equal(waiting(&b, "validateForBackupBatch"), 0);
    end(&b);
}

static void a_service_that_is_not_there_fails_the_batch_and_it_can_be_asked_again(void **state)
{
    struct bench b;

    (void)state;
    to_datasources(&b);
    add(&b, 0, 3, true);
    fake_fail(&b.h, "validateForBackupBatch", KG_E_NO_SERVICE, "the service does not answer");
    assert_int_equal(ui_conf_count(b.c, UI_CONF_FAILED), 3);
    assert_int_equal(waiting(&b, "validateForBackupBatch"), 0);
    act(&b, UI_ACT_MARK_ALL);
    command(&b, 'e');
    all_ready(&b);
    assert_int_equal(ui_conf_count(b.c, UI_CONF_READY), 3);
    end(&b);
}

static void a_row_that_the_answer_does_not_hold_has_failed(void **state)
{
    struct bench b;

    (void)state;
    to_datasources(&b);
    add(&b, 0, 2, true);
    fake_answer(&b.h, "validateForBackupBatch", "{\"value\":[]}");
    assert_int_equal(ui_conf_count(b.c, UI_CONF_FAILED), 2);
    end(&b);
}

/* db0 Success, db1 Role assignment not done, db2 User cannot assign roles, db3 Validation failed, db4 without a secret. */
static void mixed(struct bench *b)
{
    struct kg_buf t = KG_BUF_INIT(1 << 16);
    static const char *const outcomes[] = { "Success", "RoleAssignmentNotDone", "UserCannotAssignRoles", "ValidationFailed" };

    to_datasources(b);
    add(b, 0, 4, true);
    add(b, 4, 1, false);
    kg_buf_adds(&t, "{\"value\":[");
    for (int i = 0; i < 4; i++)
        kg_buf_addf(&t, "%s{\"name\":\"%s\",\"outcome\":\"%s\",\"error\":{\"message\":\"why %d\"},\"checks\":[{\"id\":\"login\",\"title\":"
                    "\"Login\",\"state\":\"Passed\"},{\"id\":\"p\",\"title\":\"Privileges\",\"state\":\"Failed\",\"error\":{\"code\":"
                    "\"UserErrorX\",\"message\":\"lacks it\",\"recommendedAction\":[\"Grant it.\"]}},{\"id\":\"s\",\"title\":\"Space\","
                    "\"state\":\"Skipped\",\"skippedBecause\":\"p\"}]}", i ? "," : "", b->c->row[i].instance, outcomes[i], i);
    kg_buf_adds(&t, "]}");
    fake_answer(&b->h, "validateForBackupBatch", t.p);
    kg_buf_done(&t);
}

static void only_rows_with_success_go_on(void **state)
{
    struct bench b;

    (void)state;
    mixed(&b);
    assert_int_equal(waiting(&b, "validateForBackupBatch"), 0);
    press(&b, UI_BUTTON_NEXT);
    assert_int_equal(b.f->step, 2);
    assert_string_equal(ui_form_step_error(b.f, 2),
                        "4 of 5 databases are not ready: db1 (Role assignment not done) and more. Mend them (d says why), or press "
                        "u to remove them.");
    picture(&b, "configure-datasources-80x24");
    command(&b, 'u');
    assert_int_equal(b.c->n, 1);
    press(&b, UI_BUTTON_NEXT);
    assert_int_equal(b.f->step, 3);
    end(&b);
}

/* What the service advises is said for the command line; here there is a key for it. */
static void what_mends_a_database_is_named_by_its_key(void **state)
{
    struct kg_buf t = KG_BUF_INIT(1 << 16);
    struct bench b;

    (void)state;
    to_datasources(&b);
    add(&b, 0, 2, true);
    kg_buf_addf(&t, "{\"value\":[{\"name\":\"%s\",\"outcome\":\"ValidationFailed\",\"error\":{\"message\":\"it lacks some\"},"
                "\"checks\":[{\"id\":\"databasePrivileges\",\"title\":\"Privileges\",\"state\":\"Failed\"}]},{\"name\":\"%s\","
                "\"outcome\":\"RoleAssignmentNotDone\",\"error\":{\"message\":\"no role\"}}]}", b.c->row[0].instance,
                b.c->row[1].instance);
    fake_answer(&b.h, "validateForBackupBatch", t.p);
    kg_buf_done(&t);
    assert_true(pictured(&b.f->base, 24, 80, "it lacks some; p for the script that grants it, d for details"));
    command(&b, 'd');
    assert_non_null(strstr(b.h.opened_arg, "In Datasources:   p: Grant script, v: Assign another secret, e: Re-validate"));
    act(&b, UI_ACT_DOWN);
    command(&b, 'd');
    assert_non_null(strstr(b.h.opened_arg, "In Datasources:   r: Assign missing roles\n"));
    end(&b);
}

static void no_database_is_no_datasource(void **state)
{
    struct bench b;

    (void)state;
    to_datasources(&b);
    press(&b, UI_BUTTON_NEXT);
    assert_int_equal(b.f->step, 2);
    assert_non_null(strstr(ui_form_step_error(b.f, 2), "press a"));
    end(&b);
}

static void a_secret_goes_to_all_marked_rows(void **state)
{
    struct bench b;

    (void)state;
    to_datasources(&b);
    add(&b, 0, 3, false);
    assert_int_equal(waiting(&b, "validateForBackupBatch"), 0);
    act(&b, UI_ACT_MARK);
    assert_int_equal(b.f->grid.cursor, 0);   /* marking is not moving */
    act(&b, UI_ACT_DOWN);
    act(&b, UI_ACT_MARK);
    command(&b, 'v');
    assert_non_null(strstr(b.h.opened_arg, "2 databases"));
    ui_model_closed(&b.f->base, "assign-key-vault", "{\"uri\":\"" URI "\",\"keyVaultId\":\"" KEYVAULT "\"}");
    all_ready(&b);
    assert_int_equal(row(&b, "db0")->state, UI_CONF_READY);
    assert_int_equal(row(&b, "db1")->state, UI_CONF_READY);
    assert_int_equal(row(&b, "db2")->state, UI_CONF_NO_SECRET);
    end(&b);
}

static void leaving_the_key_vault_dialog_changes_nothing(void **state)
{
    struct bench b;

    (void)state;
    to_datasources(&b);
    add(&b, 0, 1, false);
    command(&b, 'v');
    ui_model_closed(&b.f->base, "assign-key-vault", NULL);
    assert_null(b.c->row[0].uri);
    ui_model_closed(&b.f->base, "assign-key-vault", "not json");
    assert_null(b.c->row[0].uri);
    end(&b);
}

static void assigned_roles_validate_what_is_not_ready_again(void **state)
{
    struct bench b;

    (void)state;
    mixed(&b);
    b.f->grid.cursor = 1;
    command(&b, 'r');
    assert_string_equal(b.h.opened, "assign-roles");
    ui_model_closed(&b.f->base, "assign-roles", "done");
    assert_int_equal(ui_conf_count(b.c, UI_CONF_BUSY), 3);
    assert_int_equal(row(&b, "db0")->state, UI_CONF_READY);
    assert_int_equal(row(&b, "db4")->state, UI_CONF_NO_SECRET);
    end(&b);
}

/* One that the service does not take at all spoils no roles of the others. */
static void roles_are_not_assigned_for_what_was_refused(void **state)
{
    struct bench b;

    (void)state;
    mixed(&b);
    add(&b, 5, 1, true);
    fake_fail(&b.h, "validateForBackupBatch", KG_E_USAGE, "'db5' is not a valid name");
    act(&b, UI_ACT_MARK_ALL);
    command(&b, 'r');
    assert_string_equal(b.h.opened, "assign-roles");
    assert_non_null(strstr(b.h.opened_arg, "/databases/db1"));
    assert_null(strstr(b.h.opened_arg, "/databases/db5"));
    act(&b, UI_ACT_MARK_ALL);
    b.f->grid.cursor = 5;
    command(&b, 'r');                        /* alone: why not is told there */
    assert_non_null(strstr(b.h.opened_arg, "/databases/db5"));
    end(&b);
}

static void details_list_every_check_what_failed_first(void **state)
{
    struct bench b;
    const char *failed, *passed;

    (void)state;
    mixed(&b);
    b.f->grid.cursor = 3;
    command(&b, 'd');
    assert_string_equal(b.h.opened, "readiness-details");
    failed = strstr(b.h.opened_arg, "✗ Privileges: Failed\n  Code:    UserErrorX\n  Message: lacks it\n  To do:   Grant it.\n");
    passed = strstr(b.h.opened_arg, "✓ Login: Passed\n");
    assert_non_null(failed);
    assert_non_null(passed);
    assert_true(failed < passed);
    assert_non_null(strstr(b.h.opened_arg, "· Space: Skipped\n  Not made because of: Privileges\n"));
    end(&b);
}

static void another_vault_validates_all_anew(void **state)
{
    struct bench b;

    (void)state;
    to_datasources(&b);
    add(&b, 0, 2, true);
    all_ready(&b);
    (void)ui_form_go(b.f, 0);
    ui_form_set(b.f, "vault", VAULT "2", "v12");
    assert_int_equal(ui_conf_count(b.c, UI_CONF_WAITING), 2);
    (void)ui_form_go(b.f, 1);
    assert_string_equal(ui_form_value(b.f, "policy"), "");
    fake_answer(&b.h, VAULT "2/backupPolicies", "{\"value\":[{\"id\":\"" VAULT "2/backupPolicies/daily\",\"name\":\"daily\"}]}");
    assert_int_equal(waiting(&b, VAULT "2/validateForBackupBatch"), 1);
    end(&b);
}

static void the_policy_chosen_is_shown_beside_it(void **state)
{
    struct bench b;

    (void)state;
    start(&b, &ui_wizard_configure, VAULT "/backupInstances/bi1");
    assert_string_equal(ui_form_value(b.f, "vault"), VAULT);
    fake_answer(&b.h, "backupVaults", vaults);
    press(&b, UI_BUTTON_NEXT);
    fake_answer(&b.h, "/backupPolicies", "{\"value\":[{\"id\":\"" POLICY "\",\"name\":\"weekly\"},{\"id\":\"" VAULT
                "/backupPolicies/b\",\"name\":\"b\"}]}");
    ui_form_set(b.f, "policy", VAULT "/backupPolicies/b", "b");
    ui_form_set(b.f, "policy", POLICY, "weekly");
    fake_answer(&b.h, "/backupPolicies/b", "{\"properties\":{}}"); /* late: another one is chosen */
    assert_null(b.c->policy);
    fake_answer(&b.h, "/backupPolicies/weekly", policy);
    picture(&b, "configure-policy-80x24");
    end(&b);
}

/* ---- configuring ---- */

static void to_review(struct bench *b, int n)
{
    to_datasources(b);
    add(b, 0, n, true);
    all_ready(b);
    for (int i = 0; i < n; i++) {            /* pictures want names that are not random */
        free(b->c->row[i].instance);
        b->c->row[i].instance = kg_xprintf("pg1-db%d-0", i);
    }
    press(b, UI_BUTTON_NEXT);
    assert_int_equal(b->f->step, 3);
}

static void one_put_a_row_and_a_failing_row_stops_nothing(void **state)
{
    struct bench b;
    KG_AUTO_FREE char *name = NULL;

    (void)state;
    to_review(&b, 5);
    assert_int_equal(waiting(&b, "/backupInstances/"), 0);
    press(&b, UI_BUTTON_SUBMIT);
    assert_int_equal(waiting(&b, "/backupInstances/"), 3);
    assert_string_equal(fake_find(&b.h, "/backupInstances/")->method, "PUT");
    assert_null(strstr(fake_find(&b.h, "/backupInstances/")->body, "backupInstanceName"));
    fake_answer(&b.h, "/backupInstances/", "{}");
    fake_fail(&b.h, "/backupInstances/", KG_E_PROTECTED, "it is protected already");
    assert_int_equal(row(&b, "db1")->sent, UI_CONF_REFUSED);
    picture(&b, "configure-progress-80x24");
    for (int i = 0; i < 3; i++)
        fake_answer(&b.h, "/backupInstances/", "{}");
    assert_false(b.f->sending);
    assert_false(b.h.is_closed);
    assert_non_null(strstr(b.f->err.msg, "1 of 5 databases could not be configured; 'db1' on 'pg1': it is protected already"));
    assert_int_equal(b.f->grid.cursor, 1);

    assert_int_equal(row(&b, "db1")->state, UI_CONF_BUSY);       /* how it stands is asked again */
    press(&b, UI_BUTTON_SUBMIT);             /* too early: what failed before is not what holds it up */
    assert_int_equal(waiting(&b, "/backupInstances/"), 0);
    assert_int_equal(b.f->step, 2);
    assert_int_equal(b.f->err.code, KG_E_OK);
    assert_non_null(strstr(ui_form_step_error(b.f, 2), "db1 (Validating…). Wait for it"));
    all_ready(&b);
    press(&b, UI_BUTTON_NEXT);
    name = kg_xstrdup(row(&b, "db1")->instance);
    press(&b, UI_BUTTON_SUBMIT);
    assert_int_equal(waiting(&b, "/backupInstances/"), 1);
    assert_non_null(strstr(fake_find(&b.h, "/backupInstances/")->path, name));
    fake_answer(&b.h, "/backupInstances/", "{}");
    assert_true(b.h.is_closed);
    assert_string_equal(b.h.opened, "backup-instances");
    assert_string_equal(b.h.note, "5 databases are protected now");
    end(&b);
}

static void what_is_configured_is_not_touched_again(void **state)
{
    struct bench b;

    (void)state;
    to_review(&b, 2);
    press(&b, UI_BUTTON_SUBMIT);
    fake_answer(&b.h, "/backupInstances/", "{}");
    fake_fail(&b.h, "/backupInstances/", KG_E_DB_NOT_FOUND, "gone");
    report(&b, "ValidationFailed", "gone");
    (void)ui_form_go(b.f, 2);
    assert_string_equal(ui_form_step_error(b.f, 2), "1 of 2 databases are not ready: db1 (Validation failed). Mend it (d says why), "
                        "or press x to remove it.");
    b.f->grid.cursor = 0;
    command(&b, 'x');                        /* nothing: it is configured */
    assert_int_equal(b.c->n, 2);
    act(&b, UI_ACT_MARK_ALL);
    command(&b, 'x');
    assert_int_equal(b.c->n, 1);
    assert_string_equal(b.c->row[0].database, "db0");
    assert_int_equal(b.f->err.code, KG_E_OK);
    press(&b, UI_BUTTON_NEXT);
    press(&b, UI_BUTTON_SUBMIT);             /* all there is is configured */
    assert_true(b.h.is_closed);
    assert_int_equal(waiting(&b, "/backupInstances/"), 0);
    end(&b);
}

static void a_single_database_leads_to_its_backup_instance(void **state)
{
    struct bench b;

    (void)state;
    to_review(&b, 1);
    assert_true(ui_model_dirty(&b.f->base));
    press(&b, UI_BUTTON_SUBMIT);
    fake_answer(&b.h, "/backupInstances/", "{}");
    assert_string_equal(b.h.opened, "backup-instance");
    assert_non_null(strstr(b.h.opened_arg, VAULT "/backupInstances/pg1-db0-"));
    assert_string_equal(b.h.closed, b.h.opened_arg);
    assert_false(ui_model_dirty(&b.f->base));
    end(&b);
}

static void nothing_changes_while_it_is_configured(void **state)
{
    struct bench b;

    (void)state;
    to_review(&b, 2);
    press(&b, UI_BUTTON_SUBMIT);
    (void)ui_form_go(b.f, 2);
    command(&b, 'x');
    command(&b, 'v');
    assert_int_equal(b.c->n, 2);
    assert_non_null(strstr(b.h.note, "backup is being configured"));
    end(&b);
}

static void leaving_tells_what_was_not_configured(void **state)
{
    struct bench b;

    (void)state;
    to_review(&b, 5);
    press(&b, UI_BUTTON_SUBMIT);
    ui_model_free(&b.f->base);
    assert_string_equal(b.h.note, "the wizard was left: backup of 2 of 5 databases was not configured");
}

static void a_portal_that_only_looks_configures_nothing(void **state)
{
    struct bench b;

    (void)state;
    to_review(&b, 1);
    b.h.host.readonly = true;
    press(&b, UI_BUTTON_SUBMIT);
    ui_form_submit(b.f);
    assert_int_equal(waiting(&b, "/backupInstances/"), 0);
    end(&b);
}

static void the_review_shows_the_commands_of_each_row(void **state)
{
    struct bench b;
    struct kg_buf t = KG_BUF_INIT(1 << 16);

    (void)state;
    to_review(&b, 2);
    picture(&b, "configure-review-80x24");
    b.f->kind->cli(b.f, &t);
    assert_non_null(strstr(t.p, "keepgres backup-instance initialize --datasource-type AzureDatabaseForPostgreSQL --datasource-id " SERVER
                                "/databases/db1 -l local --policy-id " POLICY
                                " --secret-store-type AzureKeyVault --secret-store-uri " URI));
    assert_non_null(strstr(t.p, "keepgres backup-instance create -g g1 -v v1 --backup-instance pg1-db1-"));
    kg_buf_done(&t);
    end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_validated_in_batches_and_two_at_a_time),
        cmocka_unit_test(what_is_asked_describes_the_database),
        cmocka_unit_test(names_of_databases_are_encoded_in_ids_and_escaped_on_the_screen),
        cmocka_unit_test(a_database_is_added_once),
        cmocka_unit_test(a_late_answer_about_a_changed_row_is_passed_over),
        cmocka_unit_test(a_late_answer_about_a_removed_row_finds_nobody),
        cmocka_unit_test(rows_of_a_batch_that_is_refused_are_asked_about_one_by_one),
        cmocka_unit_test(a_service_that_is_not_there_fails_the_batch_and_it_can_be_asked_again),
        cmocka_unit_test(a_row_that_the_answer_does_not_hold_has_failed),
        cmocka_unit_test(only_rows_with_success_go_on),
        cmocka_unit_test(what_mends_a_database_is_named_by_its_key),
        cmocka_unit_test(no_database_is_no_datasource),
        cmocka_unit_test(a_secret_goes_to_all_marked_rows),
        cmocka_unit_test(leaving_the_key_vault_dialog_changes_nothing),
        cmocka_unit_test(assigned_roles_validate_what_is_not_ready_again),
        cmocka_unit_test(roles_are_not_assigned_for_what_was_refused),
        cmocka_unit_test(details_list_every_check_what_failed_first),
        cmocka_unit_test(another_vault_validates_all_anew),
        cmocka_unit_test(the_policy_chosen_is_shown_beside_it),
        cmocka_unit_test(one_put_a_row_and_a_failing_row_stops_nothing),
        cmocka_unit_test(what_is_configured_is_not_touched_again),
        cmocka_unit_test(a_single_database_leads_to_its_backup_instance),
        cmocka_unit_test(nothing_changes_while_it_is_configured),
        cmocka_unit_test(leaving_tells_what_was_not_configured),
        cmocka_unit_test(a_portal_that_only_looks_configures_nothing),
        cmocka_unit_test(the_review_shows_the_commands_of_each_row),
    };

    kg_crypto_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
