/* What the portal is drawn on. The process's locale stays "C": widths and shapes must not depend on it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <limits.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "term/canvas.h"

static struct ui_canvas canvas;

static int setup(void **state)
{
    (void)state;
    ui_canvas_init(&canvas, 4, 12, UI_UTF8);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ui_canvas_done(&canvas);
    return 0;
}

/* The canvas looks so; lines that are not named are empty. */
static void assert_looks(const char *want)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1 << 20);
    struct kg_err err = { 0 };

    ui_canvas_print(&canvas, &b);
    assert_int_equal(kg_buf_ok(&b, &err), 0);
    while (b.len > 0 && b.p[b.len - 1] == '\n')
        kg_buf_cut(&b, b.len - 1);
    assert_string_equal(b.p, want);
}

static void text(int y, int x, int cols, const char *s, int took)
{
    assert_int_equal(ui_text(&canvas, y, x, cols, UI_ROLE_VALUE, s), took);
}

static void test_a_text_that_does_not_fit_ends_in_an_ellipsis(void **state)
{
    (void)state;
    text(0, 0, 5, "abcde", 5);
    text(1, 0, 5, "abcdef", 5);
    text(2, 0, 1, "ab", 1);
    text(3, 0, 0, "ab", 0);
    assert_looks("abcde\nabcd…\n…");
}

static void test_wide_characters_take_two_cells_and_are_never_split(void **state)
{
    (void)state;
    text(0, 0, 12, "数a", 3);
    text(1, 0, 4, "数据库", 3);              /* 数 and the ellipsis: half a character more would not do */
    assert_looks("数a\n数…");
    assert_string_equal(canvas.cell[1].text, "");
    assert_int_equal(ui_width("数据库x"), 7);
    assert_int_equal(ui_fit("数据", 3), 3);

    text(0, 1, 1, "b", 1);                   /* over its right half */
    text(1, 0, 1, "c", 1);                   /* over its left half */
    assert_looks(" ba\nc …");
    text(2, 11, 2, "数", 2);                 /* half outside */
    text(3, -1, 3, "数z", 3);
    assert_looks(" ba\nc …\n\n z");
}

static void test_marks_join_the_character_before_them(void **state)
{
    (void)state;
    text(0, 0, 12, "e\xcc\x81x", 2);
    assert_string_equal(canvas.cell[0].text, "e\xcc\x81");
    assert_string_equal(canvas.cell[1].text, "x");
    text(1, 0, 12, "\xcc\x81x", 2);          /* nothing to sit on */
    assert_looks("e\xcc\x81x\n?x");

    char many[2 + 2 * 40] = "a";             /* more marks than a cell holds */

    for (int i = 0; i < 40; i++)
        memcpy(many + 1 + 2 * i, "\xcc\x81", 2);
    text(2, 0, 12, many, 1);
    assert_string_equal(canvas.cell[2 * 12].text, "a\xcc\x81\xcc\x81\xcc\x81\xcc\x81");
    assert_int_equal(ui_fit(many, 1), strlen(many));
}

static void test_what_could_move_a_cursor_or_deceive_is_a_question_mark(void **state)
{
    static const char *const rows[] = {
        "\x1b", "\r", "\n", "\t", "\x7f", "\xc2\x9b" /* CSI in one character */, "\xc2\x85", "\xff", "\xc0\xaf",
        "\xed\xa0\x80" /* a surrogate: three broken bytes */, "\xf4\x90\x80\x80", "\xe2\x80\xae" /* right to left */,
        "\xe2\x81\xa6", "\xe2\x81\xa9", "\xe2\x80\xaa", "\xe2\x80\x8b", "\xe2\x80\x8d", "\xef\xbb\xbf", "\xc2\xad",
        "\xef\xb8\x8f" /* a variation selector */, "\xf3\xa0\x81\xa1" /* a tag */, "\xe2\x80\xa8",
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(rows); i++) {
        char s[16];
        int want = i == 9 ? 3 : i == 10 ? 4 : i == 8 ? 2 : 1;

        snprintf(s, sizeof s, "x%sy", rows[i]);
        ui_canvas_clear(&canvas);
        text(0, 0, 12, s, want + 2);
        assert_string_equal(canvas.cell[0].text, "x");
        for (int k = 1; k <= want; k++)
            assert_string_equal(canvas.cell[k].text, "?");
        assert_string_equal(canvas.cell[want + 1].text, "y");
    }
    text(0, 0, 12, "ab\xe6\x95", 4);         /* the text ends in the middle of a character */
    assert_looks("ab??");
}

