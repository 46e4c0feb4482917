/* Forms: fields, steps, choices, what is sent and when; and how they look. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "crypto/secret.h"
#include "model/form.h"
#include "ui_form_bench.h"
#include "ui_golden.h"
#include "view/form_view.h"
#include "view/view.h"

/* ---- a form that has some of everything ---- */

static bool wants_more(const struct ui_form *f) { return ui_form_is(f, "more", "true"); }
static const char *after_name(const struct ui_form *f)
{
    static char text[100];

    snprintf(text, sizeof text, "%s%s", ui_form_value(f, "name"), *ui_form_value(f, "name") ? "-copy" : "");
    return text;
}
static const char *no_x(const struct ui_form *f, const char *value) { return (void)f, strchr(value, 'x') ? "No x." : NULL; }
static const char *refuse(const struct ui_form *f, const struct kg_json *item)
{
    return (void)f, kg_json_str(item, "why");
}

static const struct ui_source servers = { .path = "/subscriptions/{sub}/servers?g={group}", .label = "name", .help = "region",
                                          .refuse = refuse, .create = "create-server", .create_label = "Create new server",
                                          .create_arg = "{group}" };
static const struct ui_choice kinds[] = { { "one", "One", NULL }, { "two", "Two", NULL }, { "three", "Three", NULL },
                                          { NULL, NULL, NULL } };
static const struct ui_field first_fields[] = {
    { .name = "name", .label = "Name", .type = UI_FIELD_TEXT, .max = 20, .check = no_x },
    { .name = "copy", .label = "Copy", .type = UI_FIELD_TEXT, .initially = after_name },
    { .name = "more", .label = "More", .type = UI_FIELD_CHECK },
    { .name = "extra", .label = "Extra", .type = UI_FIELD_NUMBER, .shown = wants_more },
    { .name = "password", .label = "Password", .type = UI_FIELD_SECRET },
};
static const struct ui_field second_fields[] = {
    { .name = "group", .label = "Group", .type = UI_FIELD_TEXT, .initial = "g1" },
    { .name = "server", .label = "Server", .type = UI_FIELD_CHOICE, .source = &servers },
    { .name = "kind", .label = "Kind", .type = UI_FIELD_RADIO, .choice = kinds },
    { .name = "parts", .label = "Parts", .type = UI_FIELD_SET, .choice = kinds, .optional = true },
};
static const struct ui_step steps[] = {
    { .title = "First", .field = first_fields, .n_fields = KG_ARRAY_LEN(first_fields) },
    { .title = "Second", .field = second_fields, .n_fields = KG_ARRAY_LEN(second_fields) },
};

static bool submit(const struct ui_form *f, size_t i, struct ui_submit *ret)
{
    if (i > 1)
        return false;
    (void)ui_form_expand(f, i ? "/second/{name}" : "/first/{name}", true, ret->path);
    kg_buf_addf(ret->body, "{\"extra\":\"%s\"", ui_form_input_shown(f, 3) ? ui_form_value(f, "extra") : "-");
    if (i) {
        kg_buf_addf(ret->body, ",\"of\":\"%s\",\"password\":", kg_json_str_or(f->answers[0], "id", "?"));
        ui_form_add_secret(f, "password", ret->body);
    }
    kg_buf_adds(ret->body, "}");
    ret->doing = i ? "Making the second" : "Making the first";
    return true;
}
static void cli(const struct ui_form *f, struct kg_buf *ret)
{
    kg_buf_adds(ret, "keepgres make");
    ui_form_add_option(ret, "--name", ui_form_value(f, "name"));
    ui_form_add_option(ret, "--password", ui_form_value(f, "password"));
}
static const struct ui_form_kind form = { .step = steps, .n_steps = 2, .submit_label = "Make", .review = true, .submit = submit,
                                          .cli = cli, .succeeded = "{name} was made" };
static const struct ui_kind kind = { .name = "make", .title = "Make", .shape = UI_WIZARD, .family = UI_FORM, .data = &form };

/* ---- helpers ---- */

static const char *at(struct bench *b)
{
    bool on;

    return b->f->focus >= 0 ? b->f->input[b->f->focus].field->name
           : ui_form_on_button(b->f) ? ui_form_button(b->f, -1 - b->f->focus, &on) : "(other)";
}

static void fill_first(struct bench *b)
{
    type(b, "db\n\n\n");
    assert_string_equal(at(b), "password");
    type(b, "s3cr\"t\n");
    assert_string_equal(at(b), "Next");
    type(b, "\n");
    assert_int_equal(b->f->step, 1);
}

static const char two_servers[] = "{\"value\":[{\"id\":\"/s/alpha\",\"name\":\"alpha\",\"region\":\"here\"},"
                                  "{\"id\":\"/s/beta\",\"name\":\"beta\",\"why\":\"of another region\"},"
                                  "{\"id\":\"/s/gamma\",\"name\":\"gamma\"}]}";

