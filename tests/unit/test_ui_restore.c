/* Backup now, restore, rehydrate, what a recovery point holds, a job's log: what they ask, what they send, how they look. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "crypto/crypto.h"
#include "model/form.h"
#include "model/reader.h"
#include "model/restore.h"
#include "ui_form_bench.h"
#include "ui_golden.h"
#include "view/form_view.h"

#define VAULT "/subscriptions/default/resourceGroups/g1/providers/Microsoft.DataProtection/backupVaults/vault1"
#define SHOP VAULT "/backupInstances/shop"
#define SALES VAULT "/backupInstances/sales"
#define SERVER "/subscriptions/default/resourceGroups/g1/providers/Microsoft.DBforPostgreSQL/servers/pg1"
#define P(hex) SHOP "/recoveryPoints/" hex "000000000000000000000000000000"
#define LOGIN "https://kv1.vault.local/secrets/login"

/* ---- helpers ---- */

static void type_keys(struct bench *b, const char *text)
{
    for (; *text; text++)
        key(b, *text == '\n' ? UI_KEY_ENTER : *text == '\t' ? UI_KEY_TAB : (uint32_t)(unsigned char)*text);
}
static void next(struct bench *b) { ui_form_press(b->f, UI_BUTTON_NEXT); }
static void submit(struct bench *b) { ui_form_press(b->f, UI_BUTTON_SUBMIT); }

static void look(struct bench *b, const char *name)
{
    struct ui_canvas c;
    struct ui_rect all = { 0, 0, 20, 78 };

    ui_canvas_init(&c, 20, 78, UI_UTF8);
    ui_canvas_clear(&c);
    ui_form_view_draw(b->f, &c, b->f->base.kind->shape == UI_DIALOG ? ui_form_dialog_area(b->f, 20, 78) : all);
    golden(&c, name);
    ui_canvas_done(&c);
}

static void submit_valid(struct bench *b)
{
    submit(b);
    fake_answer(&b->h, "/validateRestore", "{}");
}

/* The value at a path of what was sent in the question that waits. */
static const char *sent(struct bench *b, const char *path_part, const char *at)
{
    static char value[500];
    struct fake_ask *a = fake_find(&b->h, path_part);
    KG_AUTO_JSON struct kg_json *j = NULL;
    struct kg_err err = { 0 };
    KG_AUTO_BUF struct kg_buf raw = KG_BUF_INIT(4000);

    assert_non_null(a);
    assert_int_equal(kg_json_parse(a->body, strlen(a->body), &j, &err), 0);
    ui_raw(j, at, &raw);
    kg_text_copy(value, sizeof value, raw.len ? raw.p : "");
    return value;
}

static const char shop[] = "{\"id\":\"" SHOP "\",\"name\":\"shop\",\"properties\":{\"friendlyName\":\"pg1\\\\shop\",\"dataSourceInfo\":{"
                           "\"resourceName\":\"shop\",\"datasourceType\":\"Microsoft.DBforPostgreSQL/servers/databases\"},"
                           "\"dataSourceSetInfo\":{\"resourceID\":\"" SERVER "\"},\"policyInfo\":{\"policyId\":\"" VAULT
                           "/backupPolicies/weekly\"},\"datasourceAuthCredentials\":{\"secretStoreResource\":{\"uri\":\"" LOGIN "\"}}}}";
static const char sales[] = "{\"id\":\"" SALES "\",\"properties\":{\"policyInfo\":{\"policyId\":\"" VAULT "/backupPolicies/daily\"}}}";
#define TAG(name) "{\"tagInfo\":{\"tagName\":\"" name "\"}}"
static const char weekly[] = "{\"name\":\"weekly\",\"properties\":{\"policyRules\":[{\"objectType\":\"AzureRetentionRule\","
                             "\"name\":\"Default\","
                             "\"lifecycles\":[{\"deleteAfter\":{\"duration\":\"P3M\"}}]},{\"objectType\":\"AzureBackupRule\","
                             "\"name\":\"BackupWeekly\",\"trigger\":{\"taggingCriteria\":[" TAG("Yearly") "," TAG("Default") "]}}]}}";
