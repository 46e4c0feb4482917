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
    (void)state;
    model = fake_model(&host, &kind, "");
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
        "  Name ▲       Status          Started\n"
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
    assert_picture(model, 24, 80, UI_UTF8,
        "  Name ▲      Status           Started             Duration    Size  Age\n"
        "  crm         ✗ Failed         2026-09-20 02:00        12 s     0 B  1 day ago\n"
        "›*db2         ! With warnings                         1 day\n"
        "  db10        … In progress    14:12:00                       53 kB  1 min ago\n"
        "  sales       ✓ Completed      14:02:09          1 h 02 min  1.2 GB  11 min ago\n"
        "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n"
        "4 rows, 1 selected, sorted by Name\n");
    assert_picture(model, 36, 120, UI_UTF8,
        "  Name ▲                                              Status           Started             Duration    Size  Age\n"
        "  crm                                                 ✗ Failed         2026-09-20 02:00        12 s     0 B  1 day ago\n"
        "›*db2                                                 ! With warnings                         1 day\n"
        "  db10                                                … In progress    14:12:00                       53 kB  1 min ago\n"
        "  sales                                               ✓ Completed      14:02:09          1 h 02 min  1.2 GB  11 min ago\n"
        "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n"
        "4 rows, 1 selected, sorted by Name\n");
    assert_picture(model, 24, 80, UI_ASCII,
        "  Name ^      Status           Started             Duration    Size  Age\n"
        "  crm         x Failed         2026-09-20 02:00        12 s     0 B  1 day ago\n"
        ">*db2         ! With warnings                         1 day\n"
        "  db10        ~ In progress    14:12:00                       53 kB  1 min ago\n"
        "  sales       + Completed      14:02:09          1 h 02 min  1.2 GB  11 min ago\n"
        "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n"
        "4 rows, 1 selected, sorted by Name\n");
    assert_picture(model, 36, 120, UI_ASCII,
        "  Name ^                                              Status           Started             Duration    Size  Age\n"
        "  crm                                                 x Failed         2026-09-20 02:00        12 s     0 B  1 day ago\n"
        ">*db2                                                 ! With warnings                         1 day\n"
        "  db10                                                ~ In progress    14:12:00                       53 kB  1 min ago\n"
        "  sales                                               + Completed      14:02:09          1 h 02 min  1.2 GB  11 min ago\n"
        "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n"
        "4 rows, 1 selected, sorted by Name\n");
}

static void test_an_empty_list_says_what_to_press(void **state)
{
    (void)state;
    fake_answer(&host, "things", VALUE(""));
    assert_true(pictured(model, 24, 80, "\n  No thing yet. Press c to make one.\n"));
    assert_true(pictured(model, 24, 80, "\n0 rows, sorted by Name\n"));
    act(UI_ACT_OPEN);
    act(UI_ACT_MARK);
    act(UI_ACT_UP);
    act(UI_ACT_LAST);
    act(UI_ACT_COPY);
    assert_string_equal(host.opened, "");
    assert_string_equal(host.copied, "");
    assert_null(ui_model_row_id(model));
}

static void test_a_failure_without_rows_is_the_page_and_is_asked_again(void **state)
{
    (void)state;
    fake_fail(&host, "things", KG_E_NO_REPLY, "the service does not answer");
    assert_int_equal(list()->load, UI_BROKEN);
    assert_picture(model, 10, 60, UI_UTF8,
        "✗ UnexpectedReply: the service does not answer\n"
        "  Check that client and service are of the same version.\n"
        "  R asks again.\n");
    assert_false(ui_model_act(model, UI_ACT_BACK));                 /* the page goes, and the error with it */
    assert_int_equal(ui_model_wake(model), host.host.now + 15 * KG_SECOND);
    host.host.now += 15 * KG_SECOND;
    ui_model_tick(model);
    assert_true(pictured(model, 10, 60, "the service does not answer"));      /* until there is an answer */
    fake_answer(&host, "things", FOUR);
    assert_false(pictured(model, 10, 60, "the service does not answer"));
    assert_string_equal(names(), "crm,db2,db10,sales");
}

