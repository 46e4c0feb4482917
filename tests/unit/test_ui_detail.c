/* Pages about one resource, and readers, as the one who holds the keyboard and the service see them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/time.h"
#include "ui_fake_host.h"
#include "ui_golden.h"

static struct fake_host host;
static struct ui_model *model;

static void usage(const struct kg_json *resource, int64_t now, struct ui_shown *ret)
{
    (void)now;
    snprintf(ret->text, sizeof ret->text, "%zu datastores", kg_json_count(kg_json_get(resource, "properties.storageSettings")));
}

static const struct ui_value values[] = {
    { .paths = "Essentials" },
    { .label = "Resource group", .paths = "resourceGroup" },
    { .label = "Location", .paths = "location" },
    { .label = "Policy", .paths = "properties.policyId", .format = UI_F_LAST, .opens = "backup-policy" },
    { .label = "Id", .paths = "id" },
    { .label = "Created", .paths = "systemData.createdAt", .format = UI_F_TIME },
    { .paths = "Security" },
    { .label = "Soft delete", .paths = "properties.softDelete", .format = UI_F_STATE },
    { .label = "Kept after deletion", .paths = "properties.retention", .format = UI_F_DURATION },
    { .label = "Encryption key", .paths = "properties.key" },
    { .paths = "Storage" },
    { .label = "Datastores", .text = usage },
    { .label = "Used", .paths = "properties.used", .format = UI_F_BYTES },
    { .label = "Tags", .paths = "tags", .format = UI_F_LIST },
    { .paths = "Error" },
    { .label = "Code", .paths = "properties.error", .format = UI_F_IF_ANY },
    { .label = "Since", .paths = "properties.since", .format = UI_F_TIME | UI_F_IF_ANY },
};
static const struct ui_detail_kind detail_kind = {
    .value = values, .n_values = KG_ARRAY_LEN(values), .refresh = 20, .tab = { "backup-vaults", "no-such-kind" },
};
static const struct ui_kind kind = { .name = "thing", .title = "Thing", .family = UI_DETAIL, .data = &detail_kind };
static const struct ui_kind reader_kind = { .name = "log", .title = "Log", .family = UI_READER };

#define ID "/subscriptions/default/resourceGroups/backups/providers/Microsoft.DataProtection/backupVaults/prod-vault"
#define RESOURCE(state, name) "{\"id\":\"" ID "\",\"name\":\"" name "\",\"resourceGroup\":\"backups\",\"location\":\"westeurope\"," \
    "\"properties\":{\"provisioningState\":\"" state "\",\"policyId\":\"/policies/weekly\",\"softDelete\":\"On\",\"retention\":\"P14D\"," \
    "\"used\":1234567890,\"storageSettings\":[{},{}]},\"systemData\":{\"createdAt\":\"2026-09-20T10:00:00Z\"},\"tags\":{\"env\":\"prod\"}}"
#define GOOD RESOURCE("Succeeded", "prod-vault")

static int setup(void **state)
{
    (void)state;
    model = fake_model(&host, &kind, ID);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ui_model_free(model);
    model = NULL;
    return 0;
}

static struct ui_detail *page(void) { return (struct ui_detail *)model; }
static void act(enum ui_action a) { (void)ui_model_act(model, a); }

static void test_a_page_asks_for_its_resource_and_shows_it_in_one_column_or_two(void **state)
{
    (void)state;
    assert_string_equal(host.ask[0].path, ID);
    assert_string_equal(model->title, "prod-vault");
    assert_true(pictured(model, 24, 80, "Loading…"));
    fake_answer(&host, "prod-vault", GOOD);
    act(UI_ACT_DOWN);
    assert_picture(model, 24, 80, UI_UTF8,
        "prod-vault  ✓ Succeeded\n"
        "[Overview]  Backup vaults   no-such-kind\n"
        "Essentials\n"
        "  Resource group       backups\n"
        "› Location             westeurope\n"
        "  Policy               weekly\n"
        "  Id                   /subscriptions/default/resourceGroups/backups/providers/\n"
        "                       Microsoft.DataProtection/backupVaults/prod-vault\n"
        "  Created              2026-09-20 10:00\n"
        "\n"
        "Security\n"
        "  Soft delete          ✓ On\n"
        "  Kept after deletion  14 days\n"
        "  Encryption key       -\n"
        "\n"
        "Storage\n"
        "  Datastores           2 datastores\n"
        "  Used                 1.2 GB\n"
        "  Tags                 env=prod\n");
    assert_picture(model, 24, 80, UI_ASCII,
        "prod-vault  + Succeeded\n"
        "[Overview]  Backup vaults   no-such-kind\n"
        "Essentials\n"
        "  Resource group       backups\n"
        "> Location             westeurope\n"
        "  Policy               weekly\n"
        "  Id                   /subscriptions/default/resourceGroups/backups/providers/\n"
        "                       Microsoft.DataProtection/backupVaults/prod-vault\n"
        "  Created              2026-09-20 10:00\n"
        "\n"
        "Security\n"
        "  Soft delete          + On\n"
        "  Kept after deletion  14 days\n"
        "  Encryption key       -\n"
        "\n"
        "Storage\n"
        "  Datastores           2 datastores\n"
        "  Used                 1.2 GB\n"
        "  Tags                 env=prod\n");
    assert_picture(model, 36, 120, UI_UTF8,
        "prod-vault  ✓ Succeeded\n"
        "[Overview]  Backup vaults   no-such-kind\n"
        "Essentials                                                   Security\n"
        "  Resource group       backups                                 Soft delete          ✓ On\n"
        "› Location             westeurope                              Kept after deletion  14 days\n"
        "  Policy               weekly                                  Encryption key       -\n"
        "  Id                   /subscriptions/default/resourceGrou\n"
        "                       ps/backups/providers/Microsoft.Data   Storage\n"
        "                       Protection/backupVaults/prod-vault      Datastores           2 datastores\n"
        "  Created              2026-09-20 10:00                        Used                 1.2 GB\n"
        "                                                               Tags                 env=prod\n");
    assert_picture(model, 36, 120, UI_ASCII,
        "prod-vault  + Succeeded\n"
        "[Overview]  Backup vaults   no-such-kind\n"
        "Essentials                                                   Security\n"
        "  Resource group       backups                                 Soft delete          + On\n"
        "> Location             westeurope                              Kept after deletion  14 days\n"
        "  Policy               weekly                                  Encryption key       -\n"
        "  Id                   /subscriptions/default/resourceGrou\n"
        "                       ps/backups/providers/Microsoft.Data   Storage\n"
        "                       Protection/backupVaults/prod-vault      Datastores           2 datastores\n"
        "  Created              2026-09-20 10:00                        Used                 1.2 GB\n"
        "                                                               Tags                 env=prod\n");
}

static void test_the_cursor_passes_headings_and_stays_in_sight_where_there_is_little_room(void **state)
{
    (void)state;
    fake_answer(&host, "prod-vault", GOOD);
    assert_int_equal(page()->cursor, 1);
    act(UI_ACT_UP);
    assert_int_equal(page()->cursor, 1);
    act(UI_ACT_LAST);
    assert_int_equal(page()->cursor, KG_ARRAY_LEN(values) - 4);
    assert_true(pictured(model, 8, 80, "› Tags"));
    for (size_t i = 0; i < KG_ARRAY_LEN(values); i++) {
        act(UI_ACT_UP);
        assert_true(pictured(model, 8, 80, "\n› "));
        assert_non_null(values[page()->cursor].label);
    }
    assert_true(pictured(model, 8, 80, "\nEssentials"));
    (void)pictured(model, 1, 1, "");
    (void)pictured(model, 3, 200, "");
}

static void test_values_that_are_only_there_sometimes_are_hidden_with_their_heading(void **state)
{
    struct ui_detail *d = page();

    (void)state;
    fake_answer(&host, "prod-vault", GOOD);
    assert_false(ui_detail_has(d, 14));
    act(UI_ACT_LAST);
    assert_int_equal(d->cursor, 13);
    assert_false(pictured(model, 24, 80, "Error"));
    act(UI_ACT_REFRESH);
    fake_answer(&host, "prod-vault", "{\"name\":\"x\",\"properties\":{\"error\":\"NoSpace\"}}");
    assert_true(ui_detail_has(d, 14));
    act(UI_ACT_LAST);
    assert_int_equal(d->cursor, 15);
    assert_true(pictured(model, 24, 80, "NoSpace"));
    assert_false(pictured(model, 24, 80, "Since"));
    act(UI_ACT_REFRESH);
    fake_answer(&host, "prod-vault", GOOD);
    assert_int_equal(d->cursor, 13);
    assert_false(pictured(model, 36, 120, "Error"));
}

static void test_a_value_opens_what_it_names_and_is_copied_whole(void **state)
{
    (void)state;
    fake_answer(&host, "prod-vault", GOOD);
    assert_false(ui_model_act(model, UI_ACT_OPEN));                 /* a resource group opens nothing */
    act(UI_ACT_DOWN);
    act(UI_ACT_DOWN);
    act(UI_ACT_OPEN);
    assert_string_equal(host.opened, "backup-policy");
    assert_string_equal(host.opened_arg, "/policies/weekly");
    act(UI_ACT_DOWN);
    act(UI_ACT_COPY);
    assert_string_equal(host.copied, ID);
    while (page()->cursor != 11)
        act(UI_ACT_DOWN);
    act(UI_ACT_COPY);
    assert_string_equal(host.copied, "2 datastores");
}