/* The second step, with servers to choose from. */
static void to_servers(struct bench *b)
{
    start(b, &kind, NULL);
    fill_first(b);
    fake_answer(&b->h, "g=g1", two_servers);
}

static void fill_all(struct bench *b)
{
    fill_first(b);
    fake_answer(&b->h, "/servers", two_servers);
    type(b, "\n\n\n");                       /* group, open the list, choose alpha */
    assert_true(ui_form_is(b->f, "server", "/s/alpha"));
    type(b, "\t\t\t\n");
    assert_true(ui_form_is_review(b->f));
}

static void look(struct bench *b, int h, int w, enum ui_alphabet a, const char *name)
{
    struct ui_canvas c;
    struct ui_rect all = { 0, 0, h, w };

    ui_canvas_init(&c, h, w, a);
    ui_canvas_clear(&c);
    ui_form_view_draw(b->f, &c, b->f->base.kind->shape == UI_DIALOG ? ui_form_dialog_area(b->f, h, w) : all);
    golden(&c, name);
    ui_canvas_done(&c);
}

/* What the screen shows, as text; the caller frees. */
static char *screen(struct bench *b, int h, int w)
{
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(1 << 20);
    struct ui_canvas c;

    ui_canvas_init(&c, h, w, UI_UTF8);
    ui_canvas_clear(&c);
    ui_form_view_draw(b->f, &c, (struct ui_rect){ 0, 0, h, w });
    ui_canvas_print(&c, &text);
    ui_canvas_done(&c);
    return kg_buf_take(&text);
}

/* ---- fields ---- */

static void every_character_is_text_in_a_field(void **state)
{
    struct bench b;

    (void)state;
    start(&b, &kind, NULL);
    type(&b, "q?:jkG y");
    assert_true(ui_form_is(b.f, "name", "q?:jkG y"));
    key(&b, 0xE9);
    assert_true(ui_form_is(b.f, "name", "q?:jkG y\xC3\xA9"));
    type(&b, "\b\n");
    assert_string_equal(at(&b), "copy");
    key(&b, UI_KEY_UP);
    assert_string_equal(at(&b), "name");
    key(&b, UI_KEY_BACKTAB);
    key(&b, UI_KEY_BACKTAB);
    assert_string_equal(at(&b), "Cancel"); /* round the other way: the steps, then the last button */
    end(&b);
}

static void a_value_that_follows_from_another_stops_when_it_is_typed_over(void **state)
{
    struct bench b;

    (void)state;
    start(&b, &kind, NULL);
    type(&b, "ab");
    assert_true(ui_form_is(b.f, "copy", "ab-copy"));
    type(&b, "\n2\t");
    assert_true(ui_form_is(b.f, "copy", "ab-copy2"));
    ui_form_focus(b.f, 0);
    type(&b, "c");
    assert_true(ui_form_is(b.f, "name", "abc"));
    assert_true(ui_form_is(b.f, "copy", "ab-copy2"));
    end(&b);
}

static void errors_stand_there_once_the_field_was_left(void **state)
{
    struct bench b;

    (void)state;
    start(&b, &kind, NULL);
    type(&b, "ax");
    assert_null(ui_form_error(b.f, 0));
    type(&b, "\t");
    assert_string_equal(ui_form_error(b.f, 0), "No x.");
    ui_form_focus(b.f, 0);
    type(&b, "\b");
    assert_null(ui_form_error(b.f, 0));
    assert_null(ui_form_error(b.f, 4)); /* nobody was there yet */
    end(&b);
}

static void next_goes_to_what_is_wrong_and_marks_the_step(void **state)
{
    struct bench b;

    (void)state;
    start(&b, &kind, NULL);
    ui_form_press(b.f, UI_BUTTON_NEXT);
    assert_int_equal(b.f->step, 0);
    assert_string_equal(at(&b), "name");
    assert_int_equal(ui_form_step_state(b.f, 0), UI_FAILED);
    assert_string_equal(ui_form_error(b.f, 4), "A value is needed.");
    assert_false(ui_form_go(b.f, 1)); /* not reached */
    fill_first(&b);
    assert_int_equal(ui_form_step_state(b.f, 0), UI_OK);
    assert_true(ui_form_go(b.f, 0));
    assert_true(ui_form_go(b.f, 1));
    assert_int_equal(ui_form_step_state(b.f, 1), UI_NONE);
    end(&b);
}