static const char daily[] = "{\"name\":\"daily\",\"properties\":{\"policyRules\":[{\"objectType\":\"AzureBackupRule\","
                            "\"name\":\"BackupDaily\","
                            "\"trigger\":{\"taggingCriteria\":[" TAG("Monthly") "," TAG("Default") "]}}]}}";
static const char job[] = "{\"objectType\":\"OperationJobExtendedInfo\",\"jobId\":\"j1\"}";

/* ---- backup now ---- */

static void backup_now_is_by_the_rule_that_was_chosen_and_ends_on_its_job(void **state)
{
    struct bench b;

    (void)state;
    start(&b, ui_kind_of_name("backup-now"), SHOP);
    submit(&b);
    assert_null(fake_find(&b.h, "shop/backup"));           /* not before the policy is known */
    fake_answer(&b.h, "/backupInstances/shop", shop);
    fake_answer(&b.h, "/backupPolicies/weekly", weekly);
    assert_string_equal(ui_form_value(b.f, "rule"), "Default");
    look(&b, "backup-now-80x24");
    ui_form_set(b.f, "rule", "Yearly", NULL);
    submit(&b);
    assert_string_equal(sent(&b, "shop/backup", "backupRuleOptions.ruleName"), "BackupWeekly");
    assert_string_equal(sent(&b, "shop/backup", "backupRuleOptions.triggerOption.retentionTagOverride"), "Yearly");
    assert_true(fake_find(&b.h, "shop/backup")->follow);
    fake_answer(&b.h, "shop/backup", job);
    assert_string_equal(b.h.opened, "backup-job");
    assert_string_equal(b.h.opened_arg, VAULT "/backupJobs/j1");
    assert_true(b.h.is_closed);
    end(&b);
}

static void of_several_only_common_rules_are_offered_and_one_that_fails_stops_no_other(void **state)
{
    struct bench b;

    (void)state;
    start(&b, ui_kind_of_name("backup-now"), SHOP "\n" SALES);
    fake_answer(&b.h, "/backupInstances/sales", sales);
    fake_answer(&b.h, "/backupInstances/shop", shop);
    fake_answer(&b.h, "/backupPolicies/daily", daily);
    fake_answer(&b.h, "/backupPolicies/weekly", weekly);
    assert_int_equal(ui_form_input(b.f, "rule")->n_options, 1);
    submit(&b);
    fake_fail(&b.h, "shop/backup", KG_E_CONFLICT, "a backup of 'shop' runs already");
    assert_non_null(strstr(b.h.note, "Back up shop: a backup of 'shop' runs already"));
    assert_string_equal(sent(&b, "sales/backup", "backupRuleOptions.ruleName"), "BackupDaily");
    fake_answer(&b.h, "sales/backup", job);
    assert_string_equal(b.h.opened, "backup-jobs");
    assert_int_equal(b.h.level, UI_NOTE_FAILED);         /* nobody says that all is well */
    end(&b);
}

static void a_single_backup_that_fails_keeps_its_dialog(void **state)
{
    struct bench b;

    (void)state;
    start(&b, ui_kind_of_name("backup-now"), SHOP);
    fake_answer(&b.h, "/backupInstances/shop", shop);
    fake_answer(&b.h, "/backupPolicies/weekly", weekly);
    submit(&b);
    fake_fail(&b.h, "shop/backup", KG_E_CONFLICT, "a backup of 'shop' runs already");
    assert_false(b.h.is_closed);
    assert_string_equal(b.f->err.msg, "a backup of 'shop' runs already");
    assert_string_equal(b.h.note, "");
    end(&b);
}

static void without_a_policy_nothing_is_backed_up(void **state)
{
    struct bench b;

    (void)state;
    start(&b, ui_kind_of_name("backup-now"), SHOP);
    fake_fail(&b.h, "/backupInstances/shop", KG_E_NOT_FOUND, "there is no backup instance 'shop'");
    submit(&b);
    assert_null(fake_find(&b.h, "shop/backup"));
    end(&b);
}

/* ---- restore ---- */

#define POINT(hex, time, store, state) "{\"id\":\"" P(hex) "\",\"name\":\"" hex "\"," \
    "\"properties\":{\"recoveryPointTime\":\"" time "\",\"expiryTime\":\"2026-12-20T06:00:00Z\",\"summary\":{\"bytes\":7900000}," \
    "\"recoveryPointType\":\"Full\",\"retentionTagName\":\"Default\"," \
    "\"recoveryPointDataStoresDetails\":[{\"type\":\"" store "\",\"state\":\"" state "\"}]}}"
