/* What Configure backup opens: the choice of databases, of a secret, and what mends databases that are not ready. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ui_configure_bench.h"

static void type(struct bench *b, const char *text)
{
    for (; *text; text++)
        fake_type(&b->f->base, ui_form_keys(b->f), (char[]){ *text, 0 });
}

/* ---- select databases ---- */

static void to_servers(struct bench *b)
{
    start(b, &ui_wizard_select_databases, "{\"vault\":\"" VAULT "\",\"region\":\"local\",\"secrets\":[],\"taken\":[\"" SERVER
          "/databases/taken\"]}");
    fake_answer(&b->h, "flexibleServers", "{\"value\":[{\"id\":\"" GROUP "/Microsoft.DBforPostgreSQL/flexibleServers/flex\",\"name\":"
                "\"flex\",\"location\":\"LOCAL\"},{\"id\":\"/x/servers/far\",\"name\":\"far\",\"location\":\"mars\"}]}");
    fake_answer(&b->h, "/servers", "{\"value\":[],\"nextLink\":\"/more/servers\"}");
    fake_answer(&b->h, "/more/servers", "{\"value\":[{\"id\":\"" SERVER "\",\"name\":\"pg1\",\"location\":\"local\"}]}");
}

static const char databases[] =
    "{\"value\":[{\"name\":\"shop\",\"selectable\":true},"
    "{\"name\":\"taken\",\"selectable\":true},{\"name\":\"azure_sys\",\"selectable\":false,"
    "\"reason\":\"It is a system database.\"},{\"name\":\"crm\",\"selectable\":false,\"reason\":\"…\",\"protectedBy\":\"" GROUP
    "/Microsoft.DataProtection/backupVaults/v9/backupInstances/i\"},{\"name\":\"shelf\",\"selectable\":true}]}";

static void open_pg1(struct bench *b)
{
    to_servers(b);
    act(b, UI_ACT_DOWN);
    act(b, UI_ACT_OPEN);
    assert_string_equal(b->h.opened, "assign-key-vault");
    ui_model_closed(&b->f->base, "assign-key-vault", "{\"uri\":\"" URI "\",\"keyVaultId\":\"" KEYVAULT "\"}");
    assert_true(fake_find(&b->h, SERVER "/listDatabases")->follow);
    assert_non_null(strstr(fake_find(&b->h, "listDatabases")->body, "\"vaultId\":\"" VAULT "\""));
}

static size_t lines(struct bench *b) { return b->f->kind->step[0].grid->count(b->f); }

static void a_server_is_asked_with_a_secret_that_is_asked_for_once(void **state)
{
    struct bench b;

    (void)state;
    open_pg1(&b);
    assert_int_equal(lines(&b), 2);
    fake_answer(&b.h, "listDatabases", databases);
    assert_int_equal(lines(&b), 7);
    picture(&b, "configure-select-80x24");
    act(&b, UI_ACT_LEFT);
    assert_int_equal(lines(&b), 2);
    b.h.opened[0] = '\0';
    act(&b, UI_ACT_RIGHT);
    assert_string_equal(b.h.opened, "");
    assert_int_equal(lines(&b), 7);
    assert_int_equal(waiting(&b, "listDatabases"), 0);
    end(&b);
}

static void what_cannot_be_chosen_is_not_and_the_rest_is_added(void **state)
{
    struct bench b;

    (void)state;
    open_pg1(&b);
    fake_answer(&b.h, "listDatabases", databases);
    press(&b, UI_BUTTON_SUBMIT);
    assert_false(b.h.is_closed);             /* nothing is selected yet */
    assert_true(pictured(&b.f->base, 24, 80, "✗ Select at least one database: open a server with Enter, select with Space."));
    ui_form_focus(b.f, 0);
    assert_false(ui_model_dirty(&b.f->base));
    act(&b, UI_ACT_MARK_ALL);
    assert_true(ui_model_dirty(&b.f->base));
    press(&b, UI_BUTTON_SUBMIT);
    assert_false(ui_model_dirty(&b.f->base));
    assert_string_equal(b.h.closed, "{\"rows\":[{\"serverId\":\"" SERVER "\",\"database\":\"shop\",\"uri\":\"" URI
                        "\",\"keyVaultId\":\"" KEYVAULT "\"},{\"serverId\":\"" SERVER
                        "\",\"database\":\"shelf\",\"uri\":\"" URI "\",\"keyVaultId\":\"" KEYVAULT
                        "\"}],\"secrets\":[{\"server\":\"" SERVER "\",\"uri\":\"" URI "\",\"keyVaultId\":\"" KEYVAULT "\"}]}");
    end(&b);
}