static void test_a_failed_refresh_keeps_the_rows_and_says_since_when_they_are_old(void **state)
{
    (void)state;
    fake_answer(&host, "things", FOUR);
    host.host.now += 30 * KG_SECOND;
    ui_model_tick(model);
    fake_fail(&host, "things", KG_E_BUSY, "the service is busy");
    assert_int_equal(list()->load, UI_READY);
    assert_true(model->stale);
    assert_true(pictured(model, 24, 80, "the service is busy"));
    assert_true(pictured(model, 24, 80, "stale since 14:13:20"));
    assert_true(pictured(model, 24, 80, "\n› crm"));
    assert_true(ui_model_act(model, UI_ACT_BACK));
    assert_false(pictured(model, 24, 80, "the service is busy"));
    assert_true(pictured(model, 24, 80, "stale since 14:13:20"));   /* dismissed is not mended */
    assert_false(ui_model_act(model, UI_ACT_BACK));
    host.host.now += 15 * KG_SECOND;
    ui_model_tick(model);
    fake_answer(&host, "things", FOUR);
    assert_false(model->stale);
    assert_false(pictured(model, 24, 80, "stale"));
}

static void test_an_answer_that_is_no_list_is_a_failure(void **state)
{
    static const char *const wrong[] = { "{}", "[]", "{\"value\":7}", "{\"value\":{\"0\":{}}}", "null", "7" };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(wrong); i++) {
        fake_answer(&host, "things", wrong[i]);
        assert_int_equal(list()->load, UI_BROKEN);
        assert_int_equal(list()->err.code, KG_E_NO_REPLY);
        act(UI_ACT_REFRESH);
    }
    fake_answer(&host, "things", VALUE("1,null,\"x\",[],{},{\"name\":{\"a\":1}}"));
    assert_int_equal(list()->load, UI_READY);
    (void)pictured(model, 24, 80, "");
}

static void test_a_refresh_keeps_cursor_and_marks_on_their_rows(void **state)
{
    (void)state;
    fake_answer(&host, "things", FOUR);
    act(UI_ACT_MARK);                                               /* crm */
    act(UI_ACT_LAST);
    act(UI_ACT_MARK);                                               /* sales */
    act(UI_ACT_UP);
    assert_string_equal(current(), "db10");
    act(UI_ACT_REFRESH);
    fake_answer(&host, "things", VALUE(ITEM("aaa", "Completed", "", "", "1") "," SALES "," DB10 "," ITEM("bbb", "Failed", "", "", "2")));
    assert_string_equal(names(), "aaa,bbb,db10,sales");
    assert_string_equal(current(), "db10");
    assert_int_equal(list()->n_marked, 1);                          /* crm's mark went with it */
    assert_true(pictured(model, 24, 80, "\n *sales"));
}

static void test_when_the_row_under_the_cursor_vanishes_the_cursor_stays_on_its_line(void **state)
{
    (void)state;
    fake_answer(&host, "things", FOUR);
    act(UI_ACT_DOWN);
    assert_string_equal(current(), "db2");
    act(UI_ACT_REFRESH);
    fake_answer(&host, "things", VALUE(SALES "," CRM "," DB10));
    assert_string_equal(current(), "db10");
    act(UI_ACT_LAST);
    act(UI_ACT_REFRESH);
    fake_answer(&host, "things", VALUE(CRM));
    assert_string_equal(current(), "crm");
    act(UI_ACT_REFRESH);
    fake_answer(&host, "things", VALUE(""));
    assert_string_equal(current(), "(none)");
    (void)pictured(model, 24, 80, "");
}

static void test_sorting_goes_by_what_values_are_and_puts_empty_ones_last_both_ways(void **state)
{
    static const struct { const char *names, *by; } step[] = {
        { "sales,db10,db2,crm", "sorted by Name" },                 /* downwards */
        { "sales,db2,crm,db10", "sorted by Status" }, { "db10,crm,db2,sales", "sorted by Status" },
        { "db10,sales,crm,db2", "sorted by Started" }, { "crm,sales,db10,db2", "sorted by Started" },
        { "db2,sales,crm,db10", "sorted by Duration" }, { "crm,sales,db2,db10", "sorted by Duration" },
        { "sales,db10,crm,db2", "sorted by Size" }, { "crm,db10,sales,db2", "sorted by Size" },
        { "crm,db10,sales,db2", "sorted by Age" }, { "sales,db10,crm,db2", "sorted by Age" },
        { "sales,crm,db10,db2", "4 rows\n" }, { "crm,db2,db10,sales", "sorted by Name" },
    };

    (void)state;
    fake_answer(&host, "things", FOUR);
    for (size_t i = 0; i < KG_ARRAY_LEN(step); i++) {
        act(UI_ACT_SORT);
        assert_string_equal(names(), step[i].names);
        assert_string_equal(current(), "crm");
        assert_true(pictured(model, 24, 80, step[i].by));
    }
}

