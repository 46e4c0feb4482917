/* Themes: what is shipped can be read on every kind of terminal; what a user writes is understood or named with its line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "term/canvas.h"
#include "theme/theme.h"

static struct ui_theme shipped(const char *name)
{
    struct ui_theme t;
    struct kg_err err = { 0 };

    if (ui_theme_load(name, NULL, &t, &err) < 0)
        fail_msg("%s", err.msg);
    return t;
}

static struct ui_theme parsed(const char *text)
{
    struct ui_theme t;
    struct kg_err err = { 0 };

    if (ui_theme_parse("mine", text, NULL, &t, &err) < 0)
        fail_msg("%s", err.msg);
    return t;
}

static void assert_style(struct ui_style st, int fg, int bg, unsigned attrs)
{
    assert_int_equal(st.fg, fg);
    assert_int_equal(st.bg, bg);
    assert_int_equal(st.attrs, attrs);
}

/* WCAG 2: relative luminance and contrast. */
static double luminance(int colour)
{
    unsigned rgb = ui_theme_rgb(colour);
    double sum = 0;
    static const double weight[] = { 0.0722, 0.7152, 0.2126 };

    for (int i = 0; i < 3; i++, rgb >>= 8) {
        double c = (rgb & 0xff) / 255.0;

        sum += weight[i] * (c <= 0.03928 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4));
    }
    return sum;
}

static double contrast(int a, int b)
{
    double x = luminance(a), y = luminance(b);

    return x > y ? (x + 0.05) / (y + 0.05) : (y + 0.05) / (x + 0.05);
}

/* Lines, the rest of a bar, what is switched off or behind a dialog: seen, not read. */
static bool is_text(enum ui_role role)
{
    static const enum ui_role others[] = { UI_ROLE_FRAME, UI_ROLE_SHADE, UI_ROLE_PROGRESS_REST, UI_ROLE_COMMAND_OFF, UI_ROLE_BUTTON_OFF };

    for (size_t i = 0; i < KG_ARRAY_LEN(others); i++)
        if (others[i] == role)
            return false;
    return true;
}

static void test_the_palette_is_that_of_256_colours(void **state)
{
    (void)state;
    assert_int_equal(ui_theme_rgb(16), 0x000000);
    assert_int_equal(ui_theme_rgb(25), 0x005faf);
    assert_int_equal(ui_theme_rgb(208), 0xff8700);
    assert_int_equal(ui_theme_rgb(231), 0xffffff);
    assert_int_equal(ui_theme_rgb(232), 0x080808);
    assert_int_equal(ui_theme_rgb(255), 0xeeeeee);
    assert_true(fabs(contrast(16, 231) - 21) < 0.01);
}

static void test_text_of_the_shipped_themes_has_contrast(void **state)
{
    static const struct { const char *name; double text, other; } rows[] = {
        { "azure-dark", 4.5, 3 }, { "azure-light", 4.5, 2.5 }, { "deuteranopia", 4.5, 3 }, { "high-contrast", 7, 4.5 },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(rows); i++) {
        struct ui_theme t = shipped(rows[i].name);

        for (int r = 0; r < UI_ROLE_COUNT_; r++) {
            struct ui_style st = ui_theme_style(&t, (enum ui_role)r, 256);
            double want = is_text((enum ui_role)r) ? rows[i].text : rows[i].other;

            if (st.fg < 16 || st.bg < 16)    /* the first 16 are whatever the user made of them */
                fail_msg("%s: %s leaves a colour to the terminal", rows[i].name, ui_role_name((enum ui_role)r));
            if (contrast(st.fg, st.bg) < want)
                fail_msg("%s: %s has contrast %.2f", rows[i].name, ui_role_name((enum ui_role)r), contrast(st.fg, st.bg));
        }
        for (int r = UI_ROLE_STATE_OK; r <= UI_ROLE_STATE_OFF; r++) {            /* in a marked row */
            struct ui_style st = ui_cell_style(&t, &(struct ui_cell){ .role = (uint8_t)r, .flags = UI_MARKED }, 256);

            if (contrast(st.fg, st.bg) < rows[i].text)
                fail_msg("%s: %s has contrast %.2f in a marked row", rows[i].name, ui_role_name((enum ui_role)r),
                         contrast(st.fg, st.bg));
        }
    }
}

static bool same(struct ui_style a, struct ui_style b) { return a.fg == b.fg && a.bg == b.bg && a.attrs == b.attrs; }