static const char points[] = "{\"value\":[" POINT("dd", "2026-09-20T06:00:00Z", "VaultStore", "LOST") ","
                             POINT("cc", "2026-09-13T06:00:00Z", "VaultStore", "COMMITTED") ","
                             POINT("aa", "2026-01-04T06:00:00Z", "ArchiveStore", "COMMITTED") "]}";
static const char contents[] = "{\"value\":["
                               "{\"schema\":\"public\",\"name\":\"orders\",\"kind\":\"table\",\"rows\":200000,\"bytes\":7900000},"
                               "{\"schema\":\"app\",\"name\":\"items\",\"kind\":\"table\",\"rows\":70,\"bytes\":201},"
                               "{\"schema\":\"odd.name\",\"name\":\"a\\\"b\",\"kind\":\"table\",\"rows\":1,\"bytes\":2},"
                               "{\"schema\":\"public\",\"name\":\"customers\",\"kind\":\"table\",\"rows\":5000,\"bytes\":53000}],"
                               "\"omitted\":0,\"largeObjects\":{\"count\":0,\"bytes\":0}}";
static const char servers[] = "{\"value\":[{\"id\":\"" SERVER "\",\"name\":\"pg1\",\"location\":\"local\"},"
                              "{\"id\":\"/far\",\"name\":\"far\",\"location\":\"moon\"}]}";

static void open_restore(struct bench *b, const char *arg)
{
    start(b, ui_kind_of_name("restore"), arg);
    fake_answer(&b->h, "/recoveryPoints", points);
    fake_answer(&b->h, "/backupInstances/shop", shop);
    fake_answer(&b->h, "/backupVaults/vault1", "{\"location\":\"local\"}");
}

/* To the second step, as a database, with what it asks answered. */
static void to_parameters(struct bench *b)
{
    next(b);
    assert_int_equal(b->f->step, 1);
    fake_answer(&b->h, "/resources?", servers);
    fake_answer(&b->h, "/listDatabases", "{\"value\":[{\"name\":\"shop\"},{\"name\":\"postgres\"}]}");
}

static void a_point_that_is_being_deleted_is_not_chosen(void **state)
{
    static const char two[] = "{\"value\":[" POINT("dd", "2026-09-20T06:00:00Z", "VaultStore", "DELETING") ","
                              POINT("cc", "2026-09-13T06:00:00Z", "VaultStore", "COMMITTED") "]}";
    struct bench b;

    (void)state;
    start(&b, ui_kind_of_name("restore"), SHOP);
    fake_answer(&b.h, "/recoveryPoints", two);
    fake_answer(&b.h, "/backupInstances/shop", shop);
    fake_answer(&b.h, "/backupVaults/vault1", "{\"location\":\"local\"}");
    assert_string_equal(ui_restore_of(b.f)->points.chosen, P("cc"));
    b.f->grid.cursor = 0;
    type_keys(&b, " ");
    assert_string_equal(ui_restore_of(b.f)->points.chosen, P("cc"));
    assert_non_null(strstr(b.h.note, "it is being deleted"));
    end(&b);
}

static void the_newest_whole_point_is_chosen_and_a_lost_one_never(void **state)
{
    struct bench b;

    (void)state;
    open_restore(&b, SHOP);
    assert_string_equal(ui_restore_of(b.f)->points.chosen, P("cc"));
    assert_string_equal(b.f->input[b.f->focus].field->name, "points");
    look(&b, "restore-points-80x24");
    b.f->grid.cursor = 0;
    type_keys(&b, " ");
    assert_string_equal(ui_restore_of(b.f)->points.chosen, P("cc"));
    assert_non_null(strstr(b.h.note, "cannot be restored"));
    b.f->grid.cursor = 2;
    type_keys(&b, "\n");
    assert_string_equal(ui_restore_of(b.f)->points.chosen, P("aa"));
    type_keys(&b, "\n");
    assert_int_equal(b.f->step, 1);
    end(&b);
}