static void what_is_hidden_is_neither_checked_nor_sent(void **state)
{
    struct bench b;

    (void)state;
    start(&b, &kind, NULL);
    type(&b, "db\n\n ");
    assert_true(ui_form_is(b.f, "more", "true"));
    assert_string_equal(ui_form_wrong(b.f, 3), "A value is needed.");
    type(&b, "\t4a2");
    assert_true(ui_form_is(b.f, "extra", "42")); /* a number has digits only */
    key(&b, UI_KEY_UP);
    type(&b, " \t");
    assert_string_equal(at(&b), "password");
    assert_null(ui_form_wrong(b.f, 3));
    assert_null(ui_form_review_label(b.f, 3));
    type(&b, "p\n\n");
    fake_answer(&b.h, "/servers", two_servers);
    type(&b, "\n\n\n\t\t\t\n\n");
    assert_string_equal(fake_find(&b.h, "/first")->body, "{\"extra\":\"-\"}");
    end(&b);
}

static void radios_checks_and_sets_are_turned_by_space(void **state)
{
    struct bench b;

    (void)state;
    start(&b, &kind, NULL);
    fill_first(&b);
    ui_form_focus(b.f, 7);
    assert_true(ui_form_is(b.f, "kind", "one"));
    type(&b, " ");
    assert_true(ui_form_is(b.f, "kind", "two"));
    key(&b, UI_KEY_LEFT);
    key(&b, UI_KEY_LEFT);
    assert_true(ui_form_is(b.f, "kind", "three"));
    type(&b, "\t");
    key(&b, UI_KEY_LEFT);
    type(&b, " ");
    key(&b, UI_KEY_RIGHT);
    type(&b, " ");
    assert_true(ui_form_is(b.f, "parts", "one,three"));
    type(&b, " ");
    assert_true(ui_form_is(b.f, "parts", "three"));
    end(&b);
}

/* ---- secrets ---- */

static void a_secret_is_in_no_value_review_command_or_screen(void **state)
{
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(1 << 16);
    KG_AUTO_FREE char *typed = NULL, *review = NULL;
    struct bench b;

    (void)state;
    start(&b, &kind, NULL);
    type(&b, "db\n\n\nhunter2");
    typed = screen(&b, 20, 78);
    assert_non_null(strstr(typed, "[*******"));
    type(&b, "\n\n");
    fake_answer(&b.h, "/servers", two_servers);
    type(&b, "\n\n\n\t\t\t\n");
    assert_string_equal(ui_form_value(b.f, "password"), "");
    ui_form_review_value(b.f, 4, &text);
    form.cli(b.f, &text);
    (void)ui_form_expand(b.f, "{password}", true, &text);
    ui_model_act(&b.f->base, UI_ACT_COPY);
    review = screen(&b, 30, 78);
    assert_null(strstr(text.p, "hunter2"));
    assert_null(strstr(typed, "hunter2"));
    assert_null(strstr(review, "hunter2"));
    assert_null(strstr(b.h.copied, "hunter2"));
    assert_null(b.f->input[4].edit.text);
    end(&b);
}

/* ---- choices ---- */

static void a_choice_filters_as_one_types_and_refuses_with_a_reason(void **state)
{
    struct bench b;

    (void)state;
    to_servers(&b);
    type(&b, "\n");
    assert_string_equal(at(&b), "server");
    type(&b, "BET");
    assert_true(b.f->pick.open);
    assert_int_equal(b.f->pick.n_shown, 2); /* beta, and "Create new" */
    assert_string_equal(ui_form_pick_row(b.f, 0).refused, "of another region");
    key(&b, UI_KEY_UP);
    type(&b, "\n");
    assert_true(b.f->pick.open);
    assert_true(ui_form_is(b.f, "server", ""));
    key(&b, UI_KEY_ESC);
    assert_false(b.f->pick.open);
    assert_false(b.h.is_closed);
    type(&b, "gam\n");
    assert_true(ui_form_is(b.f, "server", "/s/gamma"));
    assert_string_equal(ui_form_label(b.f, "server"), "gamma");
    end(&b);
}

static void a_late_answer_changes_nothing_that_was_chosen(void **state)
{
    struct bench b;

    (void)state;
    start(&b, &kind, NULL);
    fill_first(&b);
    ui_form_set(b.f, "server", "/s/mine", "mine");
    fake_answer(&b.h, "g=g1", "{\"value\":[{\"id\":\"/s/only\",\"name\":\"only\"}]}");
    assert_true(ui_form_is(b.f, "server", "/s/mine"));
    end(&b);
}

static void the_only_one_is_chosen_and_another_question_takes_it_back(void **state)
{
    struct bench b;
    struct fake_ask old;

    (void)state;
    start(&b, &kind, NULL);
    fill_first(&b);
    fake_answer(&b.h, "g=g1", "{\"value\":[{\"id\":\"/s/only\",\"name\":\"only\"}]}");
    assert_true(ui_form_is(b.f, "server", "/s/only"));
    type(&b, "2");
    assert_true(ui_form_is(b.f, "server", ""));
    old = *fake_find(&b.h, "g=g12");
    type(&b, "3");
    assert_false(b.h.ask[old.id - 1].waits); /* forgotten, and its answer, if it came, would be nobody's */
    fake_answer(&b.h, "g=g123", two_servers);
    assert_int_equal(b.f->input[6].n_options, 3);
    end(&b);
}