static void test_what_lies_outside_of_the_clip_is_dropped(void **state)
{
    (void)state;
    struct ui_rect was = ui_clip(&canvas, (struct ui_rect){ 1, 2, 2, 3 }), inner;

    for (int y = -1; y < 6; y++)
        text(y, 0, 100, "0123456789abcdefgh", 18);
    assert_looks("\n  234\n  234");
    inner = ui_clip(&canvas, (struct ui_rect){ 0, 0, 2, 3 }); /* narrows, never widens */
    ui_fill(&canvas, (struct ui_rect){ INT_MIN / 2, INT_MIN / 2, INT_MAX, INT_MAX }, UI_ROLE_BASE);
    assert_looks("\n   34\n  234");
    ui_unclip(&canvas, inner);
    ui_unclip(&canvas, was);
    ui_hline(&canvas, 3, -5, 100, UI_ROLE_FRAME);
    ui_vline(&canvas, -5, 11, 100, UI_ROLE_FRAME);
    text(100, 100, 5, "abc", 3);
    text(0, INT_MAX - 1, 5, "abc", 3);
    assert_looks("           │\n   34      │\n  234      │\n───────────│");
    ui_clip(&canvas, (struct ui_rect){ 50, 50, 5, 5 });
    text(0, 0, 5, "never", 5);
    ui_flag(&canvas, (struct ui_rect){ 0, 0, 4, 12 }, UI_MARKED);
    assert_int_equal(canvas.cell[0].flags, 0);
}

static void test_roles_and_flags_stay_with_the_cells(void **state)
{
    (void)state;
    canvas.flags = UI_CURSOR_ROW;
    text(0, 1, 5, "ab", 2);
    canvas.flags = 0;
    text(0, 2, 5, "c", 1);
    ui_flag(&canvas, (struct ui_rect){ 0, 1, 1, 1 }, UI_SHADE);
    assert_int_equal(canvas.cell[1].role, UI_ROLE_VALUE);
    assert_int_equal(canvas.cell[0].role, UI_ROLE_BASE);
    assert_int_equal(canvas.cell[1].flags, UI_CURSOR_ROW | UI_SHADE);
    assert_int_equal(canvas.cell[2].flags, 0);
    ui_canvas_clear(&canvas);
    assert_int_equal(canvas.cell[1].flags, 0);
}

static void test_text_is_wrapped_at_blanks(void **state)
{
    static const char s[] = "deletes 14 recovery points\n\nand uncommonlylongword x";
    struct ui_rect r = { 0, 1, 3, 11 };

    (void)state;
    assert_int_equal(ui_text_wrapped(&canvas, r, 0, UI_ROLE_BASE, s), 7);
    assert_looks(" deletes 14\n recovery\n points");
    ui_canvas_clear(&canvas);
    assert_int_equal(ui_text_wrapped(&canvas, r, 4, UI_ROLE_BASE, s), 7);
    assert_looks(" and\n uncommonlyl\n ongword x");
    assert_int_equal(ui_text_wrapped(NULL, r, 0, UI_ROLE_BASE, s), 7);
    assert_int_equal(ui_text_wrapped(NULL, r, 0, UI_ROLE_BASE, ""), 0);
    assert_int_equal(ui_text_wrapped(NULL, r, 0, UI_ROLE_BASE, "one\n"), 1);
    assert_int_equal(ui_text_wrapped(NULL, (struct ui_rect){ 0, 0, 3, 0 }, 0, UI_ROLE_BASE, "one"), 0);
    assert_int_equal(ui_text_wrapped(NULL, (struct ui_rect){ 0, 0, 3, 1 }, 0, UI_ROLE_BASE, "数x"), 2);

    ui_canvas_clear(&canvas);
    ui_text_wrapped(&canvas, (struct ui_rect){ 0, 0, 4, 12 }, 0, UI_ROLE_BASE, "a\tb\r\n\x1b[2Jx\n  indented");
    assert_looks("a b\n?[2Jx\n  indented");
}