static void test_a_filter_wants_all_words_whatever_their_case_and_an_exclamation_mark_inverts_it(void **state)
{
    static const struct { const char *text, *names; } row[] = {
        { "SAL", "sales" }, { "in progress", "db10" }, { "inprogress", "db10" }, { "db comp", "db2" }, { "!db", "crm,sales" },
        { "!", "crm,db2,db10,sales" }, { "! db", "crm,sales" }, { "!db comp", "crm,db10,sales" }, { "2026-09-21", "db10,sales" },
        { "1.2 gb", "sales" }, { "zzz", "" }, { "  ", "crm,db2,db10,sales" },
    };

    (void)state;
    fake_answer(&host, "things", FOUR);
    for (size_t i = 0; i < KG_ARRAY_LEN(row); i++) {
        type("/");
        assert_ptr_equal(ui_view_keys(model), &ui_keys_text);
        type(row[i].text);
        assert_string_equal(names(), row[i].names);
        type("\n");
        assert_ptr_equal(ui_view_keys(model), &ui_keys_list);
        assert_string_equal(names(), row[i].names);
        if (!row[i].names[0])
            assert_true(pictured(model, 24, 80, "No row passes the filter. Esc clears it."));
        assert_true(ui_model_act(model, UI_ACT_BACK));
        assert_string_equal(names(), "crm,db2,db10,sales");
        assert_false(ui_model_act(model, UI_ACT_BACK));
    }
}

static void test_the_filter_stays_in_sight_and_in_force_over_a_refresh(void **state)
{
    (void)state;
    fake_answer(&host, "things", FOUR);
    type("/db");
    assert_true(pictured(model, 24, 80, "filter: db\n"));
    type("\n");
    act(UI_ACT_LAST);
    assert_true(pictured(model, 24, 80, "filter: db · Esc clears\n"));
    assert_true(pictured(model, 24, 80, "2 of 4 rows, sorted by Name\n"));
    act(UI_ACT_REFRESH);
    fake_answer(&host, "things", VALUE(SALES "," DB10 "," ITEM("adb", "Completed", "", "", "1")));
    assert_string_equal(names(), "adb,db10");
    assert_string_equal(current(), "db10");
    act(UI_ACT_BACK);
    assert_string_equal(current(), "db10");                         /* also when the filter goes */
}

static void test_letters_of_other_alphabets_fold_too(void **state)
{
    (void)state;
    fake_answer(&host, "things", VALUE("{\"id\":\"1\",\"name\":\"MÜNCHEN\"},{\"id\":\"2\",\"name\":\"Ωmega\"}"));
    ui_edit_set(&list()->filter, "");
    type("/m");
    for (const char *s = "\xc3\xbc"; *s; s += 2)
        (void)ui_model_type(model, &(struct ui_event){ .kind = UI_EV_KEY, .key = 0xFC });
    assert_string_equal(names(), "MÜNCHEN");
}

static void test_marks_are_what_commands_apply_to_also_where_the_filter_hides_them(void **state)
{
    (void)state;
    fake_answer(&host, "things", FOUR);
    assert_int_equal(ui_list_each(list(), NULL, NULL), 1);
    act(UI_ACT_MARK);
    assert_string_equal(current(), "crm");                          /* it is marked, and the cursor stays */
    act(UI_ACT_LAST);
    act(UI_ACT_MARK);
    assert_int_equal(ui_list_each(list(), NULL, NULL), 2);
    act(UI_ACT_COPY);
    assert_string_equal(host.copied, "/things/crm\n/things/sales");
    type("/db\n");
    assert_true(pictured(model, 24, 80, "2 of 4 rows, 2 selected (2 hidden by the filter), sorted by Name\n"));
    act(UI_ACT_MARK_ALL);
    assert_int_equal(list()->n_marked, 4);
    act(UI_ACT_MARK_ALL);
    assert_int_equal(list()->n_marked, 2);
    act(UI_ACT_BACK);
    act(UI_ACT_MARK_ALL);
    act(UI_ACT_MARK_ALL);
    assert_int_equal(list()->n_marked, 0);
}