static void a_list_of_many_pages_is_fetched_to_its_end(void **state)
{
    struct bench b;

    (void)state;
    start(&b, &kind, NULL);
    fill_first(&b);
    fake_answer(&b.h, "g=g1", "{\"value\":[{\"id\":\"/s/a\",\"name\":\"a\"}],\"nextLink\":\"/page2\"}");
    assert_true(ui_form_is(b.f, "server", "")); /* not the only one, as far as one knows */
    fake_answer(&b.h, "/page2", "{\"value\":[{\"id\":\"/s/b\",\"name\":\"b\"}]}");
    assert_int_equal(b.f->input[6].n_options, 2);
    end(&b);
}

static void a_failed_list_says_why_and_is_asked_for_again(void **state)
{
    KG_AUTO_FREE char *shown = NULL;
    struct bench b;

    (void)state;
    start(&b, &kind, NULL);
    fill_first(&b);
    fake_fail(&b.h, "g=g1", KG_E_NO_SERVICE, "nobody listens");
    shown = screen(&b, 20, 78);
    assert_non_null(strstr(shown, "nobody listens"));
    ui_form_focus(b.f, 6);
    type(&b, "\n");
    fake_answer(&b.h, "g=g1", two_servers);
    assert_int_equal(b.f->pick.n_shown, 4);
    end(&b);
}

static void what_was_created_is_chosen_in_the_very_field(void **state)
{
    struct bench b;

    (void)state;
    to_servers(&b);
    type(&b, "\n\n");
    key(&b, UI_KEY_UP);
    key(&b, UI_KEY_PGDN);
    type(&b, "\n");
    assert_string_equal(b.h.opened, "create-server");
    assert_string_equal(b.h.opened_arg, "g1");
    ui_model_closed(&b.f->base, "create-server", "/s/new one");
    assert_string_equal(at(&b), "server");
    assert_true(ui_form_is(b.f, "server", "/s/new one"));
    assert_string_equal(ui_form_label(b.f, "server"), "new one");
    fake_answer(&b.h, "g=g1", two_servers); /* asked anew, and not there yet: it stays chosen */
    assert_true(ui_form_is(b.f, "server", "/s/new one"));
    end(&b);
}

static void creating_that_was_left_changes_nothing(void **state)
{
    struct bench b;

    (void)state;
    to_servers(&b);
    type(&b, "\ngamma\n\nzzz\n");
    assert_string_equal(b.h.opened, "create-server");
    ui_model_closed(&b.f->base, "create-server", NULL);
    assert_true(ui_form_is(b.f, "server", "/s/gamma"));
    end(&b);
}

/* ---- sending ---- */

static void calls_go_one_after_another_and_the_form_closes_with_what_was_made(void **state)
{
    struct bench b;

    (void)state;
    start(&b, &kind, NULL);
    fill_all(&b);
    assert_string_equal(at(&b), "Make");
    type(&b, "\n");
    assert_string_equal(fake_find(&b.h, "/first/db")->method, "PUT");
    assert_null(fake_find(&b.h, "/second"));
    assert_string_equal(b.f->doing, "Making the first");
    type(&b, "\n\n"); /* pressed again while it is under way */
    fake_answer(&b.h, "/first", "{\"id\":\"/made/db\"}");
    assert_string_equal(fake_find(&b.h, "/second/db")->body, "{\"extra\":\"-\",\"of\":\"/made/db\",\"password\":\"s3cr\\\"t\"}");
    fake_answer(&b.h, "/second", "{\"id\":\"/made/other\"}");
    assert_string_equal(b.h.closed, "/made/db");
    assert_string_equal(b.h.note, "db was made");
    assert_int_equal(b.h.n_asks, 3);
    assert_false(ui_model_dirty(&b.f->base));
    end(&b);
}

static void a_failed_call_leaves_the_form_and_what_was_made_is_not_made_twice(void **state)
{
    KG_AUTO_FREE char *shown = NULL;
    struct bench b;

    (void)state;
    start(&b, &kind, NULL);
    fill_all(&b);
    type(&b, "\n");
    fake_answer(&b.h, "/first", "{\"id\":\"/made/db\"}");
    fake_fail(&b.h, "/second", KG_E_CONFLICT, "'db' is in the way");
    assert_false(b.h.is_closed);
    shown = screen(&b, 20, 78);
    assert_non_null(strstr(shown, "'db' is in the way"));
    assert_non_null(strstr(shown, kg_code_arm(KG_E_CONFLICT)));
    type(&b, "\n");
    assert_null(fake_find(&b.h, "/first"));
    fake_answer(&b.h, "/second", "{}");
    assert_string_equal(b.h.closed, "/made/db");
    end(&b);
}

