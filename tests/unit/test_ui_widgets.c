/* Tables, tabs, errors, bars and charts on a canvas. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "widget/chart.h"
#include "widget/message.h"
#include "widget/table.h"
#include "widget/tabs.h"

static struct ui_canvas canvas;

static void begin(int h, int w, enum ui_alphabet a)
{
    ui_canvas_done(&canvas);
    ui_canvas_init(&canvas, h, w, a);
    ui_canvas_clear(&canvas);
}

static int teardown(void **state)
{
    (void)state;
    ui_canvas_done(&canvas);
    return 0;
}

static void assert_looks(const char *want)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1 << 20);

    ui_canvas_print(&canvas, &b);
    while (b.len > 0 && b.p[b.len - 1] == '\n')
        kg_buf_cut(&b, b.len - 1);
    assert_string_equal(b.p, want);
}

static void assert_widths(const struct ui_table_column *c, size_t n, int cols, const int *want)
{
    int width[UI_TABLE_MAX];

    ui_table_widths(c, n, cols, width);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(width[i], want[i]);
}

static void test_columns_that_do_not_fit_go_by_rank_and_the_rest_is_shared(void **state)
{
    const struct ui_table_column c[] = {
        { .title = "a", .min = 5, .want = 10 }, { .title = "b", .min = 4, .want = 20, .rank = 2, .most = 22 },
        { .title = "c", .min = 3, .want = 4, .rank = 1 },
    };

    (void)state;
    assert_widths(c, 3, 16, (int[]){ 5, 4, 3 });
    assert_widths(c, 3, 15, (int[]){ 10, 0, 3 });                   /* b went; a is before c */
    assert_widths(c, 3, 16 + 6, (int[]){ 10, 4, 4 });
    assert_widths(c, 3, 38, (int[]){ 10, 20, 4 });
    assert_widths(c, 3, 50, (int[]){ 10, 32, 4 });                  /* the highest want takes what is left over */
    assert_widths(c, 3, 9, (int[]){ 9, 0, 0 });
    assert_widths(c, 3, 0, (int[]){ 5, 0, 0 });                     /* what stays, stays */
    assert_widths(c, 0, 10, NULL);
    const struct ui_table_column rest[] = { { .min = 5, .want = 5, .takes_rest = true }, { .min = 5, .want = 9, .most = 11 } };

    assert_widths(rest, 2, 30, (int[]){ 17, 11 });
}

static void test_the_first_line_moves_no_more_than_it_must(void **state)
{
    (void)state;
    assert_int_equal(ui_scroll_to(0, 3, 10, 5), 0);
    assert_int_equal(ui_scroll_to(0, 5, 10, 5), 1);
    assert_int_equal(ui_scroll_to(4, 2, 10, 5), 2);
    assert_int_equal(ui_scroll_to(8, 9, 10, 5), 5);
    assert_int_equal(ui_scroll_to(8, 0, 0, 5), 0);
    assert_int_equal(ui_scroll_to(3, 3, 10, 0), 3);
}

static void test_tabs_keep_the_current_one_in_sight_and_know_where_they_were_clicked(void **state)
{
    const struct ui_tab tab[] = { { "Basics", UI_G_OK, UI_ROLE_STATE_OK }, { "Policy", UI_G_FAILED, UI_ROLE_STATE_FAILED },
                                  { "Datasources", -1, UI_ROLE_TAB }, { "Review", -1, UI_ROLE_TAB } };

    (void)state;
    begin(1, 60, UI_UTF8);
    ui_tabs(&canvas, (struct ui_rect){ 0, 0, 1, 60 }, tab, 4, 1);
    assert_looks(" ✓ Basics  [✗ Policy]  Datasources   Review");
    assert_int_equal(ui_tabs_at((struct ui_rect){ 0, 0, 1, 60 }, tab, 4, 1, 0), 0);
    assert_int_equal(ui_tabs_at((struct ui_rect){ 0, 0, 1, 60 }, tab, 4, 1, 11), 1);
    assert_int_equal(ui_tabs_at((struct ui_rect){ 0, 0, 1, 60 }, tab, 4, 1, 59), 4);
    begin(1, 26, UI_ASCII);
    ui_tabs(&canvas, (struct ui_rect){ 0, 0, 1, 26 }, tab, 4, 0);
    assert_looks("[+ Basics]  x Policy     ~");
    ui_tabs(&canvas, (struct ui_rect){ 0, 0, 1, 26 }, tab, 4, 3);
    assert_looks("~  Datasources  [Review]");
    begin(1, 5, UI_ASCII);
    ui_tabs(&canvas, (struct ui_rect){ 0, 0, 1, 5 }, tab, 4, 2);
    ui_tabs(&canvas, (struct ui_rect){ 0, 0, 1, 5 }, tab, 0, 0);
}