/* from .. to as items named n0001 and so on. */
static char *numbered(int from, int to, const char *next)
{
    struct kg_buf b = KG_BUF_INIT(64 << 20);

    kg_buf_adds(&b, "{\"value\":[");
    for (int i = from; i < to; i++)
        kg_buf_addf(&b, "%s{\"id\":\"/things/n%05d\",\"name\":\"n%05d\",\"properties\":{\"status\":\"%s\",\"size\":%d,"
                        "\"startTime\":\"2026-09-%02dT10:%02d:00Z\",\"duration\":\"PT%dS\"}}", i > from ? "," : "", i, i,
                    i % 3 ? "Completed" : "Failed", i * 1000, 1 + i % 28, i % 60, i);
    kg_buf_adds(&b, "]");
    if (next)
        kg_buf_addf(&b, ",\"nextLink\":\"%s\"", next);
    kg_buf_adds(&b, "}");
    return kg_buf_take(&b);
}

static void answer(const char *part, int from, int to, const char *next)
{
    KG_AUTO_FREE char *json = numbered(from, to, next);

    fake_answer(&host, part, json);
}

static void test_pages_are_fetched_when_the_cursor_comes_near_the_end(void **state)
{
    (void)state;
    answer("$top=250", 0, 250, "http://keepgres/subscriptions/default/things?%24skipToken=b");
    assert_true(pictured(model, 24, 80, "250 rows, more are there, sorted by Name\n"));
    assert_int_equal(host.n_asks, 1);
    act(UI_ACT_PAGE_DOWN);
    assert_int_equal(host.n_asks, 1);
    act(UI_ACT_LAST);
    assert_string_equal(host.ask[1].path, "/subscriptions/default/things?%24skipToken=b");
    act(UI_ACT_MARK);                                               /* n00249 */
    act(UI_ACT_UP);
    assert_int_equal(host.n_asks, 2);                               /* it is asked for already */
    answer("skipToken=b", 249, 400, NULL);                          /* a row that moved from page to page is one row */
    assert_int_equal(list()->rows.n, 400);
    assert_string_equal(current(), "n00248");
    assert_int_equal(list()->n_marked, 1);
    assert_true(ui_rows_find(&list()->rows, "/things/n00249")->marked);
    act(UI_ACT_LAST);
    assert_int_equal(host.n_asks, 2);
    assert_string_equal(current(), "n00399");
}

static void test_a_refresh_of_several_pages_changes_the_rows_when_it_is_whole(void **state)
{
    (void)state;
    answer("$top=250", 0, 250, "/page2");
    act(UI_ACT_LAST);
    answer("page2", 250, 400, "/page3");
    act(UI_ACT_LAST);
    act(UI_ACT_UP);
    assert_string_equal(current(), "n00398");
    answer("page3", 400, 410, NULL);
    assert_int_equal(ui_model_wake(model), host.host.now + 30 * KG_SECOND);         /* ages */
    host.host.now += 89 * KG_SECOND;
    ui_model_tick(model);
    assert_null(fake_find(&host, "$top"));                          /* three pages: a third as often */
    host.host.now += KG_SECOND;
    ui_model_tick(model);
    answer("$top=250", 5, 255, "/page2");
    assert_int_equal(list()->rows.n, 410);
    assert_string_equal(current(), "n00398");
    answer("page2", 255, 405, "/page3");
    assert_int_equal(list()->rows.n, 410);
    answer("page3", 405, 415, NULL);
    assert_int_equal(list()->rows.n, 410);
    assert_string_equal(ui_row_value(&list_kind, ui_list_row(list(), 0), "name"), "n00005");
    assert_string_equal(current(), "n00398");
}

static void test_a_page_that_leads_to_itself_ends_the_list(void **state)
{
    (void)state;
    answer("$top=250", 0, 3, "/again");
    answer("again", 3, 4, "/again");
    assert_null(list()->next);
    assert_null(fake_find(&host, "again"));
    act(UI_ACT_REFRESH);
    answer("$top=250", 0, 3, "not a link");
    assert_null(list()->next);
}

static void test_a_failed_page_is_asked_again_when_the_error_was_dismissed(void **state)
{
    (void)state;
    answer("$top=250", 0, 3, "/page2");
    fake_fail(&host, "page2", KG_E_BUSY, "the service is busy");
    act(UI_ACT_DOWN);
    assert_null(fake_find(&host, "page2"));
    act(UI_ACT_BACK);
    act(UI_ACT_DOWN);
    answer("page2", 3, 5, NULL);
    assert_int_equal(list()->rows.n, 5);
}