static void test_roles_that_matter_stay_apart_with_any_number_of_colours(void **state)
{
    static const int colours[] = { 256, 16, 8, 0 };
    static const enum ui_role pairs[][2] = {
        { UI_ROLE_CURSOR, UI_ROLE_ITEM }, { UI_ROLE_MARKED, UI_ROLE_ITEM }, { UI_ROLE_CURSOR, UI_ROLE_MARKED },
        { UI_ROLE_FIELD, UI_ROLE_BASE }, { UI_ROLE_FIELD_FOCUS, UI_ROLE_FIELD }, { UI_ROLE_FIELD_ERROR, UI_ROLE_FIELD },
        { UI_ROLE_FIELD_ERROR, UI_ROLE_FIELD_FOCUS }, { UI_ROLE_BUTTON_FOCUS, UI_ROLE_BUTTON }, { UI_ROLE_BUTTON_OFF, UI_ROLE_BUTTON },
        { UI_ROLE_TAB_CURRENT, UI_ROLE_TAB }, { UI_ROLE_MENU_CURRENT, UI_ROLE_MENU }, { UI_ROLE_TITLE, UI_ROLE_BASE },
        { UI_ROLE_LINK, UI_ROLE_VALUE }, { UI_ROLE_HEADING, UI_ROLE_BASE }, { UI_ROLE_COMMAND_KEY, UI_ROLE_COMMAND },
        { UI_ROLE_COMMAND_OFF, UI_ROLE_COMMAND }, { UI_ROLE_STATUS_KEY, UI_ROLE_STATUS }, { UI_ROLE_STATE_WARNING, UI_ROLE_STATE_OK },
        { UI_ROLE_STATE_FAILED, UI_ROLE_STATE_OK }, { UI_ROLE_STATE_FAILED, UI_ROLE_STATE_WARNING },
        { UI_ROLE_STATE_BUSY, UI_ROLE_STATE_OK }, { UI_ROLE_FILTER, UI_ROLE_BASE },
    };

    (void)state;
    for (size_t i = 0; ui_theme_shipped(i); i++) {
        struct ui_theme t = shipped(ui_theme_shipped(i));

        for (size_t c = 0; c < KG_ARRAY_LEN(colours); c++)
            for (size_t p = 0; p < KG_ARRAY_LEN(pairs); p++)
                if (same(ui_theme_style(&t, pairs[p][0], colours[c]), ui_theme_style(&t, pairs[p][1], colours[c])))
                    fail_msg("%s, %d colours: %s looks like %s", ui_theme_shipped(i), colours[c], ui_role_name(pairs[p][0]),
                             ui_role_name(pairs[p][1]));
    }
}

static void test_no_role_becomes_invisible_with_few_colours(void **state)
{
    static const int colours[] = { 16, 8, 0 };

    (void)state;
    for (size_t i = 0; ui_theme_shipped(i); i++)
        for (size_t c = 0; c < KG_ARRAY_LEN(colours); c++)
            for (int r = 0; r < UI_ROLE_COUNT_; r++) {
                struct ui_theme t = shipped(ui_theme_shipped(i));
                struct ui_style st = ui_theme_style(&t, (enum ui_role)r, colours[c]);

                assert_in_range(st.fg + 1, 0, colours[c]);
                assert_in_range(st.bg + 1, 0, colours[c]);
                if (st.fg >= 0 && st.bg >= 0 && contrast(st.fg, st.bg) < 2.5)
                    fail_msg("%s, %d colours: %s is %d on %d", ui_theme_shipped(i), colours[c], ui_role_name((enum ui_role)r),
                             st.fg, st.bg);
            }
}

static void test_a_style_is_colours_and_attributes(void **state)
{
    struct ui_theme t = parsed("# a comment\n\n  item=red  # another\nlink = bright blue on default bold underline\r\n"
                               "field = 208 on 17 dim\ntab = on bright white reverse\nbase = default\nvalue =\n");

    (void)state;
    assert_style(t.role[UI_ROLE_ITEM], 1, -1, 0);
    assert_style(t.role[UI_ROLE_LINK], 12, -1, UI_BOLD | UI_UNDERLINE);
    assert_style(t.role[UI_ROLE_FIELD], 208, 17, UI_DIM);
    assert_style(t.role[UI_ROLE_TAB], -1, 15, UI_REVERSE);
    assert_style(t.role[UI_ROLE_VALUE], -1, -1, 0);
}

static void test_what_a_theme_leaves_out_is_the_parents(void **state)
{
    struct ui_theme t = parsed("base = 7 on 4\nitem = 3 bold\ncursor = on 2\nstate.failed = 1\n");

    (void)state;
    assert_style(t.role[UI_ROLE_MENU], 7, 4, 0);
    assert_style(t.role[UI_ROLE_ITEM], 3, 4, UI_BOLD);
    assert_style(t.role[UI_ROLE_MARKED], 3, 4, UI_BOLD);
    assert_style(t.role[UI_ROLE_CURSOR], 3, 2, 0);       /* a line's attributes are its own */
    assert_style(t.role[UI_ROLE_BUTTON_FOCUS], 3, 2, 0);
    assert_style(t.role[UI_ROLE_FIELD_ERROR], 1, 4, 0);  /* its parent stands further down in the table */
}