static void test_a_tab_is_a_list_of_its_own_that_has_the_keys_while_it_is_shown(void **state)
{
    (void)state;
    fake_answer(&host, "prod-vault", GOOD);
    assert_ptr_equal(ui_view_keys(model), &ui_keys_detail);
    act(UI_ACT_RIGHT);
    assert_ptr_equal(ui_view_keys(model), &ui_keys_list);
    model->changed = false;
    fake_answer(&host, "providers/Microsoft.DataProtection/backupVaults?", "{\"value\":[" RESOURCE("Failed", "a") "]}");
    assert_true(model->changed);
    assert_string_equal(ui_model_row_id(model), ID);
    assert_picture(model, 24, 80, UI_UTF8,
        "prod-vault  ✓ Succeeded\n"
        " Overview  [Backup vaults]  no-such-kind\n"
        "  Name ▲  Resource group    Location    Redundancy        Soft delete  Status\n"
        "› a       backups           westeurope                                 ✗ Failed\n"
        "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n"
        "1 row, sorted by Name\n");
    fake_type(model, ui_view_keys(model), "/");
    assert_ptr_equal(ui_view_keys(model), &ui_keys_text);
    fake_type(model, ui_view_keys(model), "x");
    assert_true(ui_model_act(model, UI_ACT_BACK));
    assert_false(ui_model_act(model, UI_ACT_BACK));
    act(UI_ACT_LEFT);
    assert_int_equal(page()->tab, 0);
    assert_null(ui_model_row_id(model));
    act(UI_ACT_PREVIOUS);                                           /* round to the last: of a kind that there is not */
    assert_int_equal(page()->tab, 2);
    (void)pictured(model, 24, 80, "");
    act(UI_ACT_OPEN);
    act(UI_ACT_RIGHT);
    assert_int_equal(page()->tab, 0);
    assert_true(ui_view_click(model, (struct ui_rect){ 0, 0, 24, 80 }, 1, 14));
    assert_int_equal(page()->tab, 1);
    assert_int_equal(host.n_asks, 2);                               /* its list is there still */
}