static void a_server_whose_secret_is_known_is_listed_at_once(void **state)
{
    struct bench b;

    (void)state;
    start(&b, &ui_wizard_select_databases, "{\"vault\":\"" VAULT "\",\"region\":\"local\",\"secrets\":[{\"server\":\"" SERVER
          "\",\"uri\":\"" URI "\",\"keyVaultId\":\"" KEYVAULT "\"}],\"taken\":[]}");
    fake_answer(&b.h, "flexibleServers", "{\"value\":[{\"id\":\"/x/flexibleServers/flex\",\"name\":\"flex\",\"location\":\"local\"}]}");
    assert_int_equal(waiting(&b, "listDatabases"), 0);       /* the other list is under way */
    fake_answer(&b.h, "/servers", "{\"value\":[{\"id\":\"" SERVER "\",\"name\":\"pg1\",\"location\":\"local\"}]}");
    assert_int_equal(waiting(&b, "listDatabases"), 1);
    assert_non_null(strstr(fake_find(&b.h, SERVER "/listDatabases")->body, "\"secretUri\":\"" URI "\""));
    fake_answer(&b.h, "listDatabases", databases);
    assert_int_equal(lines(&b), 7);
    end(&b);
}

static void select_all_takes_what_the_filter_shows(void **state)
{
    struct bench b;

    (void)state;
    open_pg1(&b);
    fake_answer(&b.h, "listDatabases", databases);
    act(&b, UI_ACT_FILTER);
    type(&b, "shel");
    assert_int_equal(lines(&b), 3);          /* both servers (flex may have it) and shelf */
    act(&b, UI_ACT_OPEN);                    /* Enter goes back to the list */
    assert_int_equal(b.f->focus, 0);
    act(&b, UI_ACT_MARK_ALL);
    ui_form_set(b.f, "filter", "", NULL);
    press(&b, UI_BUTTON_SUBMIT);
    assert_null(strstr(b.h.closed, "shop"));
    assert_non_null(strstr(b.h.closed, "shelf"));
    end(&b);
}

static void a_server_that_does_not_let_one_in_says_why_and_another_secret_is_asked_for(void **state)
{
    struct bench b;

    (void)state;
    open_pg1(&b);
    fake_fail(&b.h, "listDatabases", KG_E_DB_AUTH, "password authentication failed");
    b.h.opened[0] = '\0';
    act(&b, UI_ACT_OPEN);
    assert_string_equal(b.h.opened, "assign-key-vault");
    assert_non_null(strstr(b.h.opened_arg, URI));
    ui_model_closed(&b.f->base, "assign-key-vault", "{\"uri\":\"https://b/secrets/b\"}");
    command(&b, 'v');                        /* busy: nothing */
    ui_model_closed(&b.f->base, "assign-key-vault", "{\"uri\":\"https://c/secrets/c\"}");
    fake_answer(&b.h, "listDatabases", "{\"value\":[{\"name\":\"late\",\"selectable\":true}]}");
    assert_int_equal(lines(&b), 2);          /* of the secret before: passed over */
    fake_answer(&b.h, "listDatabases", databases);
    assert_int_equal(lines(&b), 7);
    end(&b);
}

static void hundreds_of_databases_can_be_chosen(void **state)
{
    struct bench b;
    struct kg_buf t = KG_BUF_INIT(1 << 20);

    (void)state;
    open_pg1(&b);
    kg_buf_adds(&t, "{\"value\":[");
    for (int i = 0; i < 900; i++)
        kg_buf_addf(&t, "%s{\"name\":\"d%d\",\"selectable\":true}", i ? "," : "", i);
    kg_buf_adds(&t, "]}");
    fake_answer(&b.h, "listDatabases", t.p);
    kg_buf_done(&t);
    assert_int_equal(lines(&b), 902);
    act(&b, UI_ACT_MARK);                    /* on the server: all of its databases */
    act(&b, UI_ACT_LAST);
    act(&b, UI_ACT_MARK);                    /* but the last */
    press(&b, UI_BUTTON_SUBMIT);
    assert_true(b.h.is_closed);
    assert_non_null(strstr(b.h.closed, "\"d0\""));
    end(&b);
}

