/* The portal at moments that are not usual: before the service answers, while it is slow, when it is newer, when something is closed
 * under what lies on it, when the clock is set back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "crypto/crypto.h"
#include "shell/parts.h"
#include "ui_recorded.h"

/* A list that is only a tab of a page, and a dialog's list, are seen there. */
static bool is_page(const struct ui_kind *k)
{
    return k->shape == UI_PAGE && k->family != UI_READER && (k->found_by || *recorded_argument(k->name));
}

/* Members that are not known are passed over; a word that is not known is shown as it is. */
static void test_what_a_newer_service_says_is_shown(void **state)
{
    static const struct recorded_change newer[] = {
        { "\"properties\": {", "\"properties\": {\"newThing\": [{\"x\": null}], " },
        { "\"properties\":{", "\"properties\":{\"newThing\":[1]," },
        { "\"Completed\"", "\"HibernatingNow\"" }, { "\"ProtectionConfigured\"", "\"ProtectionDreaming\"" },
        { "\"AzureRetentionRule\"", "\"QuantumRetentionRule\"" }, { "\"AzureBackupRule\"", "\"QuantumBackupRule\"" }, { NULL, NULL },
    };
    static const struct { const char *page, *shows; } words[] = { { "backup-jobs", "Hibernating now" },
                                                                  { "backup-instances", "Protection dreaming" } };
    const struct ui_kind *k;
    struct recorded r;

    (void)state;
    recorded_open(&r, "", 36, 120, UI_UTF8);
    r.changes = newer;
    for (size_t i = 0; (k = ui_kind_at(i)); i++)
        if (is_page(k)) {
            ui_open(ui_shell_top(&r.shell), k->name, recorded_argument(k->name));
            recorded_settle(&r);
            recorded_draw(&r);
            if (r.shell.n_notes || ui_shell_top(&r.shell)->stale)
                fail_msg("%s", k->name);
            recorded_key(&r, UI_KEY_ESC);
        }
    for (size_t i = 0; i < KG_ARRAY_LEN(words); i++) {
        ui_open(ui_shell_top(&r.shell), words[i].page, "");
        recorded_settle(&r);
        assert_true(recorded_shows(&r, words[i].shows));
    }
    recorded_close(&r);
}

/* Nothing is answered yet. */
static void begin_unanswered(struct recorded *r, const char *page)
{
    struct ui_transport t = { .send = recorded_send, .cancel = recorded_cancel, .health = recorded_health, .ctx = r };

    memset(r, 0, sizeof *r);
    r->now = (int64_t)1795273500 * 1000000;
    ui_canvas_init(&r->canvas, 24, 80, UI_UTF8);
    ui_shell_init(&r->shell, &t, page, false, r->now);
}

static void press_unanswered(struct recorded *r, uint32_t key)
{
    ui_shell_event(&r->shell, &(struct ui_event){ .kind = UI_EV_KEY, .key = key }, r->now);
}

static void test_a_page_chosen_before_the_service_answers_is_opened_when_it_does(void **state)
{
    static const struct { const char *typed, *kind; } cases[] = { { "create policy", "create-policy" }, { "key vaults", "key-vaults" } };
    struct recorded r;

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        begin_unanswered(&r, "");
        press_unanswered(&r, UI_CTRL('p'));
        for (const char *p = cases[i].typed; *p; p++)
            press_unanswered(&r, (unsigned char)*p);
        press_unanswered(&r, UI_KEY_ENTER);
        assert_null(ui_shell_top(&r.shell));
        assert_int_equal(r.n_calls, 1);      /* the subscription is not known yet: nothing else can be asked */
        recorded_settle(&r);
        assert_string_equal(ui_shell_top(&r.shell)->kind->name, cases[i].kind);
        recorded_close(&r);
    }
}

static void test_esc_leaves_a_wizard_that_the_portal_was_started_with(void **state)
{
    struct recorded r;

    (void)state;
    recorded_open(&r, "create-vault", 24, 80, UI_UTF8);
    assert_string_equal(ui_shell_top(&r.shell)->kind->name, "create-vault");
    recorded_key(&r, UI_KEY_ESC);
    assert_string_equal(ui_shell_top(&r.shell)->kind->name, "overview");
    recorded_key(&r, UI_KEY_ESC);
    assert_string_equal(ui_shell_top(&r.shell)->kind->name, "overview");
    recorded_close(&r);
}