static void a_point_that_was_named_is_chosen_even_when_the_list_lacks_it(void **state)
{
    struct bench b;

    (void)state;
    open_restore(&b, P("aa"));
    assert_string_equal(ui_restore_of(b.f)->points.chosen, P("aa"));
    end(&b);
    start(&b, ui_kind_of_name("restore"), P("99"));
    fake_answer(&b.h, "/recoveryPoints?", points);
    next(&b);
    assert_int_equal(b.f->step, 0);
    fake_answer(&b.h, P("99"), POINT("99", "2020-01-01T00:00:00Z", "VaultStore", "COMMITTED"));
    next(&b);
    assert_int_equal(b.f->step, 1);
    end(&b);
}

static void points_are_filtered_by_time(void **state)
{
    struct bench b;

    (void)state;
    open_restore(&b, SHOP);
    ui_form_set(b.f, "taken", "31", NULL);
    assert_int_equal(ui_restore_points_grid.count(b.f), 2);
    ui_form_set(b.f, "taken", "between", NULL);
    assert_int_equal(ui_restore_points_grid.count(b.f), 3);
    ui_form_set(b.f, "until", "2026-09-13", NULL);       /* the day is in it */
    assert_int_equal(ui_restore_points_grid.count(b.f), 2);
    ui_form_set(b.f, "from", "2026-01-04 07:00", NULL);
    assert_int_equal(ui_restore_points_grid.count(b.f), 1);
    ui_form_set(b.f, "from", "yesterday", NULL);
    assert_non_null(ui_form_wrong(b.f, (size_t)(ui_form_input(b.f, "from") - b.f->input)));
    end(&b);
}

static void points_that_cannot_be_listed_can_be_asked_for_again(void **state)
{
    struct bench b;

    (void)state;
    start(&b, ui_kind_of_name("restore"), SHOP);
    fake_fail(&b.h, "/recoveryPoints", KG_E_DENIED, "ann may not read recovery points");
    assert_true(pictured(&b.f->base, 20, 78, "ann may not read recovery points"));
    assert_true(pictured(&b.f->base, 20, 78, "Try again"));
    next(&b);
    assert_int_equal(b.f->step, 0);
    ui_form_focus(b.f, (int)(ui_form_input(b.f, "points") - b.f->input) - 2);
    type_keys(&b, " ");
    fake_answer(&b.h, "/recoveryPoints", points);
    assert_false(pictured(&b.f->base, 20, 78, "Try again"));
    end(&b);
}

static void a_database_that_is_there_is_refused_and_a_new_name_proposed(void **state)
{
    struct bench b;
    size_t i;

    (void)state;
    open_restore(&b, SHOP);
    to_parameters(&b);
    assert_string_equal(ui_form_value(b.f, "server"), SERVER);
    assert_string_equal(ui_form_value(b.f, "database"), "shop_20260913_0600");
    look(&b, "restore-parameters-80x24");
    ui_form_refetch(b.f, "database");
    fake_answer(&b.h, "/listDatabases", "{\"value\":[{\"name\":\"shop_20260913_0600\"},{\"name\":\"shop\"}]}");
    assert_string_equal(ui_form_value(b.f, "database"), "shop_20260913_0600_2");
    i = (size_t)(ui_form_input(b.f, "database") - b.f->input);
    ui_form_set(b.f, "database", "shop", NULL);
    assert_string_equal(ui_form_wrong(b.f, i),
                        "The server has a database of this name already, and it is never overwritten. Choose another name.");
    ui_form_set(b.f, "database", "a\tb", NULL);
    assert_non_null(ui_form_wrong(b.f, i));
    assert_string_equal(ui_form_input(b.f, "server")->option[1].refused, "of another region than the Backup vault");
    end(&b);
}