static void test_mistakes_name_their_line_and_leave_the_theme(void **state)
{
    static const struct { const char *text, *msg; } rows[] = {
        { "item = red\nitem red", "theme 'mine', line 2: 'item red' has no '='" },
        { "itme = red", "theme 'mine', line 1: there is no role 'itme'" },
        { "item = redd", "theme 'mine', line 1: 'redd' is no colour or attribute" },
        { "item = 256", "theme 'mine', line 1: '256' is no colour or attribute" },
        { "item = bright", "theme 'mine', line 1: 'bright' is no colour or attribute" },
        { "item = bright default", "theme 'mine', line 1: 'bright' is no colour or attribute" },
        { "item = red on", "theme 'mine', line 1: a colour is missing after 'on'" },
        { "item = red on on", "theme 'mine', line 1: 'on' is no colour or attribute" },
        { "item = red green", "theme 'mine', line 1: 'green' is one colour too many" },
        { "item = on red on green", "theme 'mine', line 1: 'green' is one colour too many" },
        { "item = red\ninherit = mono", "theme 'mine', line 2: 'inherit' stands behind other lines" },
        { "inherit = azure", "theme 'mine', line 1: there is no theme 'azure'; there are azure-dark, azure-light, deuteranopia, "
                             "high-contrast, mono, terminal" },
        { "inherit = ../mono", "theme 'mine', line 1: there is no theme '../mono'; there are azure-dark, azure-light, deuteranopia, "
                               "high-contrast, mono, terminal" },
    };
    char long_line[400];

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(rows); i++) {
        struct ui_theme t;
        struct kg_err err = { 0 };

        memset(&t, 7, sizeof t);
        assert_true(ui_theme_parse("mine", rows[i].text, NULL, &t, &err) < 0);
        assert_string_equal(err.msg, rows[i].msg);
        assert_true(*err.action);
        assert_int_equal(t.role[3].fg, 0x0707);
    }
    memset(long_line, 'x', sizeof long_line - 1);
    long_line[sizeof long_line - 1] = '\0';
    struct ui_theme t;
    struct kg_err err = { 0 };

    assert_true(ui_theme_parse("mine", long_line, NULL, &t, &err) < 0);
    assert_string_equal(err.msg, "theme 'mine', line 1: longer than 200 bytes");
}

static char dir[] = "/tmp/kg-themes-XXXXXX";

static void write_theme(const char *name, const char *text)
{
    KG_AUTO_FREE char *path = kg_xprintf("%s/%s.theme", dir, name);
    FILE *f = fopen(path, "we");

    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static void test_a_users_theme_comes_first_and_inherits(void **state)
{
    struct ui_theme t, azure = shipped("azure-dark");
    struct kg_err err = { 0 };

    (void)state;
    assert_non_null(mkdtemp(dir));
    write_theme("azure-dark", "inherit = azure-dark\nlink = 40\n");      /* the shipped one, not itself */
    assert_int_equal(ui_theme_load("azure-dark", dir, &t, &err), 0);
    assert_int_equal(t.role[UI_ROLE_LINK].fg, 40);
    assert_int_equal(t.role[UI_ROLE_LINK].bg, azure.role[UI_ROLE_BASE].bg);
    assert_memory_equal(&t.role[UI_ROLE_CURSOR], &azure.role[UI_ROLE_CURSOR], sizeof t.role[0]);

    write_theme("mine", "inherit = azure-dark\nitem = 41\n");
    assert_int_equal(ui_theme_load("mine", dir, &t, &err), 0);
    assert_int_equal(t.role[UI_ROLE_LINK].fg, 40);
    assert_int_equal(t.role[UI_ROLE_ITEM].fg, 41);

    write_theme("a", "inherit = b\n");
    write_theme("b", "inherit = a\n");
    assert_true(ui_theme_load("a", dir, &t, &err) < 0);
    assert_non_null(strstr(err.msg, "inherit each other"));

    err = (struct kg_err){ 0 };
    assert_true(ui_theme_load("none", dir, &t, &err) < 0);
    assert_int_equal(err.code, KG_E_NOT_FOUND);
    err = (struct kg_err){ 0 };
    KG_AUTO_FREE char *big = kg_xalloc(20000);

    memset(big, '\n', 19999);
    write_theme("big", big);
    assert_true(ui_theme_load("big", dir, &t, &err) < 0);
    assert_non_null(strstr(err.msg, "is not a theme"));
}

static int remove_dir(void **state)
{
    static const char *const names[] = { "azure-dark", "mine", "a", "b", "big" };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(names); i++) {
        KG_AUTO_FREE char *path = kg_xprintf("%s/%s.theme", dir, names[i]);

        unlink(path);
    }
    rmdir(dir);
    return 0;
}