static void a_new_server_is_listed(void **state)
{
    struct bench b;

    (void)state;
    to_servers(&b);
    command(&b, 'c');
    assert_string_equal(b.h.opened, "add-server");
    ui_model_closed(&b.f->base, "add-server", SERVER "2");
    fake_fail(&b.h, "flexibleServers", KG_E_DENIED, "you may not");
    fake_answer(&b.h, "/servers", "{\"value\":[{\"id\":\"" SERVER "2\",\"name\":\"pg2\",\"location\":\"local\"}]}");
    assert_int_equal(lines(&b), 3);
    end(&b);
}

/* ---- the dialogs ---- */

static void a_secret_is_chosen_from_a_key_vault(void **state)
{
    struct bench b;

    (void)state;
    start(&b, &ui_dialog_assign_key_vault, "{\"for\":\"database 'shop'\",\"uri\":\"\",\"keyVaultId\":\"\"}");
    fake_answer(&b.h, "Microsoft.KeyVault/vaults", "{\"value\":[{\"id\":\"" KEYVAULT "\",\"name\":\"kv1\",\"properties\":{\"vaultUri\":"
                "\"https://kv1.vault.local/\"}}]}");
    assert_true(fake_find(&b.h, KEYVAULT "/secrets")->follow);
    fake_answer(&b.h, KEYVAULT "/secrets", "{\"value\":[{\"id\":\"" KEYVAULT "/secrets/login\",\"name\":\"login\"}]}");
    press(&b, UI_BUTTON_SUBMIT);
    assert_string_equal(b.h.closed, "{\"uri\":\"" URI "\",\"keyVaultId\":\"" KEYVAULT "\"}");
    end(&b);
}

static void a_secret_that_was_just_created_is_known_by_its_key_vault(void **state)
{
    struct bench b;

    (void)state;
    start(&b, &ui_dialog_assign_key_vault, "{\"for\":\"database 'shop'\"}");
    fake_answer(&b.h, "Microsoft.KeyVault/vaults", "{\"value\":[{\"id\":\"" KEYVAULT "\",\"name\":\"kv1\",\"properties\":{\"vaultUri\":"
                "\"https://kv1.vault.local/\"}}]}");
    fake_answer(&b.h, KEYVAULT "/secrets", "{\"value\":[]}");
    ui_form_focus(b.f, 3);
    type(&b, "x");                           /* nothing has that: what is left is to create one */
    type(&b, "\n");
    assert_string_equal(b.h.opened, "create-secret");
    assert_string_equal(b.h.opened_arg, KEYVAULT);
    ui_model_closed(&b.f->base, "create-secret", KEYVAULT "/secrets/fresh");
    press(&b, UI_BUTTON_SUBMIT);
    assert_non_null(strstr(b.h.closed, "https://kv1.vault.local/secrets/fresh"));
    end(&b);
}

/* Its id, as every form gives what it made: choices of secrets go by it. */
static void a_secret_that_is_created_is_given_back_by_its_id(void **state)
{
    struct bench b;

    (void)state;
    start(&b, &ui_wizard_create_secret, KEYVAULT);
    ui_form_set(b.f, "name", "fresh", NULL);
    ui_form_set(b.f, "user", "backup", NULL);
    ui_form_focus(b.f, 3);
    type(&b, "word");
    press(&b, UI_BUTTON_SUBMIT);
    assert_non_null(strstr(fake_find(&b.h, KEYVAULT "/secrets/fresh")->body, "Password"));
    fake_answer(&b.h, KEYVAULT "/secrets/fresh", "{\"id\":\"" KEYVAULT "/secrets/fresh\",\"name\":\"fresh\",\"properties\":"
                "{\"secretUri\":\"https://kv1.vault.local/secrets/fresh\"}}");
    assert_string_equal(b.h.closed, KEYVAULT "/secrets/fresh");
    end(&b);
}