static void what_was_changed_after_a_failure_is_sent_anew(void **state)
{
    struct bench b;

    (void)state;
    start(&b, &kind, NULL);
    fill_all(&b);
    type(&b, "\n");
    fake_answer(&b.h, "/first", "{\"id\":\"/made/db\"}");
    fake_fail(&b.h, "/second", KG_E_CONFLICT, "no");
    assert_true(ui_form_go(b.f, 0));
    type(&b, "2");
    assert_true(ui_form_go(b.f, 2));
    type(&b, "\n");
    fake_answer(&b.h, "/first/db2", "{\"id\":\"/made/db2\"}");
    fake_answer(&b.h, "/second/db2", "{}");
    assert_string_equal(b.h.closed, "/made/db2");
    end(&b);
}

static void a_read_only_portal_sends_nothing(void **state)
{
    struct bench b;

    (void)state;
    start(&b, &kind, NULL);
    b.h.host.readonly = true;
    fill_all(&b);
    ui_form_submit(b.f);
    assert_int_equal(b.h.n_asks, 1);
    assert_false(b.f->sending);
    end(&b);
}

static void a_form_is_dirty_when_something_was_typed(void **state)
{
    struct bench b;

    (void)state;
    start(&b, &kind, NULL);
    assert_false(ui_model_dirty(&b.f->base));
    key(&b, UI_KEY_LEFT);
    assert_false(ui_model_dirty(&b.f->base));
    type(&b, "a");
    assert_true(ui_model_dirty(&b.f->base));
    assert_false(ui_model_act(&b.f->base, UI_ACT_BACK)); /* the host asks */
    end(&b);
}

/* ---- a grid ---- */

struct tree { bool open, marked; };
static size_t count(const struct ui_form *f) { return ((struct tree *)f->own)->open ? 30 : 2; }
static void cell(const struct ui_form *f, size_t row, size_t column, struct ui_shown *ret)
{
    bool child = ((struct tree *)f->own)->open && row > 0 && row < 29;

    if (column)
        snprintf(ret->text, sizeof ret->text, "%s", child ? "Success" : "");
    else if (child)
        snprintf(ret->text, sizeof ret->text, "db%02zu", row);
    else
        snprintf(ret->text, sizeof ret->text, "server%d", row > 0);
    ret->state = column && child ? UI_OK : UI_NONE;
}
static bool marked(const struct ui_form *f, size_t row) { return row == 1 && ((struct tree *)f->own)->marked; }
static int depth(const struct ui_form *f, size_t row) { return ((struct tree *)f->own)->open && row > 0 && row < 29; }
static enum ui_state node(const struct ui_form *f, size_t row)
{
    return depth(f, row) ? UI_NONE : row == 0 && ((struct tree *)f->own)->open ? UI_OK : UI_OFF;
}
static bool act(struct ui_form *f, size_t row, enum ui_action a)
{
    struct tree *t = f->own;

    if (a == UI_ACT_MARK)
        t->marked = row == 1;
    else if (row == 0)
        t->open = a == UI_ACT_RIGHT;
    return true;
}
static void aside(const struct ui_form *f, int width, struct kg_buf *ret)
{
    (void)f;
    kg_buf_addf(ret, "beside: %s\nsecond line\n", width > 30 ? "wide" : "narrow");
}
static const struct ui_column grid_columns[] = { { .title = "Database", .min = 10, .want = 30 },
                                                 { .title = "Readiness", .min = 10, .want = 20 } };
static const struct ui_grid grid = { .column = grid_columns, .n_columns = 2, .count = count, .cell = cell, .marked = marked,
                                     .depth = depth, .node = node, .act = act };
static const struct ui_field grid_fields[] = {
    { .name = "before", .label = "Before", .type = UI_FIELD_TEXT, .optional = true },
    { .name = "rows", .label = "Databases", .type = UI_FIELD_GRID },
    { .name = "after", .label = "Press me", .type = UI_FIELD_BUTTON },
};
static const struct ui_step grid_steps[] = { { .title = "Databases", .field = grid_fields, .n_fields = 3, .grid = &grid,
    .aside = aside } };
static const struct ui_form_kind grid_form = { .step = grid_steps, .n_steps = 1, .submit_label = "Go",
    .own_size = sizeof(struct tree) };
static const struct ui_kind grid_kind = { .name = "grid", .title = "Grid", .shape = UI_WIZARD, .family = UI_FORM, .data = &grid_form };