static void test_fewer_colours_keep_the_hue(void **state)
{
    struct ui_theme t = parsed("item = 208\nlink = 25 on default\nvalue = 16 on 231\nfield = 235 on 16\n"
                               "marked = bright red\nmenu = bright black on black\n");

    (void)state;
    assert_style(ui_theme_style(&t, UI_ROLE_ITEM, 256), 208, -1, 0);
    assert_style(ui_theme_style(&t, UI_ROLE_LINK, 8), 4, -1, 0);           /* blue, not the nearer cyan */
    assert_style(ui_theme_style(&t, UI_ROLE_VALUE, 8), 0, 7, 0);
    assert_style(ui_theme_style(&t, UI_ROLE_VALUE, 16), 0, 15, 0);
    assert_style(ui_theme_style(&t, UI_ROLE_FIELD, 8), 7, 0, 0);           /* dark on dark */
    assert_style(ui_theme_style(&t, UI_ROLE_MARKED, 16), 9, -1, 0);
    assert_style(ui_theme_style(&t, UI_ROLE_MARKED, 8), 1, -1, UI_BOLD);
    assert_style(ui_theme_style(&t, UI_ROLE_MENU, 8), 7, 0, UI_BOLD);
}

static void test_without_colours_attributes_tell_roles_apart(void **state)
{
    struct ui_theme azure = shipped("azure-light"), mono = shipped("mono"), own = parsed("item = underline\n");

    (void)state;
    for (int r = 0; r < UI_ROLE_COUNT_; r++)
        assert_true(same(ui_theme_style(&azure, (enum ui_role)r, 0), ui_theme_style(&mono, (enum ui_role)r, 0)));
    assert_style(ui_theme_style(&own, UI_ROLE_ITEM, 0), -1, -1, UI_UNDERLINE);
}

static void test_a_row_under_the_cursor_looks_like_the_cursor(void **state)
{
    struct ui_theme t = parsed("base = 7 on 0\ncursor = 15 on 4\nmarked = 3 underline\nstate.failed = 1 bold\nshade = 8\n");
    struct ui_cell cell = { .text = "x", .role = UI_ROLE_STATE_FAILED };

    (void)state;
    assert_style(ui_cell_style(&t, &cell, 256), 1, 0, UI_BOLD);
    cell.flags = UI_CURSOR_ROW;
    assert_style(ui_cell_style(&t, &cell, 256), 15, 4, UI_BOLD);
    cell.flags = UI_MARKED;                  /* its state stays to be seen */
    assert_style(ui_cell_style(&t, &cell, 256), 1, 0, UI_BOLD | UI_UNDERLINE);
    cell.role = UI_ROLE_ITEM;
    assert_style(ui_cell_style(&t, &cell, 256), 3, 0, UI_UNDERLINE);
    cell.role = UI_ROLE_STATE_FAILED;
    cell.flags = UI_MARKED | UI_CURSOR_ROW;
    assert_style(ui_cell_style(&t, &cell, 256), 15, 4, UI_BOLD | UI_UNDERLINE);
    cell.flags |= UI_SHADE;
    assert_style(ui_cell_style(&t, &cell, 256), 8, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_palette_is_that_of_256_colours),
        cmocka_unit_test(test_text_of_the_shipped_themes_has_contrast),
        cmocka_unit_test(test_roles_that_matter_stay_apart_with_any_number_of_colours),
        cmocka_unit_test(test_no_role_becomes_invisible_with_few_colours),
        cmocka_unit_test(test_a_style_is_colours_and_attributes),
        cmocka_unit_test(test_what_a_theme_leaves_out_is_the_parents),
        cmocka_unit_test(test_mistakes_name_their_line_and_leave_the_theme),
        cmocka_unit_test_teardown(test_a_users_theme_comes_first_and_inherits, remove_dir),
        cmocka_unit_test(test_fewer_colours_keep_the_hue),
        cmocka_unit_test(test_without_colours_attributes_tell_roles_apart),
        cmocka_unit_test(test_a_row_under_the_cursor_looks_like_the_cursor),
    };

    return cmocka_run_group_tests_name("ui_theme", tests, NULL, NULL);
}