static void it_is_validated_first_and_then_restored(void **state)
{
    struct bench b;
#define IN "restoreRequestObject."

    (void)state;
    open_restore(&b, SHOP);
    to_parameters(&b);
    next(&b);
    next(&b);
    assert_true(ui_form_is_review(b.f));
    look(&b, "restore-review-80x24");
    submit(&b);
    assert_string_equal(sent(&b, "/validateRestore", IN "recoveryPointId"), "cc000000000000000000000000000000");
    assert_string_equal(sent(&b, "/validateRestore", IN "restoreTargetInfo.datasourceInfo.resourceID"),
                        SERVER "/databases/shop_20260913_0600");
    assert_string_equal(sent(&b, "/validateRestore",
                             IN "restoreTargetInfo.datasourceAuthCredentials.secretStoreResource.uri"), LOGIN);
    assert_null(fake_find(&b.h, "shop/restore"));
    fake_fail(&b.h, "/validateRestore", KG_E_DENIED, "'backup' may not create databases on 'pg1'");
    assert_true(pictured(&b.f->base, 20, 78, "may not create databases"));
    submit(&b);                              /* what failed is asked again */
    fake_answer(&b.h, "/validateRestore", "{}");
    assert_string_equal(sent(&b, "shop/restore", "objectType"), "AzureBackupRecoveryPointBasedRestoreRequest");
    assert_string_equal(sent(&b, "shop/restore", "sourceDataStoreType"), "VaultStore");
    assert_string_equal(sent(&b, "shop/restore", "restoreTargetInfo.recoveryOption"), "FailIfExists");
    assert_string_equal(sent(&b, "shop/restore", "restoreTargetInfo.tables"), "");
    fake_answer(&b.h, "shop/restore", job);
    assert_string_equal(b.h.opened, "backup-job");
    assert_string_equal(b.h.opened_arg, VAULT "/backupJobs/j1");
    end(&b);
#undef IN
}

static void roles_owners_and_reading_back_are_sent_only_when_asked_for(void **state)
{
    struct bench b;
    KG_AUTO_BUF struct kg_buf cli = KG_BUF_INIT(8000);

    (void)state;
    open_restore(&b, SHOP);
    to_parameters(&b);
    ui_form_set(b.f, "roles", "map", NULL);
    ui_form_set(b.f, "roleMap", "ann", NULL);
    next(&b);
    assert_int_equal(b.f->step, 1);          /* not a pair */
    ui_form_set(b.f, "roleMap", "ann=bob, sales rw=x", NULL);
    ui_form_set(b.f, "owners", "false", NULL);
    ui_form_set(b.f, "readBack", "true", NULL);
    next(&b);
    next(&b);
    b.f->kind->cli(b.f, &cli);
    assert_non_null(strstr(cli.p, "--roles map --role-map ann=bob --role-map 'sales rw=x' --no-owner --read-back"));
    submit_valid(&b);
    assert_string_equal(sent(&b, "shop/restore", "restoreTargetInfo.roles"), "map");
    assert_string_equal(sent(&b, "shop/restore", "restoreTargetInfo.roleMap.1.source"), "sales rw");
    assert_string_equal(sent(&b, "shop/restore", "restoreTargetInfo.noOwner"), "true");
    assert_string_equal(sent(&b, "shop/restore", "restoreTargetInfo.noPrivileges"), "");
    assert_string_equal(sent(&b, "shop/restore", "restoreTargetInfo.readBack"), "true");
    end(&b);
}

static void schemas_and_tables_are_chosen_from_what_the_point_holds(void **state)
{
    struct bench b;
    KG_AUTO_BUF struct kg_buf cli = KG_BUF_INIT(8000);

    (void)state;
    open_restore(&b, SHOP);
    to_parameters(&b);
    next(&b);
    ui_form_set(b.f, "scope", "chosen", NULL);
    next(&b);
    assert_int_equal(b.f->step, 2);          /* nothing is known yet */
    fake_answer(&b.h, "/listContents", contents);
    next(&b);
    assert_int_equal(b.f->step, 2);          /* nothing is chosen */
    ui_form_focus(b.f, (int)(ui_form_input(b.f, "tables") - b.f->input));
    assert_int_equal(ui_restore_tables_grid.count(b.f), 3);
    type_keys(&b, " ");                           /* all of app and of "odd.name" … */
    key(&b, UI_KEY_DOWN);
    type_keys(&b, " ");
    key(&b, UI_KEY_RIGHT);
    key(&b, UI_KEY_DOWN);
    type_keys(&b, " ");                           /* … but its only table, */
    type_keys(&b, " ");                           /* and the table after all */
    key(&b, UI_KEY_DOWN);
    key(&b, UI_KEY_RIGHT);
    key(&b, UI_KEY_DOWN);
    type_keys(&b, " ");
    look(&b, "restore-tables-80x24");
    next(&b);
    assert_true(ui_form_is_review(b.f));
    b.f->kind->cli(b.f, &cli);
    assert_non_null(strstr(cli.p, "--schema app "));
    assert_non_null(strstr(cli.p, "--table '\"odd.name\".\"a\"\"b\"' --table public.customers"));
    submit_valid(&b);
    assert_string_equal(sent(&b, "shop/restore", "restoreTargetInfo.schemas.0"), "app");
    assert_string_equal(sent(&b, "shop/restore", "restoreTargetInfo.tables.0"), "\"odd.name\".\"a\"\"b\"");
    assert_string_equal(sent(&b, "shop/restore", "restoreTargetInfo.tables.1"), "public.customers");
    end(&b);
}