static void a_connection_is_tested_with_the_secret_that_was_just_created(void **state)
{
    static const char secrets[] = "{\"value\":[{\"id\":\"" KEYVAULT "/secrets/fresh\",\"name\":\"fresh\",\"properties\":{\"secretUri\":"
                                  "\"https://kv1.vault.local/secrets/fresh\"}}]}";
    struct bench b;

    (void)state;
    start(&b, &ui_dialog_test_connection, SERVER);
    fake_answer(&b.h, "Microsoft.KeyVault/vaults", "{\"value\":[{\"id\":\"" KEYVAULT "\",\"name\":\"kv1\"}]}");
    fake_answer(&b.h, KEYVAULT "/secrets", "{\"value\":[]}");
    ui_form_focus(b.f, 2);
    type(&b, "x\n");
    assert_string_equal(b.h.opened, "create-secret");
    ui_model_closed(&b.f->base, "create-secret", KEYVAULT "/secrets/fresh");
    ui_form_focus(b.f, 4);
    type(&b, "\n");
    assert_null(fake_find(&b.h, "testConnection"));
    fake_answer(&b.h, KEYVAULT "/secrets", secrets);
    type(&b, "\n");
    assert_non_null(strstr(fake_find(&b.h, "testConnection")->body, "\"https://kv1.vault.local/secrets/fresh\""));
    end(&b);
}

static void a_uri_is_entered_with_a_warning(void **state)
{
    static const char *const bad[] = { "http://x/secrets/a", "https://x/keys/a", "https:///secrets/a",
                                       "https://x/secrets/", "https://x y/secrets/a" };
    struct bench b;

    (void)state;
    start(&b, &ui_dialog_assign_key_vault, "{\"for\":\"database 'shop'\"}");
    ui_form_set(b.f, "mode", "enter", NULL);
    for (size_t i = 0; i < KG_ARRAY_LEN(bad); i++) {
        ui_form_set(b.f, "uri", bad[i], NULL);
        press(&b, UI_BUTTON_SUBMIT);
        assert_false(b.h.is_closed);
    }
    ui_form_set(b.f, "uri", "https://kv9.vault.azure.net/secrets/login", NULL);
    picture(&b, "configure-uri-80x24");
    press(&b, UI_BUTTON_SUBMIT);
    assert_string_equal(b.h.closed, "{\"uri\":\"https://kv9.vault.azure.net/secrets/login\"}");
    end(&b);
}

#define MEND \
    "{\"vault\":\"" VAULT "\",\"for\":\"database 'shop'\",\"database\":\"shop\",\"backupInstances\":[{\"backupInstanceName\":\"n1\"}]}"

static void roles_are_shown_for_the_scope_before_they_are_assigned(void **state)
{
    struct bench b;

    (void)state;
    start(&b, &ui_dialog_assign_roles, MEND);
    assert_non_null(strstr(fake_find(&b.h, "assignMissingRoles")->body, "\"whatIf\":true"));
    ui_form_set(b.f, "scope", "Subscription", NULL);
    fake_answer(&b.h, "assignMissingRoles", "{\"value\":[{\"Properties\":{\"roleDefinitionName\":\"Late\",\"scope\":\"/x\"}}]}");
    assert_non_null(strstr(fake_find(&b.h, "assignMissingRoles")->body, "\"scope\":\"Subscription\""));
    fake_answer(&b.h, "assignMissingRoles", "{\"value\":[{\"Properties\":{\"roleDefinitionName\":\"Reader\","
                "\"scope\":\"/subscriptions/default\"}},"
                "{\"Name\":\"AllowAll\",\"Properties\":{\"server\":\"pg1\",\"allowAccess\":true}}]}");
    picture(&b, "configure-roles-80x24");
    press(&b, UI_BUTTON_SUBMIT);
    assert_null(strstr(fake_find(&b.h, "assignMissingRoles")->body, "whatIf"));
    fake_answer(&b.h, "assignMissingRoles", "{\"value\":[{},{}]}");
    assert_string_equal(b.h.closed, "done");
    assert_string_equal(b.h.note, "2 permissions were granted");
    end(&b);
}

static void what_may_not_be_assigned_says_so(void **state)
{
    struct bench b;

    (void)state;
    start(&b, &ui_dialog_assign_roles, MEND);
    fake_answer(&b.h, "assignMissingRoles", "{\"value\":[]}");
    press(&b, UI_BUTTON_SUBMIT);
    fake_fail(&b.h, "assignMissingRoles", KG_E_DENIED, "you may not assign roles");
    assert_false(b.h.is_closed);
    assert_string_equal(b.f->err.msg, "you may not assign roles");
    end(&b);
}