static void test_the_ascii_alphabet_is_as_wide(void **state)
{
    (void)state;
    for (int g = 0; g < UI_G_COUNT_; g++) {
        const char *s = ui_glyph(UI_ASCII, (enum ui_glyph)g);

        assert_int_equal(ui_width(s), ui_width(ui_glyph(UI_UTF8, (enum ui_glyph)g)));
        for (; *s; s++)
            assert_in_range(*s, 0x20, 0x7e);
    }
    canvas.alphabet = UI_ASCII;
    text(0, 0, 5, "abcdef", 5);
    text(1, 0, 12, "a › b … ü", 9);          /* our own signs have a letter, names stay what they are */
    ui_box(&canvas, (struct ui_rect){ 2, 0, 2, 9 }, UI_ROLE_FRAME, "Job");
    assert_looks("abcd~\na > b ~ ü\n+- Job -+\n+-------+");
}

static void test_a_box_has_its_title_in_the_line(void **state)
{
    (void)state;
    text(1, 1, 12, "inside", 6);
    ui_box(&canvas, (struct ui_rect){ 0, 0, 3, 12 }, UI_ROLE_FRAME, "Very long");
    assert_looks("┌─ Very … ─┐\n│inside    │\n└──────────┘");
    ui_canvas_clear(&canvas);
    for (int h = 0; h < 3; h++)
        for (int w = 0; w < 7; w++)
            ui_box(&canvas, (struct ui_rect){ 0, 0, h, w }, UI_ROLE_FRAME, "Title");
    ui_box(&canvas, (struct ui_rect){ 2, 8, 2, 2 }, UI_ROLE_FRAME, NULL);
    assert_looks("┌────┐\n└────┘\n        ┌┐\n        └┘");
}

static void test_right_aligned_text_ends_at_the_edge(void **state)
{
    (void)state;
    assert_int_equal(ui_text_right(&canvas, 0, 2, 6, UI_ROLE_BASE, "12 MB"), 5);
    assert_int_equal(ui_text_right(&canvas, 1, 2, 4, UI_ROLE_BASE, "12 MB"), 4);
    assert_int_equal(ui_textf(&canvas, 2, 0, 9, UI_ROLE_BASE, "%d %s", 3, "jobs"), 6);
    assert_looks("   12 MB\n  12 …\n3 jobs");
}

static void test_sizes_are_kept_within_bounds(void **state)
{
    (void)state;
    ui_canvas_resize(&canvas, 0, -3);
    assert_int_equal(canvas.h, 1);
    assert_int_equal(canvas.w, 1);
    text(0, 0, 1, "数", 1);
    assert_looks("…");
    ui_canvas_resize(&canvas, 100000, 100000);
    assert_int_equal(canvas.h, UI_MAX_H);
    assert_int_equal(canvas.w, UI_MAX_W);
    text(UI_MAX_H - 1, UI_MAX_W - 1, 1, "x", 1);
    assert_string_equal(canvas.cell[UI_MAX_H * UI_MAX_W - 1].text, "x");
}

static void test_utf8_goes_to_characters_and_back(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= 0x10FFFF; c++) {
        char s[4];
        size_t n = kg_utf8_put(c, s);
        uint32_t back = 0;

        if (c >= 0xD800 && c < 0xE000) {
            assert_int_equal(kg_utf8_get(s, n, &back), 0);
            continue;
        }
        if (kg_utf8_get(s, n, &back) != n || back != c || (n > 1 && kg_utf8_get(s, n - 1, &back)))
            fail_msg("U+%04X", c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_text_that_does_not_fit_ends_in_an_ellipsis, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wide_characters_take_two_cells_and_are_never_split, setup, teardown),
        cmocka_unit_test_setup_teardown(test_marks_join_the_character_before_them, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_could_move_a_cursor_or_deceive_is_a_question_mark, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_lies_outside_of_the_clip_is_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(test_roles_and_flags_stay_with_the_cells, setup, teardown),
        cmocka_unit_test_setup_teardown(test_text_is_wrapped_at_blanks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_ascii_alphabet_is_as_wide, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_box_has_its_title_in_the_line, setup, teardown),
        cmocka_unit_test_setup_teardown(test_right_aligned_text_ends_at_the_edge, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sizes_are_kept_within_bounds, setup, teardown),
        cmocka_unit_test(test_utf8_goes_to_characters_and_back),
    };

    return cmocka_run_group_tests_name("ui_canvas", tests, NULL, NULL);
}