static void contents_that_cannot_be_read_leave_the_whole_database(void **state)
{
    struct bench b;

    (void)state;
    open_restore(&b, SHOP);
    to_parameters(&b);
    next(&b);
    ui_form_set(b.f, "scope", "chosen", NULL);
    fake_fail(&b.h, "/listContents", KG_E_IO, "the vault's directory cannot be read");
    assert_true(pictured(&b.f->base, 20, 78, "the vault's directory cannot be read"));
    next(&b);
    assert_int_equal(b.f->step, 2);
    ui_form_set(b.f, "scope", "all", NULL);
    next(&b);
    assert_true(ui_form_is_review(b.f));
    end(&b);
}

static void answers_about_another_point_are_not_shown(void **state)
{
    struct bench b;

    (void)state;
    open_restore(&b, SHOP);
    to_parameters(&b);
    next(&b);
    ui_form_set(b.f, "scope", "chosen", NULL);
    (void)ui_form_go(b.f, 0);
    b.f->grid.cursor = 2;
    type_keys(&b, "\t");
    ui_form_focus(b.f, (int)(ui_form_input(b.f, "points") - b.f->input));
    b.f->grid.cursor = 2;
    type_keys(&b, " ");
    ui_model_tick(&b.f->base);
    fake_answer(&b.h, P("cc") "/listContents", contents);
    assert_int_equal(ui_restore_of(b.f)->tables.n, 0);
    assert_non_null(fake_find(&b.h, P("aa") "/listContents"));
    end(&b);
}

static void from_the_archive_it_is_rehydrated(void **state)
{
    struct bench b;

    (void)state;
    open_restore(&b, P("aa"));
    to_parameters(&b);
    assert_true(pictured(&b.f->base, 40, 78, "in the archive only"));
    ui_form_set(b.f, "days", "9", NULL);
    next(&b);
    assert_int_equal(b.f->step, 1);
    ui_form_set(b.f, "days", "20", NULL);
    ui_form_set(b.f, "priority", "High", NULL);
    next(&b);
    next(&b);
    submit_valid(&b);
    assert_string_equal(sent(&b, "shop/restore", "objectType"), "AzureBackupRestoreWithRehydrationRequest");
    assert_string_equal(sent(&b, "shop/restore", "sourceDataStoreType"), "ArchiveStore");
    assert_string_equal(sent(&b, "shop/restore", "rehydrationPriority"), "High");
    assert_string_equal(sent(&b, "shop/restore", "rehydrationRetentionDuration"), "P20D");
    end(&b);
}

/* Where each copy stands, as checks found it. */
#define COPIES(vault, archive) "{\"value\":[{\"id\":\"" P("bb") "\",\"name\":\"bb\",\"properties\":{" \
    "\"recoveryPointTime\":\"2026-09-20T06:00:00Z\",\"retentionTagName\":\"Default\",\"recoveryPointDataStoresDetails\":[" \
    "{\"type\":\"VaultStore\",\"state\":\"" vault "\"},{\"type\":\"ArchiveStore\",\"state\":\"" archive "\"}]}}]}"

