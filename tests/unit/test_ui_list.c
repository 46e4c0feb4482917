/* Lists, as the one who holds the keyboard and the service see them. */
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

void ui_form_view_draw(struct ui_form *f, struct ui_canvas *c, struct ui_rect area) { (void)f, (void)c, (void)area; }
static struct fake_host host;
static struct ui_model *model;

static void age_cell(const struct ui_row *row, int64_t now, struct ui_shown *ret);

static const struct ui_column columns[] = {
    { .title = "Name", .paths = "name", .min = 10, .want = 24 },
    { .title = "Status", .paths = "properties.status", .format = UI_F_STATE, .min = 13, .want = 22 },
    { .title = "Started", .paths = "properties.startTime", .format = UI_F_TIME, .min = 8, .want = 16, .rank = 1 },
    { .title = "Duration", .paths = "properties.duration", .format = UI_F_DURATION, .min = 8, .want = 12, .rank = 2, .right = true },
    { .title = "Size", .paths = "properties.size", .format = UI_F_BYTES, .min = 7, .want = 9, .rank = 2, .right = true },
    { .title = "Age", .cell = age_cell, .min = 9, .want = 12, .rank = 4 },
};
static const struct ui_list_kind list_kind = {
    .path = "/subscriptions/{sub}/things", .column = columns, .n_columns = KG_ARRAY_LEN(columns), .sort = 1, .refresh = 30,
    .more = { "properties.owner" }, .empty = "No thing yet. Press c to make one.", .opens = "thing", .filter_form = "thing-filter",
};
static const struct ui_kind kind = { .name = "things", .title = "Things", .family = UI_LIST, .data = &list_kind };

static void age_cell(const struct ui_row *row, int64_t now, struct ui_shown *ret)
{
    ui_format(UI_F_AGO, ui_row_value(&list_kind, row, "properties.startTime"), now, ret);
}

static bool keep_big(const struct ui_list *l, const struct kg_json *item)
{
    (void)l;
    return kg_json_u64(item, "properties.size", 0) > 1000;
}

static void post(const struct ui_list *l, struct kg_buf *path, struct kg_buf *body)
{
    ui_path(&l->base, "{arg}/find", path);
    kg_buf_addf(body, "{\"status\":\"%s\"}", kg_json_str_or(l->chosen, "status", ""));
}

static const struct ui_list_kind post_kind = {
    .request = post, .items = "found", .id = "key", .column = columns, .n_columns = 2, .filter_form = "thing-filter", .keep = keep_big,
};
static const struct ui_kind posted = { .name = "found", .title = "Found things", .family = UI_LIST, .data = &post_kind };

static int setup(void **state)
{
    static char *environment[] = { (char[]){ "TZ=UTC" }, NULL };

    (void)state;
    environ = environment;
    tzset();
    fake_host_init(&host);
    model = ui_model_new(&kind, &host.host, "");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ui_model_free(model);
    model = NULL;
    return 0;
}

static struct ui_list *list(void) { return (struct ui_list *)model; }
static void act(enum ui_action a) { (void)ui_model_act(model, a); }
static void type(const char *text)
{
    for (; *text; text++)
        fake_type(model, ui_view_keys(model), (char[]){ *text, '\0' });
}
static const char *current(void)
{
    const struct ui_row *r = ui_list_current(list());

    return r ? ui_row_value(list()->kind, r, "name") : "(none)";
}
/* The shown names, by commas. */
static const char *names(void)
{
    static char out[2000];
    size_t n = 0;

    out[0] = '\0';
    for (size_t i = 0; i < list()->n_shown; i++)
        n += (size_t)snprintf(out + n, sizeof out - n, "%s%s", i ? "," : "",
                              ui_row_value(list()->kind, ui_list_row(list(), i), "name"));
    return out;
}

#define ITEM(name, status, start, duration, size) \
    "{\"id\":\"/things/" name "\",\"name\":\"" name "\",\"properties\":{\"status\":\"" status "\",\"startTime\":\"" start "\"," \
    "\"duration\":\"" duration "\",\"size\":" size ",\"owner\":\"o-" name "\"}}"
#define SALES ITEM("sales", "Completed", "2026-09-21T14:02:09Z", "PT1H2M3S", "1234567890")
#define CRM   ITEM("crm", "Failed", "2026-09-20T02:00:00Z", "PT12S", "0")
#define DB10  ITEM("db10", "InProgress", "2026-09-21T14:12:00Z", "", "53000")
#define DB2   ITEM("db2", "CompletedWithWarnings", "", "P1D", "null")
#define VALUE(items) "{\"value\":[" items "]}"
#define FOUR VALUE(SALES "," CRM "," DB10 "," DB2)

static void test_a_list_asks_for_its_first_page_at_once_and_shows_it_sorted(void **state)
{
    (void)state;
    assert_string_equal(host.ask[0].path, "/subscriptions/default/things?$top=250");
    assert_string_equal(host.ask[0].method, "GET");
    assert_picture(model, 8, 40, UI_UTF8,
        "  Name ▲       Status         Started\n"
        "\n"
        "  Loading…\n");
    fake_answer(&host, "things", FOUR);
    assert_string_equal(names(), "crm,db2,db10,sales");
    assert_string_equal(ui_row_value(&list_kind, ui_list_current(list()), "properties.owner"), "o-crm");
    assert_string_equal(ui_model_row_id(model), "/things/crm");
    act(UI_ACT_OPEN);
    assert_string_equal(host.opened, "thing");
    assert_string_equal(host.opened_arg, "/things/crm");
}

static void test_the_picture_at_80x24_and_120x36_in_both_alphabets(void **state)
{
    (void)state;
    fake_answer(&host, "things", FOUR);
    act(UI_ACT_DOWN);
    act(UI_ACT_MARK);
    assert_picture(model, 24, 80, UI_UTF8, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_list_asks_for_its_first_page_at_once_and_shows_it_sorted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_picture_at_80x24_and_120x36_in_both_alphabets, setup, teardown),
    };

    (void)post_kind, (void)posted, (void)type, (void)current;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