static void test_bars_show_nothing_for_nothing_and_all_only_for_all(void **state)
{
    const struct ui_part part[] = { { 90, UI_ROLE_STATE_OK, UI_G_FULL }, { 1, UI_ROLE_STATE_FAILED, UI_G_FAILED },
                                    { 0, UI_ROLE_DIM, UI_G_DOT }, { 9, UI_ROLE_STATE_WARNING, UI_G_EMPTY } };

    (void)state;
    begin(8, 14, UI_UTF8);
    ui_progress(&canvas, 0, 0, 14, 0.999, "99%");
    ui_progress(&canvas, 1, 0, 14, 0, "0%");
    ui_progress(&canvas, 2, 0, 14, 1, NULL);
    ui_progress(&canvas, 3, 0, 14, -1, "12 MB");
    ui_progress(&canvas, 4, 0, 4, 0.5, "50%");
    assert_int_equal(ui_bar_h(&canvas, 5, 0, 10, UI_ROLE_CHART_1, 0.0001, 100), 1);
    assert_int_equal(ui_bar_h(&canvas, 6, 0, 10, UI_ROLE_CHART_1, NAN, 100), 0);
    assert_int_equal(ui_bar_h(&canvas, 6, 0, 10, UI_ROLE_CHART_1, -5, 0), 0);
    assert_int_equal(ui_bar_h(&canvas, 6, 0, 10, UI_ROLE_CHART_1, INFINITY, 1), 10);
    assert_int_equal(ui_bar_parts(&canvas, 7, 0, 12, part, 4, 100), 12);
    assert_looks("█████████░ 99%\n░░░░░░░░░░░ 0%\n"
                 "██████████████\n"
                 "12 MB\n50%\n█\n██████████\n███████████✗");
}

static void test_a_chart_has_bars_in_eighths_an_axis_and_labels(void **state)
{
    const double value[] = { 0, 1, 50, 100, 99.99 };
    const char *const label[] = { "Mo", "Tu", NULL, "Th", "Fr" };

    (void)state;
    begin(6, 20, UI_UTF8);
    ui_chart(&canvas, (struct ui_rect){ 0, 0, 6, 20 }, UI_ROLE_CHART_1, value, 5, label, "100");
    assert_looks("100         ███ ▇▇▇\n            ███ ███\n"
                 "        ███ ███ ███\n    ▁▁▁ ███ ███ ███\n"
                 "────────────────────\nMo  Tu      Th  Fr");
    begin(6, 20, UI_ASCII);
    ui_chart(&canvas, (struct ui_rect){ 0, 0, 6, 20 }, UI_ROLE_CHART_1, value, 5, NULL, NULL);
    assert_looks("            ### ***\n            ### ###\n        --- ### ###\n        ### ### ###\n    ___ ### ### ###\n"
                 "--------------------");
    ui_chart(&canvas, (struct ui_rect){ 0, 0, 1, 2 }, UI_ROLE_CHART_1, value, 5, label, "x");
    ui_chart(&canvas, (struct ui_rect){ 0, 0, 6, 20 }, UI_ROLE_CHART_1, value, 0, label, "x");
}

static void test_a_name_without_room_keeps_both_ends(void **state)
{
    static const struct { const char *name; int cols; const char *shown; } row[] = {
        { "sales", 8, "sales" }, { "sales-2026", 10, "sales-2026" }, { "sales-north-2026", 12, "sales-…-2026" },
        { "sales-north-2027", 12, "sales-…-2027" }, { "sales-north-2026", 7, "sales-…" },
        { "数据库备份销售顾客", 10, "数据…顾客" }, { "数据库备份销售顾客", 11, "数据库…顾客" },
        { "aaaaaaaaaaaae\xcc\x81zz", 8, "aaaa…e\xcc\x81zz" }, { "\033[31mred-and-long", 9, "?[31…long" },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(row); i++) {
        begin(1, 30, UI_UTF8);
        assert_true(ui_text_name(&canvas, 0, 0, row[i].cols, UI_ROLE_ITEM, row[i].name) <= row[i].cols);
        assert_looks(row[i].shown);
    }
    begin(1, 30, UI_ASCII);
    (void)ui_text_name(&canvas, 0, 0, 12, UI_ROLE_ITEM, "sales-north-2026");
    assert_looks("sales-~-2026");
}

static void test_an_error_says_code_sentence_what_to_do_and_how_it_goes(void **state)
{
    struct kg_err err = { 0 };
    int measured;

    (void)state;
    (void)kg_err_set(&err, KG_E_NOT_FOUND, "no backup vault '\033[2J%s'", "x");
    kg_err_advise(&err, "List the vaults.");
    begin(6, 40, UI_UTF8);
    measured = ui_error_box(NULL, (struct ui_rect){ 0, 0, 6, 40 }, &err, "Esc dismisses this.");
    assert_int_equal(ui_error_box(&canvas, (struct ui_rect){ 0, 0, 6, 40 }, &err, "Esc dismisses this."), measured);
    assert_looks("✗ ResourceNotFound: no backup vault\n  '?[2Jx'\n  List the vaults.\n  Esc dismisses this.");
    assert_int_equal(measured, 4);
    assert_int_equal(ui_error_box(NULL, (struct ui_rect){ 0, 0, 2, 40 }, &err, "x"), 2);
    assert_int_equal(ui_error_box(NULL, (struct ui_rect){ 0, 0, 0, 40 }, &err, "x"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_columns_that_do_not_fit_go_by_rank_and_the_rest_is_shared, teardown),
        cmocka_unit_test_teardown(test_the_first_line_moves_no_more_than_it_must, teardown),
        cmocka_unit_test_teardown(test_tabs_keep_the_current_one_in_sight_and_know_where_they_were_clicked, teardown),
        cmocka_unit_test_teardown(test_bars_show_nothing_for_nothing_and_all_only_for_all, teardown),
        cmocka_unit_test_teardown(test_a_chart_has_bars_in_eighths_an_axis_and_labels, teardown),
        cmocka_unit_test_teardown(test_a_name_without_room_keeps_both_ends, teardown),
        cmocka_unit_test_teardown(test_an_error_says_code_sentence_what_to_do_and_how_it_goes, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