static void test_a_late_answer_to_an_earlier_question_is_not_taken(void **state)
{
    struct fake_ask old = host.ask[0];

    (void)state;
    act(UI_ACT_REFRESH);
    assert_false(host.ask[0].waits);                                /* forgotten */
    ui_model_answer(model, old.tag, old.id, &(struct kg_answer){ .err = &(struct kg_err){ .code = KG_E_IO, .msg = "late" } });
    assert_int_equal(list()->load, UI_LOADING);
    fake_answer(&host, "things", FOUR);
    assert_int_equal(list()->load, UI_READY);
}

static void test_a_request_with_a_body_is_posted_and_its_items_are_kept_by_what_the_kind_says(void **state)
{
    (void)state;
    ui_model_free(model);
    model = ui_model_new(&posted, &host.host, "/vaults/v");
    assert_string_equal(host.ask[1].path, "/vaults/v/find");
    assert_string_equal(host.ask[1].method, "POST");
    assert_string_equal(host.ask[1].body, "{\"status\":\"\"}");
    fake_answer(&host, "find", "{\"found\":[" SALES "," CRM "," DB10 "],\"nextLink\":\"/vaults/v/find?more\"}");
    assert_string_equal(names(), "sales,db10");
    assert_string_equal(host.ask[2].method, "POST");
    fake_answer(&host, "more", "{\"found\":[]}");
    ui_model_closed(model, "thing-filter", NULL);
    assert_int_equal(host.n_asks, 3);
    ui_model_closed(model, "thing-filter", "{\"status\":\"Failed\"}");
    assert_string_equal(host.ask[3].body, "{\"status\":\"Failed\"}");
    fake_answer(&host, "find", "{\"found\":[]}");
    assert_true(pictured(model, 24, 80, "filter: Status: Failed · Esc clears\n"));
    assert_true(ui_model_act(model, UI_ACT_BACK));
    assert_string_equal(host.ask[4].body, "{\"status\":\"\"}");
    fake_answer(&host, "find", "{\"found\":[" SALES "]}");
    act(UI_ACT_OPEN);                                               /* a pick */
    assert_true(host.is_closed);
    assert_string_equal(host.closed, "1");                          /* nothing names it: its place does */
}

static void test_a_list_opens_filtered_by_its_argument(void **state)
{
    (void)state;
    ui_model_free(model);
    model = ui_model_new(&posted, &host.host, "{\"status\":\"Failed\"}");
    assert_string_equal(host.ask[1].body, "{\"status\":\"Failed\"}");
    assert_true(pictured(model, 24, 80, "filter: Status: Failed · f changes it\n"));
    type("/x\n");
    assert_true(pictured(model, 24, 80, "Esc clears\n"));
    assert_true(ui_model_act(model, UI_ACT_BACK));
    assert_false(ui_model_act(model, UI_ACT_BACK));                 /* back to where it was opened from */
}

static void test_what_a_list_is_filtered_by_is_told_in_words(void **state)
{
    static const struct { const char *chosen, *told; } row[] = {
        { "{\"statuses\":[\"InProgress\",\"CompletedWithWarnings\"]}", "Status: In progress or With warnings" },
        { "{\"vaults\":[\"CheckVault\"],\"operations\":[\"OnDemandBackup\"]}", "Vault: CheckVault, Operation: Backup on demand" },
        { "{\"datasourceIds\":[\"/a/b/sales\"],\"statuses\":[]}", "Backup instance: sales" },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(row); i++) {
        char told[200];

        ui_model_free(model);
        model = ui_model_new(&posted, &host.host, row[i].chosen);
        ui_list_filters((const struct ui_list *)model, told, sizeof told);
        assert_string_equal(told, row[i].told);
    }
}