static void a_grid_is_walked_opened_and_left_over_its_ends(void **state)
{
    struct bench b;

    (void)state;
    start(&b, &grid_kind, NULL);
    key(&b, UI_KEY_DOWN);
    assert_string_equal(at(&b), "rows");
    key(&b, UI_KEY_RIGHT);
    key(&b, UI_KEY_DOWN);
    type(&b, " ");
    look(&b, 20, 78, UI_UTF8, "grid-80x24");
    look(&b, 20, 78, UI_ASCII, "grid-ascii");
    look(&b, 30, 118, UI_UTF8, "grid-120x36");
    key(&b, UI_KEY_END);
    assert_int_equal(b.f->grid.cursor, 29);
    look(&b, 20, 78, UI_UTF8, "grid-end-80x24");
    key(&b, UI_KEY_DOWN);
    assert_string_equal(at(&b), "after");
    key(&b, UI_KEY_UP);
    key(&b, UI_KEY_HOME);
    key(&b, UI_KEY_UP);
    assert_string_equal(at(&b), "before");
    end(&b);
}

static void no_size_is_too_small_to_be_drawn(void **state)
{
    struct bench b;

    (void)state;
    start(&b, &kind, NULL);
    for (int h = 0; h < 14; h++)
        for (int w = 0; w < 40; w += 3) {
            KG_AUTO_FREE char *shown = screen(&b, h, w);
            assert_non_null(shown);
            (void)ui_form_dialog_area(b.f, h, w);
        }
    end(&b);
}

static void the_field_with_the_keyboard_is_in_sight_on_a_low_screen(void **state)
{
    struct bench b;

    (void)state;
    start(&b, &kind, NULL);
    for (size_t i = 0; i < 5; i++) {
        KG_AUTO_FREE char *shown = NULL;

        ui_form_focus(b.f, (int)i);
        if (b.f->focus != (int)i)
            continue;
        shown = screen(&b, 7, 78);
        assert_non_null(strstr(shown, b.f->input[i].field->label));
    }
    end(&b);
}

static void clicks_go_to_fields_buttons_steps_and_rows(void **state)
{
    struct ui_rect all = { 0, 0, 20, 78 };
    struct bench b;

    (void)state;
    to_servers(&b);
    free(screen(&b, 20, 78));
    assert_true(ui_view_click(&b.f->base, all, 3, 30));
    assert_string_equal(at(&b), "server");
    type(&b, "\n");
    free(screen(&b, 20, 78));
    assert_true(ui_view_click(&b.f->base, all, 7, 30)); /* the third row under the field, in a frame */
    type(&b, "\n");
    assert_true(ui_form_is(b.f, "server", "/s/gamma"));
    assert_true(ui_view_click(&b.f->base, all, 19, 2));
    assert_true(ui_form_on_button(b.f));
    assert_false(ui_view_click(&b.f->base, all, 19, 70));
    assert_true(ui_view_click(&b.f->base, all, 0, 4));
    assert_int_equal(b.f->step, 0);
    free(screen(&b, 20, 78));
    assert_false(ui_view_click(&b.f->base, all, 15, 10));
    end(&b);
}

/* ---- vaults ---- */

static const char groups[] = "{\"value\":["
                             "{\"id\":\"/subscriptions/default/resourceGroups/default\",\"name\":\"default\",\"location\":\"local\"},"
                             "{\"id\":\"/subscriptions/default/resourceGroups/prod\",\"name\":\"prod\",\"location\":\"berlin\"}]}";

static void open_vault_wizard(struct bench *b)
{
    start(b, ui_kind_of_name("create-vault"), NULL);
    fake_answer(&b->h, "/resourceGroups", groups);
    type(b, "pro\n\tprod-vault");
    assert_true(ui_form_is(b->f, "region", "berlin"));
    fake_answer(&b->h, "/resourceGroups/prod/providers/Microsoft.DataProtection/backupVaults",
                "{\"value\":[{\"name\":\"Old-Vault\"}]}");
}

static void to_the_review(struct bench *b)
{
    ui_form_press(b->f, UI_BUTTON_NEXT);
    ui_form_press(b->f, UI_BUTTON_NEXT);
    assert_true(ui_form_is_review(b->f));
}