/* Woken in the past, the loop would never rest. */
static void test_a_slow_service_is_waited_for_without_a_busy_loop(void **state)
{
    const struct ui_kind *k;
    struct recorded r;

    (void)state;
    for (size_t i = 0; (k = ui_kind_at(i)); i++) {
        if (!is_page(k))
            continue;
        recorded_open(&r, "", 24, 80, UI_UTF8);
        ui_open(ui_shell_top(&r.shell), k->name, recorded_argument(k->name));
        for (int s = 0; s < 100; s += 5) {
            r.now += 5 * 1000000;
            ui_shell_tick(&r.shell, r.now);
            if (ui_shell_wake(&r.shell) <= r.now)
                fail_msg("%s, after %d seconds", k->name, s);
        }
        recorded_close(&r);
    }
}

static void test_a_clock_that_is_set_back_stops_no_page(void **state)
{
    static const char *const pages[] = { "overview", "backup-jobs", "backup-job", "backup-instance" };
    struct recorded r;

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(pages); i++) {
        size_t asked;

        recorded_open(&r, "servers", 24, 80, UI_UTF8);
        ui_open(ui_shell_top(&r.shell), pages[i], recorded_argument(pages[i]));
        recorded_settle(&r);
        r.now -= 7200LL * 1000000;
        assert_true(ui_shell_is_due(&r.shell, r.now));
        ui_shell_tick(&r.shell, r.now);
        asked = r.calls;
        recorded_settle(&r);
        for (int s = 0; s < 90; s++) {
            r.now += 1000000;
            ui_shell_tick(&r.shell, r.now);
            recorded_settle(&r);
        }
        if (r.calls < asked + 2 || ui_shell_wake(&r.shell) > r.now + 60LL * 1000000)
            fail_msg("%s: %d calls in 90 seconds", pages[i], (int)(r.calls - asked));
        recorded_close(&r);
    }
}

/* The answer that closes a wizard comes while it is asked whether to leave it: what is left is not left as well. */
static void test_a_question_goes_with_what_it_was_about(void **state)
{
    struct recorded r;
    struct ui_host *h = &r.shell.host;

    (void)state;
    recorded_open(&r, "backup-vaults", 24, 80, UI_UTF8);
    recorded_type(&r, "c\tmine");
    recorded_key(&r, UI_KEY_ESC);
    assert_true(recorded_shows(&r, "Leave?"));
    h->ops->close(h, ui_shell_top(&r.shell), "made");
    ui_shell_event(&r.shell, &(struct ui_event){ .kind = UI_EV_RESIZE }, r.now);
    assert_false(recorded_shows(&r, "Leave?"));
    recorded_key(&r, UI_KEY_ENTER);
    recorded_close(&r);
}

static void test_a_command_is_not_given_to_a_page_that_closed_under_the_palette(void **state)
{
    struct recorded r;
    struct ui_host *h = &r.shell.host;

    (void)state;
    recorded_open(&r, "backup-jobs", 24, 80, UI_UTF8);
    ui_open(ui_shell_top(&r.shell), "backup-vaults", "");
    recorded_settle(&r);
    recorded_type(&r, ":create-vault");
    assert_ptr_equal(r.shell.palette.found[0].of, ui_shell_top(&r.shell));
    h->ops->close(h, ui_shell_top(&r.shell), NULL);
    ui_shell_event(&r.shell, &(struct ui_event){ .kind = UI_EV_RESIZE }, r.now);
    recorded_key(&r, UI_KEY_ENTER);
    assert_string_equal(ui_shell_top(&r.shell)->kind->name, "backup-jobs");
    recorded_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_page_chosen_before_the_service_answers_is_opened_when_it_does),
        cmocka_unit_test(test_esc_leaves_a_wizard_that_the_portal_was_started_with),
        cmocka_unit_test(test_a_slow_service_is_waited_for_without_a_busy_loop),
        cmocka_unit_test(test_a_clock_that_is_set_back_stops_no_page),
        cmocka_unit_test(test_a_question_goes_with_what_it_was_about),
        cmocka_unit_test(test_a_command_is_not_given_to_a_page_that_closed_under_the_palette),
        cmocka_unit_test(test_what_a_newer_service_says_is_shown),
    };

    kg_crypto_start();
    return cmocka_run_group_tests_name("ui_moments", tests, NULL, NULL);
}