static void what_the_vault_lost_or_damaged_comes_from_the_archive(void **state)
{
    static const struct { const char *points, *source; bool chosen, rehydrated; } cases[] = {
        { COPIES("COMMITTED", "DAMAGED"), "VaultStore", true, false },
        { COPIES("LOST", "COMMITTED"), "ArchiveStore", true, true },
        { COPIES("DAMAGED", "COMMITTED"), "ArchiveStore", true, false },
        { COPIES("DAMAGED", "LOST"), "VaultStore", false, false },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        struct bench b;

        start(&b, ui_kind_of_name("restore"), SHOP);
        fake_answer(&b.h, "/recoveryPoints", cases[i].points);
        assert_int_equal(ui_restore_of(b.f)->points.chosen != NULL, cases[i].chosen);
        assert_string_equal(ui_restore_source(b.f), cases[i].source);
        assert_int_equal(ui_restore_archived(b.f), cases[i].rehydrated);
        if (!cases[i].chosen)
            assert_true(pictured(&b.f->base, 40, 78, "Damaged"));
        end(&b);
    }
}

static void files_go_into_a_container(void **state)
{
    struct bench b;

    (void)state;
    open_restore(&b, SHOP);
    to_parameters(&b);
    ui_form_set(b.f, "as", "files", NULL);
    fake_answer(&b.h, "/storageAccounts", "{\"value\":[{\"id\":\"/sa/files1\",\"name\":\"files1\",\"location\":\"local\"}]}");
    fake_answer(&b.h, "/sa/files1/blobServices/default/containers", "{\"value\":[{\"id\":\"/sa/files1/c/dumps\",\"name\":\"dumps\","
                "\"properties\":{\"url\":\"https://files1.blob.local/dumps\"}}]}");
    ui_form_set(b.f, "prefix", "../x", NULL);
    next(&b);
    assert_int_equal(b.f->step, 1);
    ui_form_set(b.f, "prefix", "night", NULL);
    next(&b);
    assert_true(pictured(&b.f->base, 20, 78, "Files always hold the whole database."));
    next(&b);
    submit_valid(&b);
    assert_string_equal(sent(&b, "shop/restore", "restoreTargetInfo.objectType"), "RestoreFilesTargetInfo");
    assert_string_equal(sent(&b, "shop/restore", "restoreTargetInfo.targetDetails.url"), "https://files1.blob.local/dumps");
    assert_string_equal(sent(&b, "shop/restore", "restoreTargetInfo.targetDetails.filePrefix"), "night");
    assert_string_equal(sent(&b, "shop/restore", "restoreTargetInfo.datasourceInfo.resourceID"), "");
    end(&b);
}

static void without_an_instance_it_says_where_to_begin(void **state)
{
    struct bench b;

    (void)state;
    start(&b, ui_kind_of_name("restore"), "");
    assert_int_equal(b.h.n_asks, 0);
    assert_true(pictured(&b.f->base, 20, 78, "nothing was chosen"));
    next(&b);
    assert_int_equal(b.f->step, 0);
    end(&b);
}

/* ---- rehydrate, contents, log ---- */

static void a_point_is_rehydrated_for_some_days(void **state)
{
    struct bench b;

    (void)state;
    start(&b, ui_kind_of_name("rehydrate"), P("aa"));
    ui_form_set(b.f, "days", "31", NULL);
    submit(&b);
    assert_null(fake_find(&b.h, "/rehydrate"));
    ui_form_set(b.f, "days", "10", NULL);
    submit(&b);
    assert_string_equal(sent(&b, P("aa") "/rehydrate", "rehydrationRetentionDuration"), "P10D");
    assert_string_equal(sent(&b, P("aa") "/rehydrate", "rehydrationPriority"), "Standard");
    fake_answer(&b.h, "/rehydrate", NULL);   /* it was back already */
    assert_string_equal(b.h.opened, "");
    assert_true(b.h.is_closed);
    end(&b);
}

static void a_point_s_tables_are_listed_with_rows_and_sizes(void **state)
{
    struct bench b;

    (void)state;
    start(&b, ui_kind_of_name("point-contents"), P("cc"));
    assert_string_equal(fake_find(&b.h, P("cc") "/listContents")->method, "POST");
    assert_true(fake_find(&b.h, "/listContents")->follow);
    fake_answer(&b.h, "/listContents", contents);
    assert_int_equal(((struct ui_list *)(void *)b.f)->rows.n, 4);        /* tables of the same name are two */
    assert_true(pictured(&b.f->base, 20, 78, "200,000"));
    end(&b);
}