static void a_vault_is_put_and_its_recovery_key_told_once(void **state)
{
    struct bench b;
    struct fake_ask *put;

    (void)state;
    open_vault_wizard(&b);
    to_the_review(&b);
    type(&b, "\n");
    put = fake_find(&b.h, "/backupVaults/prod-vault");
    assert_true(put->follow);
    assert_string_equal(put->path,
                        "/subscriptions/default/resourceGroups/prod/providers/Microsoft.DataProtection/backupVaults/prod-vault");
    assert_string_equal(put->body,
        "{\"properties\":{\"storageSettings\":[{\"datastoreType\":\"VaultStore\",\"type\":\"LocallyRedundant\"}],"
        "\"securitySettings\":{\"softDeleteSettings\":{\"state\":\"On\",\"retentionDurationInDays\":14},"
        "\"immutabilitySettings\":{\"state\":\"Disabled\"}}},\"location\":\"berlin\",\"identity\":{\"type\":\"SystemAssigned\"}}");
    fake_answer(&b.h, "/backupVaults/prod-vault", "{\"id\":\"/v/prod-vault\",\"recoveryKey\":\"ABCD-EFGH-1234\"}");
    assert_false(b.h.is_closed);
    assert_true(ui_form_tells(b.f));
    assert_true(ui_model_dirty(&b.f->base));
    look(&b, 20, 78, UI_UTF8, "vault-key-80x24");
    type(&b, "\n");
    assert_string_equal(b.h.saved, "ABCD-EFGH-1234");
    assert_string_equal(at(&b), "I have it");
    type(&b, "\n");
    assert_string_equal(b.h.closed, "/v/prod-vault");
    assert_null(b.f->told);
    assert_false(ui_model_dirty(&b.f->base));
    end(&b);
}

static void a_vaults_archive_gets_a_directory_of_its_own(void **state)
{
    KG_AUTO_BUF struct kg_buf words = KG_BUF_INIT(4096);
    struct bench b;

    (void)state;
    open_vault_wizard(&b);
    ui_form_press(b.f, UI_BUTTON_NEXT);
    ui_form_set(b.f, "path", "/fast", NULL);
    ui_form_set(b.f, "archive", "true", NULL);
    ui_form_set(b.f, "archivePath", "/fast", NULL);
    ui_form_press(b.f, UI_BUTTON_NEXT);
    assert_int_equal(b.f->step, 1);
    assert_string_equal(ui_form_error(b.f, (size_t)b.f->focus), "A directory of its own, not the vault's.");
    ui_form_set(b.f, "archivePath", "/slow/archive", NULL);
    look(&b, 24, 78, UI_UTF8, "vault-archive-80x24");
    ui_form_press(b.f, UI_BUTTON_NEXT);
    assert_true(ui_form_is_review(b.f));
    look(&b, 24, 78, UI_UTF8, "vault-archive-review-80x24");
    b.f->kind->cli(b.f, &words);
    assert_non_null(strstr(words.p, "--store-path /fast --archive-path /slow/archive"));
    ui_form_submit(b.f);
    assert_non_null(strstr(fake_find(&b.h, "/backupVaults/prod-vault")->body,
                           "\"storeSettings\":{\"path\":\"/fast\",\"archivePath\":\"/slow/archive\"}"));
    end(&b);
}

/* What was typed for an archive that is not wanted any more is not sent. */
static void a_vault_without_an_archive_names_no_directory_for_it(void **state)
{
    struct bench b;

    (void)state;
    open_vault_wizard(&b);
    ui_form_press(b.f, UI_BUTTON_NEXT);
    ui_form_set(b.f, "archive", "true", NULL);
    ui_form_set(b.f, "archivePath", "/slow/archive", NULL);
    ui_form_set(b.f, "archive", "false", NULL);
    ui_form_press(b.f, UI_BUTTON_NEXT);
    ui_form_submit(b.f);
    assert_null(strstr(fake_find(&b.h, "/backupVaults/prod-vault")->body, "rchive"));
    end(&b);
}

static void a_vaults_name_that_is_taken_is_refused(void **state)
{
    struct bench b;

    (void)state;
    open_vault_wizard(&b);
    ui_form_set(b.f, "name", "old-vault", NULL);
    ui_form_press(b.f, UI_BUTTON_NEXT);
    assert_int_equal(b.f->step, 0);
    assert_non_null(strstr(ui_form_error(b.f, (size_t)b.f->focus), "has a Backup vault of this name already. Choose another"));
    end(&b);
}

static void the_vaults_steps_look_as_they_should(void **state)
{
    struct bench b;

    (void)state;
    open_vault_wizard(&b);
    look(&b, 20, 78, UI_UTF8, "vault-basics-80x24");
    look(&b, 20, 78, UI_ASCII, "vault-basics-ascii");
    look(&b, 30, 98, UI_UTF8, "vault-basics-120x36");
    ui_form_focus(b.f, 1);
    type(&b, "\n");
    look(&b, 20, 78, UI_UTF8, "vault-groups-80x24");
    look(&b, 20, 78, UI_ASCII, "vault-groups-ascii");
    key(&b, UI_KEY_ESC);
    ui_form_set(b.f, "name", "9", NULL);
    ui_form_press(b.f, UI_BUTTON_NEXT);
    look(&b, 20, 78, UI_UTF8, "vault-wrong-80x24");
    ui_form_set(b.f, "name", "prod-vault", NULL);
    ui_form_press(b.f, UI_BUTTON_NEXT);
    look(&b, 20, 78, UI_UTF8, "vault-properties-80x24");
    ui_form_set(b.f, "immutability", "Locked", NULL);
    look(&b, 30, 98, UI_UTF8, "vault-properties-120x36");
    look(&b, 12, 78, UI_UTF8, "vault-properties-low");
    ui_form_press(b.f, UI_BUTTON_NEXT);
    look(&b, 20, 78, UI_UTF8, "vault-review-80x24");
    look(&b, 20, 78, UI_ASCII, "vault-review-ascii");
    type(&b, "c");
    look(&b, 20, 78, UI_UTF8, "vault-commands-80x24");
    end(&b);
}