static void test_what_was_changed_from_a_page_is_asked_for_again_with_its_lists(void **state)
{
    (void)state;
    fake_answer(&host, "prod-vault", GOOD);
    act(UI_ACT_RIGHT);
    fake_answer(&host, "backupVaults?", "{\"value\":[]}");
    ui_model_closed(model, "change-policy", NULL);
    assert_int_equal(host.n_asks, 2);
    ui_model_closed(model, "change-policy", ID);
    assert_int_equal(host.n_asks, 4);
    fake_answer(&host, "prod-vault", RESOURCE("Updating", "prod-vault"));
    assert_true(pictured(model, 24, 80, "… Updating"));
}

static void test_a_failure_without_the_resource_is_the_page(void **state)
{
    (void)state;
    fake_fail(&host, "prod-vault", KG_E_NOT_FOUND, "no Backup vault 'prod-vault' in 'backups'");
    assert_picture(model, 10, 60, UI_UTF8,
        "prod-vault\n"
        "[Overview]  Backup vaults   no-such-kind\n"
        "✗ ResourceNotFound: no Backup vault 'prod-vault' in\n"
        "  'backups'\n"
        "  List what exists, then try again with one of those names.\n"
        "  R asks again.\n");
    assert_false(ui_model_act(model, UI_ACT_BACK));
    act(UI_ACT_OPEN);
    act(UI_ACT_COPY);
    act(UI_ACT_LAST);
    (void)pictured(model, 24, 80, "");
    act(UI_ACT_REFRESH);
    fake_answer(&host, "prod-vault", "[]");
    assert_int_equal(page()->load, UI_BROKEN);
    host.host.now += 15 * KG_SECOND;
    assert_int_equal(ui_model_wake(model), host.host.now);
    ui_model_tick(model);
    fake_answer(&host, "prod-vault", GOOD);
    assert_int_equal(page()->load, UI_READY);
}

