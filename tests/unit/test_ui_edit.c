/* One line of text that is typed, and secrets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "crypto/secret.h"
#include "model/edit.h"

static bool key(struct ui_edit *e, uint32_t k) { return ui_edit_type(e, &(struct ui_event){ .kind = UI_EV_KEY, .key = k }); }
static bool paste(struct ui_edit *e, uint32_t k) { return ui_edit_type(e, &(struct ui_event){ .kind = UI_EV_PASTE, .key = k }); }

static void type(struct ui_edit *e, const char *ascii)
{
    for (; *ascii; ascii++)
        assert_true(key(e, (uint32_t)*ascii));
}

static void characters_of_any_length_are_typed_and_taken_back_whole(void **state)
{
    struct ui_edit e;

    (void)state;
    ui_edit_init(&e, 0, false);
    assert_true(key(&e, 'a') && key(&e, 0xE9) && key(&e, 0x20AC) && key(&e, 0x1F600));
    assert_string_equal(ui_edit_text(&e), "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
    key(&e, UI_KEY_LEFT);
    key(&e, UI_KEY_BACKSPACE);
    assert_string_equal(ui_edit_text(&e), "a\xC3\xA9\xF0\x9F\x98\x80");
    key(&e, UI_KEY_DELETE);
    assert_string_equal(ui_edit_text(&e), "a\xC3\xA9");
    key(&e, UI_KEY_HOME);
    key(&e, UI_KEY_RIGHT);
    key(&e, UI_KEY_RIGHT);
    assert_int_equal(e.cursor, 3);
    key(&e, UI_KEY_RIGHT);
    assert_int_equal(e.cursor, 3);
    ui_edit_done(&e);
}

static void the_usual_keys_cut_before_behind_and_by_words(void **state)
{
    struct ui_edit e;

    (void)state;
    ui_edit_init(&e, 0, false);
    type(&e, "one two  ");
    key(&e, UI_CTRL('w'));
    assert_string_equal(ui_edit_text(&e), "one ");
    type(&e, "xyz");
    key(&e, UI_KEY_LEFT);
    key(&e, UI_CTRL('k'));
    assert_string_equal(ui_edit_text(&e), "one xy");
    key(&e, UI_KEY_LEFT);
    key(&e, UI_CTRL('u'));
    assert_string_equal(ui_edit_text(&e), "y");
    assert_int_equal(e.cursor, 0);
    key(&e, UI_CTRL('e'));
    assert_int_equal(e.cursor, 1);
    ui_edit_done(&e);
}

static void keys_of_a_form_are_left_to_it(void **state)
{
    static const uint32_t others[] = { UI_KEY_TAB, UI_KEY_ENTER, UI_KEY_ESC, UI_KEY_UP, UI_KEY_DOWN, UI_KEY_F1, UI_KEY_BACKTAB,
                                       UI_CTRL('p'), UI_CTRL('l'), UI_KEY_PGDN };
    struct ui_edit e;

    (void)state;
    ui_edit_init(&e, 0, false);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(key(&e, others[i]));
    assert_int_equal(e.len, 0);
    ui_edit_done(&e);
}

static void what_is_pasted_is_text_and_never_a_command(void **state)
{
    struct ui_edit e;

    (void)state;
    ui_edit_init(&e, 0, false);
    assert_true(paste(&e, 'a') && paste(&e, '\n') && paste(&e, 27) && paste(&e, 0x9B) && paste(&e, 'b') && paste(&e, UI_CTRL('u')));
    assert_string_equal(ui_edit_text(&e), "a b");
    ui_edit_done(&e);
}

static void what_is_too_long_is_not_taken_and_never_cut_inside_a_character(void **state)
{
    struct ui_edit e;

    (void)state;
    ui_edit_init(&e, 4, false);
    type(&e, "abc");
    key(&e, 0x20AC);
    assert_string_equal(ui_edit_text(&e), "abc");
    ui_edit_set(&e, "ab\xE2\x82\xAC");
    assert_string_equal(ui_edit_text(&e), "ab");
    ui_edit_done(&e);
}

static void a_secret_stands_in_its_secret_alone_and_shows_dots(void **state)
{
    struct ui_edit e;
    KG_AUTO_FREE char *shown = NULL;

    (void)state;
    ui_edit_init(&e, 0, true);
    assert_null(e.secret);
    type(&e, "hunterx");
    key(&e, UI_KEY_BACKSPACE);
    key(&e, 0xE9);
    assert_null(e.text);
    assert_string_equal(ui_edit_text(&e), "");
    assert_int_equal(kg_secret_size(e.secret), 8);
    assert_memory_equal(kg_secret_open(e.secret), "hunter\xC3\xA9", 8);
    kg_secret_shut(e.secret);
    shown = ui_edit_shown(&e);
    assert_string_equal(shown, "*******");
    key(&e, UI_KEY_LEFT);
    assert_int_equal(ui_edit_shown_cursor(&e), 6);
    key(&e, UI_CTRL('w')); /* goes to the beginning: nobody learns where words end */
    assert_int_equal(kg_secret_size(e.secret), 2);
    key(&e, UI_KEY_DELETE);
    assert_null(e.secret);
    ui_edit_done(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters_of_any_length_are_typed_and_taken_back_whole),
        cmocka_unit_test(the_usual_keys_cut_before_behind_and_by_words),
        cmocka_unit_test(keys_of_a_form_are_left_to_it),
        cmocka_unit_test(what_is_pasted_is_text_and_never_a_command),
        cmocka_unit_test(what_is_too_long_is_not_taken_and_never_cut_inside_a_character),
        cmocka_unit_test(a_secret_stands_in_its_secret_alone_and_shows_dots),
    };

    kg_crypto_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