static void test_hostile_names_neither_move_the_cursor_nor_hide_other_rows(void **state)
{
    char big[400], json[1500];

    (void)state;
    memset(big, 'x', 300);
    big[300] = '\0';
    snprintf(json, sizeof json, "{\"value\":[{\"id\":\"1\",\"name\":\"\\u001b[2J\\u001b]0;owned\\u0007evil\\r\\n\\t\"},"
             "{\"id\":\"2\",\"name\":\"abc\\u202edcba\\u2066x\"},{\"id\":\"3\",\"name\":\"%s\"},"
             "{\"id\":\"4\",\"name\":\"数据库数据库数据库\"},"
             "{\"id\":\"5\",\"name\":\"\"},{\"id\":\"6\",\"name\":\"e\\u0301e\\u0301\"}]}", big);
    fake_answer(&host, "things", json);
    assert_picture(model, 12, 40, UI_UTF8,
        "  Name ▲       Status          Started\n"
        "› ?[2J?]0;ow…\n"
        "  abc?dcba?x\n"
        "  éé\n"
        "  xxxxxxxxxx…\n"
        "  数据库数据…\n"
        "\n\n\n\n\n"
        "6 rows, sorted by Name\n");
}

static void test_the_cursor_stays_in_sight(void **state)
{
    (void)state;
    answer("$top=250", 0, 250, NULL);
    assert_true(pictured(model, 24, 80, "› n00000"));
    for (int i = 0; i < 30; i++) {
        act(UI_ACT_DOWN);
        assert_true(pictured(model, 24, 80, "\n› n000"));
    }
    act(UI_ACT_LAST);
    assert_true(pictured(model, 24, 80, "› n00249"));
    assert_true(pictured(model, 10, 80, "› n00249"));               /* the terminal shrank */
    act(UI_ACT_UP);
    assert_true(pictured(model, 36, 120, "› n00248"));
    act(UI_ACT_FIRST);
    assert_true(pictured(model, 2, 80, "sorted by"));
    assert_true(pictured(model, 1, 1, ""));
    assert_true(pictured(model, 24, 80, "› n00000"));
}

static void test_twenty_thousand_rows_are_filtered_sorted_and_drawn_at_once(void **state)
{
    struct timespec a, b;
    double ms, worst = 0;

    (void)state;
    answer("$top=250", 0, UI_ROWS_MAX + 500, "/more");
    assert_int_equal(list()->rows.n, UI_ROWS_MAX);
    act(UI_ACT_LAST);
    assert_null(fake_find(&host, "more"));                          /* the limit */
    assert_true(pictured(model, 24, 80, "8,000 rows, more are there"));
    for (const char *s = "/n1 fail\njkGgs"; *s; s++) {
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
        type((char[]){ *s, '\0' });
        (void)pictured(model, 24, 80, "");
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
        ms = (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6;
        worst = ms > worst ? ms : worst;
    }
    assert_true(worst < 400);                                       /* under every sanitizer, on a busy machine */
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_list_asks_for_its_first_page_at_once_and_shows_it_sorted),
        CASE(test_the_picture_at_80x24_and_120x36_in_both_alphabets),
        CASE(test_an_empty_list_says_what_to_press),
        CASE(test_a_failure_without_rows_is_the_page_and_is_asked_again),
        CASE(test_a_failed_refresh_keeps_the_rows_and_says_since_when_they_are_old),
        CASE(test_an_answer_that_is_no_list_is_a_failure),
        CASE(test_a_refresh_keeps_cursor_and_marks_on_their_rows),
        CASE(test_when_the_row_under_the_cursor_vanishes_the_cursor_stays_on_its_line),
        CASE(test_sorting_goes_by_what_values_are_and_puts_empty_ones_last_both_ways),
        CASE(test_a_filter_wants_all_words_whatever_their_case_and_an_exclamation_mark_inverts_it),
        CASE(test_the_filter_stays_in_sight_and_in_force_over_a_refresh),
        CASE(test_letters_of_other_alphabets_fold_too),
        CASE(test_marks_are_what_commands_apply_to_also_where_the_filter_hides_them),
        CASE(test_pages_are_fetched_when_the_cursor_comes_near_the_end),
        CASE(test_a_refresh_of_several_pages_changes_the_rows_when_it_is_whole),
        CASE(test_a_page_that_leads_to_itself_ends_the_list),
        CASE(test_a_failed_page_is_asked_again_when_the_error_was_dismissed),
        CASE(test_a_late_answer_to_an_earlier_question_is_not_taken),
        CASE(test_a_request_with_a_body_is_posted_and_its_items_are_kept_by_what_the_kind_says),
        CASE(test_a_list_opens_filtered_by_its_argument),
        CASE(test_what_a_list_is_filtered_by_is_told_in_words),
        CASE(test_hostile_names_neither_move_the_cursor_nor_hide_other_rows),
        CASE(test_the_cursor_stays_in_sight),
        CASE(test_twenty_thousand_rows_are_filtered_sorted_and_drawn_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