static void test_a_failed_refresh_keeps_the_values_and_says_since_when_they_are_old(void **state)
{
    (void)state;
    fake_answer(&host, "prod-vault", GOOD);
    host.host.now += 20 * KG_SECOND;
    ui_model_tick(model);
    fake_fail(&host, "prod-vault", KG_E_BUSY, "the service is busy");
    assert_true(pictured(model, 24, 80, "stale since 14:13:20\n"));
    assert_true(pictured(model, 24, 80, "the service is busy"));
    assert_true(pictured(model, 24, 80, "westeurope"));
    assert_true(ui_model_act(model, UI_ACT_BACK));
    assert_false(pictured(model, 24, 80, "the service is busy"));
    assert_false(ui_model_act(model, UI_ACT_BACK));
}

static void test_hostile_values_stay_in_their_places(void **state)
{
    char big[400], json[2000];

    (void)state;
    memset(big, 'x', 300);
    big[300] = '\0';
    snprintf(json, sizeof json, "{\"id\":\"x\",\"name\":\"\\u001b[31m%s\",\"resourceGroup\":\"\\u202eabc\",\"location\":\"%s\","
             "\"properties\":{\"provisioningState\":\"\\u0007Odd\",\"used\":\"many\","
             "\"key\":\"数据库 a\\nb\",\"retention\":[],\"policyId\":{}},\"tags\":7}", big, big);
    fake_answer(&host, "prod-vault", json);
    assert_picture(model, 24, 80, UI_UTF8,
        "?[31mxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx  ?Odd\n"
        "[Overview]  Backup vaults   no-such-kind\n"
        "Essentials\n"
        "› Resource group       ?abc\n"
        "  Location             xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n"
        "                       xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n"
        "                       xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n"
        "                       xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n"
        "                       xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n"
        "                       xxxxxxxxxxxxxxxxxxxx\n"
        "  Policy               {}\n"
        "  Id                   x\n"
        "  Created              -\n"
        "\n"
        "Security\n"
        "  Soft delete          -\n"
        "  Kept after deletion  []\n"
        "  Encryption key       数据库 a\n"
        "                       b\n"
        "\n"
        "Storage\n"
        "  Datastores           0 datastores\n"
        "  Used                 many\n"
        "  Tags                 7\n");
    assert_true(pictured(model, 3, 20, "?[31mx"));
}

/* ---- readers ---- */

static struct ui_reader *reader(const char *arg)
{
    ui_model_free(model);
    model = ui_model_new(&reader_kind, &host.host, arg);
    return (struct ui_reader *)model;
}