static void deleting_a_vault_asks_for_its_name_and_begins_at_cancel(void **state)
{
    struct bench b;
    bool on;

    (void)state;
    start(&b, ui_kind_of_name("delete-vault"),
          "/subscriptions/default/resourceGroups/g/providers/Microsoft.DataProtection/backupVaults/v1");
    assert_string_equal(at(&b), "Cancel");
    look(&b, 24, 80, UI_UTF8, "vault-delete-80x24");
    ui_form_button(b.f, UI_BUTTON_SUBMIT, &on);
    assert_false(on);
    ui_form_submit(b.f);
    assert_int_equal(b.h.n_asks, 0);
    ui_form_focus(b.f, UI_FOCUS_TYPED);
    type(&b, "V1");
    ui_form_button(b.f, UI_BUTTON_SUBMIT, &on);
    assert_false(on);
    type(&b, "\b\bv1\n");
    assert_string_equal(at(&b), "Delete");
    type(&b, "\n");
    assert_string_equal(fake_find(&b.h, "backupVaults/v1")->method, "DELETE");
    fake_answer(&b.h, "backupVaults/v1", NULL);
    assert_true(b.h.is_closed);
    assert_string_equal(b.h.closed, b.f->base.arg);
    end(&b);
}

static void a_group_is_created_in_a_dialog(void **state)
{
    struct bench b;

    (void)state;
    start(&b, ui_kind_of_name("create-group"), NULL);
    fake_answer(&b.h, "/resourceGroups", groups);
    look(&b, 24, 80, UI_UTF8, "group-create-80x24");
    type(&b, "PROD\n\n");
    type(&b, "\n");
    assert_int_equal(b.h.n_asks, 1); /* it is there already, whatever the case */
    assert_string_equal(at(&b), "name");
    type(&b, "2\n\n\n");
    assert_string_equal(fake_find(&b.h, "/subscriptions/default/resourceGroups/PROD2")->body, "{\"location\":\"local\"}");
    fake_answer(&b.h, "PROD2", "{\"id\":\"/subscriptions/default/resourceGroups/PROD2\"}");
    assert_string_equal(b.h.closed, "/subscriptions/default/resourceGroups/PROD2");
    end(&b);
}

#define T(name) cmocka_unit_test(name)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(every_character_is_text_in_a_field), T(a_value_that_follows_from_another_stops_when_it_is_typed_over),
        T(errors_stand_there_once_the_field_was_left), T(next_goes_to_what_is_wrong_and_marks_the_step),
        T(what_is_hidden_is_neither_checked_nor_sent), T(radios_checks_and_sets_are_turned_by_space),
        T(a_secret_is_in_no_value_review_command_or_screen), T(a_choice_filters_as_one_types_and_refuses_with_a_reason),
        T(a_late_answer_changes_nothing_that_was_chosen), T(the_only_one_is_chosen_and_another_question_takes_it_back),
        T(a_list_of_many_pages_is_fetched_to_its_end), T(a_failed_list_says_why_and_is_asked_for_again),
        T(what_was_created_is_chosen_in_the_very_field), T(creating_that_was_left_changes_nothing),
        T(calls_go_one_after_another_and_the_form_closes_with_what_was_made),
        T(a_failed_call_leaves_the_form_and_what_was_made_is_not_made_twice), T(what_was_changed_after_a_failure_is_sent_anew),
        T(a_read_only_portal_sends_nothing), T(a_form_is_dirty_when_something_was_typed),
        T(a_grid_is_walked_opened_and_left_over_its_ends), T(no_size_is_too_small_to_be_drawn),
        T(clicks_go_to_fields_buttons_steps_and_rows),
        T(the_field_with_the_keyboard_is_in_sight_on_a_low_screen),
        T(a_vault_is_put_and_its_recovery_key_told_once), T(a_vaults_name_that_is_taken_is_refused),
        T(a_vaults_archive_gets_a_directory_of_its_own), T(a_vault_without_an_archive_names_no_directory_for_it),
        T(the_vaults_steps_look_as_they_should), T(deleting_a_vault_asks_for_its_name_and_begins_at_cancel),
        T(a_group_is_created_in_a_dialog),
    };

    kg_crypto_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