static int refuse_to_save(struct ui_host *h, const char *file, const char *text, struct kg_err *err)
{
    (void)h, (void)file, (void)text;
    return kg_err_set(err, KG_E_EXISTS, "it exists");
}

static void the_template_is_saved_and_a_file_is_never_overwritten(void **state)
{
    struct bench b;
    struct ui_host_ops ops;

    (void)state;
    start(&b, &ui_dialog_role_template, MEND);
    ops = *b.h.host.ops;
    ops.save = refuse_to_save;
    assert_string_equal(ui_form_value(b.f, "file"), "role-assignments.json");
    const struct ui_host_ops *was = b.h.host.ops;
    b.h.host.ops = &ops;
    press(&b, UI_BUTTON_SUBMIT);
    fake_answer(&b.h, "roleAssignmentTemplate", "{\"resources\":[1]}");
    assert_string_equal(b.f->err.msg, "it exists");
    assert_false(b.h.is_closed);
    b.h.host.ops = was;
    press(&b, UI_BUTTON_SUBMIT);
    assert_true(b.h.is_closed);
    assert_non_null(strstr(b.h.saved, "\"resources\": ["));
    assert_string_equal(b.h.note, "written to role-assignments.json. An administrator deploys it; then e validates again");
    end(&b);
}

static void the_grant_script_is_shown_and_saved_in_the_language_chosen(void **state)
{
    struct bench b;

    (void)state;
    start(&b, &ui_dialog_grant_script, MEND);
    assert_string_equal(ui_form_value(b.f, "file"), "grant-shop.sh");
    ui_form_set(b.f, "language", "powershell", NULL);
    assert_string_equal(ui_form_value(b.f, "file"), "grant-shop.ps1");
    ui_form_focus(b.f, 3);
    act(&b, UI_ACT_OPEN);
    assert_non_null(strstr(fake_find(&b.h, "grantScript")->body, "\"language\":\"powershell\""));
    fake_answer(&b.h, "grantScript", "{\"script\":\"Write-Host\"}");
    assert_string_equal(b.h.opened, "text");
    assert_string_equal(b.h.opened_arg, "Write-Host");
    press(&b, UI_BUTTON_SUBMIT);
    assert_true(fake_find(&b.h, "grantScript")->follow);
    fake_answer(&b.h, "grantScript", "{\"script\":\"Write-Host 2\"}");
    assert_string_equal(b.h.saved, "Write-Host 2");
    assert_string_equal(b.h.note, "written to grant-shop.ps1. An administrator of the server runs it, as './grant-shop.ps1 -U postgres'; "
                                  "then e validates again");
    assert_true(b.h.is_closed);
    end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_is_asked_with_a_secret_that_is_asked_for_once),
        cmocka_unit_test(what_cannot_be_chosen_is_not_and_the_rest_is_added),
        cmocka_unit_test(a_server_whose_secret_is_known_is_listed_at_once),
        cmocka_unit_test(select_all_takes_what_the_filter_shows),
        cmocka_unit_test(a_server_that_does_not_let_one_in_says_why_and_another_secret_is_asked_for),
        cmocka_unit_test(hundreds_of_databases_can_be_chosen),
        cmocka_unit_test(a_new_server_is_listed),
        cmocka_unit_test(a_secret_is_chosen_from_a_key_vault),
        cmocka_unit_test(a_secret_that_was_just_created_is_known_by_its_key_vault),
        cmocka_unit_test(a_secret_that_is_created_is_given_back_by_its_id),
        cmocka_unit_test(a_connection_is_tested_with_the_secret_that_was_just_created),
        cmocka_unit_test(a_uri_is_entered_with_a_warning),
        cmocka_unit_test(roles_are_shown_for_the_scope_before_they_are_assigned),
        cmocka_unit_test(what_may_not_be_assigned_says_so),
        cmocka_unit_test(the_template_is_saved_and_a_file_is_never_overwritten),
        cmocka_unit_test(the_grant_script_is_shown_and_saved_in_the_language_chosen),
    };

    kg_crypto_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