static const char *log_text(struct bench *b) { return ((struct ui_reader *)(void *)b->f)->text; }
#define LINE(n, text) "{\"line\":" n ",\"time\":\"2026-09-21T14:00:0" n "Z\",\"text\":\"" text "\"}"

static void a_log_grows_while_the_job_runs_and_is_left_alone_then(void **state)
{
    struct bench b;

    (void)state;
    start(&b, ui_kind_of_name("job-log"), VAULT "/backupJobs/j1");
    fake_answer(&b.h, "/log?$skipToken=0", "{\"value\":[" LINE("1", "begun") "],\"nextLink\":\"x\"}");
    fake_answer(&b.h, "/log?$skipToken=1", "{\"value\":[" LINE("2", "data") "]}");
    fake_answer(&b.h, "/backupJobs/j1", "{\"properties\":{\"status\":\"InProgress\"}}");
    assert_string_equal(log_text(&b), "2026-09-21\n14:00:01  begun\n14:00:02  data\n");
    assert_true(ui_model_wake(&b.f->base) > 0);
    b.h.host.now += 3000000;
    ui_model_tick(&b.f->base);
    fake_fail(&b.h, "/log?$skipToken=2", KG_E_NO_REPLY, "the service does not answer");
    assert_true(pictured(&b.f->base, 20, 78, "begun") && b.f->base.stale);
    fake_answer(&b.h, "/backupJobs/j1", "{\"properties\":{\"status\":\"Completed\"}}");
    b.h.host.now += 3000000;
    ui_model_tick(&b.f->base);
    fake_answer(&b.h, "/log?$skipToken=2", "{\"value\":[" LINE("3", "ended\\u001b[31m") "]}");
    assert_null(strchr(log_text(&b), '\033'));
    assert_true(pictured(&b.f->base, 20, 78, "14:00:03  ended"));
    fake_answer(&b.h, "/backupJobs/j1", "{\"properties\":{\"status\":\"Completed\"}}");
    assert_int_equal(ui_model_wake(&b.f->base), 0);
    b.h.host.now += 3000000;
    ui_model_tick(&b.f->base);
    assert_null(fake_find(&b.h, "/log"));
    end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(backup_now_is_by_the_rule_that_was_chosen_and_ends_on_its_job),
        cmocka_unit_test(of_several_only_common_rules_are_offered_and_one_that_fails_stops_no_other),
        cmocka_unit_test(a_single_backup_that_fails_keeps_its_dialog),
        cmocka_unit_test(without_a_policy_nothing_is_backed_up),
        cmocka_unit_test(a_point_that_is_being_deleted_is_not_chosen),
        cmocka_unit_test(the_newest_whole_point_is_chosen_and_a_lost_one_never),
        cmocka_unit_test(a_point_that_was_named_is_chosen_even_when_the_list_lacks_it),
        cmocka_unit_test(points_are_filtered_by_time),
        cmocka_unit_test(points_that_cannot_be_listed_can_be_asked_for_again),
        cmocka_unit_test(a_database_that_is_there_is_refused_and_a_new_name_proposed),
        cmocka_unit_test(it_is_validated_first_and_then_restored),
        cmocka_unit_test(roles_owners_and_reading_back_are_sent_only_when_asked_for),
        cmocka_unit_test(schemas_and_tables_are_chosen_from_what_the_point_holds),
        cmocka_unit_test(contents_that_cannot_be_read_leave_the_whole_database),
        cmocka_unit_test(answers_about_another_point_are_not_shown),
        cmocka_unit_test(from_the_archive_it_is_rehydrated),
        cmocka_unit_test(what_the_vault_lost_or_damaged_comes_from_the_archive),
        cmocka_unit_test(files_go_into_a_container),
        cmocka_unit_test(without_an_instance_it_says_where_to_begin),
        cmocka_unit_test(a_point_is_rehydrated_for_some_days),
        cmocka_unit_test(a_point_s_tables_are_listed_with_rows_and_sizes),
        cmocka_unit_test(a_log_grows_while_the_job_runs_and_is_left_alone_then),
    };

    static char tz[] = "TZ=UTC", golden_write[] = "KEEPGRES_GOLDEN=write", *environment[] = { tz, NULL, NULL };

    if (getenv("KEEPGRES_GOLDEN"))
        environment[1] = golden_write;
    environ = environment;
    tzset();
    kg_crypto_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