static void test_a_reader_breaks_lines_and_scrolls(void **state)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1 << 20);
    struct ui_reader *r = reader("one two three four five\n\n\tx\ty\r\nabcdefghijklmnopqrstuvwxyz\n\033[2Jend");

    (void)state;
    assert_picture(model, 10, 20, UI_UTF8,
        "one two three\n"
        "four five\n"
        "\n"
        "        x       y\n"
        "abcdefghijklmnopqr\n"
        "stuvwxyz\n"
        "?[2Jend\n");
    for (int i = 0; i < 1000; i++)
        kg_buf_addf(&b, "line %d\n", i);
    r = reader(b.p);
    assert_true(pictured(model, 10, 20, "line 0\n"));
    assert_int_equal(r->lines, 1000);
    act(UI_ACT_LAST);
    assert_true(pictured(model, 10, 20, "line 999"));
    assert_true(pictured(model, 10, 20, "line 990 "));
    act(UI_ACT_PAGE_UP);
    assert_true(pictured(model, 10, 20, "line 981 "));
    act(UI_ACT_UP);
    act(UI_ACT_DOWN);
    act(UI_ACT_FIRST);
    act(UI_ACT_UP);
    assert_int_equal(r->top, 0);
    act(UI_ACT_LAST);
    assert_true(pictured(model, 36, 120, "line 999"));              /* the terminal grew: no empty lines at the end */
    assert_true(pictured(model, 36, 120, "line 964 "));
    act(UI_ACT_COPY);
    assert_int_equal(strncmp(host.copied, "line 0\n", 7), 0);
    (void)pictured(model, 1, 2, "");
    (void)pictured(model, 0, 0, "");
}

static void test_a_reader_of_a_path_asks_for_text_and_keeps_it_when_asking_again_fails(void **state)
{
    struct ui_reader *r = reader("/jobs/1/log");

    (void)state;
    assert_true(pictured(model, 10, 40, "Loading…"));
    fake_answer(&host, "log", "{\"a\":1}");
    assert_true(pictured(model, 10, 40, "{\"a\":1}"));
    act(UI_ACT_REFRESH);
    fake_fail(&host, "log", KG_E_BUSY, "the service is busy");
    assert_true(model->stale);
    assert_true(pictured(model, 10, 80, "the service is busy"));
    assert_true(pictured(model, 10, 60, "{\"a\":1}"));
    assert_true(ui_model_act(model, UI_ACT_BACK));
    assert_false(ui_model_act(model, UI_ACT_BACK));
    r = reader("/jobs/2/log");
    fake_fail(&host, "jobs/2", KG_E_NOT_FOUND, "no such job");
    assert_int_equal(r->load, UI_BROKEN);
    assert_false(ui_model_act(model, UI_ACT_BACK));
    assert_true(pictured(model, 10, 60, "no such job"));
    act(UI_ACT_REFRESH);
    fake_answer(&host, "jobs/2", "[]");
    assert_false(pictured(model, 10, 60, "no such job"));
}

static void test_of_a_text_that_is_too_long_the_end_is_kept(void **state)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(16 << 20);

    (void)state;
    for (int i = 0; b.len < 5 << 20; i++)
        kg_buf_addf(&b, "\xc3\xa4 %d\n", i);
    kg_buf_adds(&b, "the end");
    (void)reader(b.p);
    assert_true(pictured(model, 10, 60, "[the beginning is left out]"));
    act(UI_ACT_LAST);
    assert_true(pictured(model, 10, 60, "the end"));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_page_asks_for_its_resource_and_shows_it_in_one_column_or_two),
        CASE(test_the_cursor_passes_headings_and_stays_in_sight_where_there_is_little_room),
        CASE(test_values_that_are_only_there_sometimes_are_hidden_with_their_heading),
        CASE(test_a_value_opens_what_it_names_and_is_copied_whole),
        CASE(test_a_tab_is_a_list_of_its_own_that_has_the_keys_while_it_is_shown),
        CASE(test_what_was_changed_from_a_page_is_asked_for_again_with_its_lists),
        CASE(test_a_failure_without_the_resource_is_the_page),
        CASE(test_a_failed_refresh_keeps_the_values_and_says_since_when_they_are_old),
        CASE(test_hostile_values_stay_in_their_places),
        CASE(test_a_reader_breaks_lines_and_scrolls),
        CASE(test_a_reader_of_a_path_asks_for_text_and_keeps_it_when_asking_again_fails),
        CASE(test_of_a_text_that_is_too_long_the_end_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
