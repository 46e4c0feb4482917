#include "readiness/check.h"

#include <assert.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/parse.h"
#include "base/text.h"
#include "job/user_error.h"

static const char *const ids[] = {
    [KG_CHECK_VAULT_IDENTITY] = "vaultIdentity",
    [KG_CHECK_SERVER_ROLE] = "serverRole",
    [KG_CHECK_NETWORK] = "network",
    [KG_CHECK_KEY_VAULT] = "keyVault",
    [KG_CHECK_KEY_VAULT_ROLE] = "keyVaultRole",
    [KG_CHECK_SECRET] = "secret",
    [KG_CHECK_SECRET_FORMAT] = "secretFormat",
    [KG_CHECK_REGION] = "region",
    [KG_CHECK_SELECTABLE] = "selectable",
    [KG_CHECK_NOT_PROTECTED] = "notProtected",
    [KG_CHECK_CONNECT] = "connect",
    [KG_CHECK_LOGIN] = "login",
    [KG_CHECK_DATABASE] = "database",
    [KG_CHECK_SERVER_VERSION] = "serverVersion",
    [KG_CHECK_PG_DUMP] = "pgDump",
    [KG_CHECK_STANDBY] = "standby",
    [KG_CHECK_PRIVILEGES] = "databasePrivileges",
    [KG_CHECK_ROW_SECURITY] = "rowSecurity",
    [KG_CHECK_LARGE_OBJECTS] = "largeObjects",
    [KG_CHECK_SPACE] = "space",
    [KG_CHECK_ROLE_PASSWORDS] = "rolePasswords",
};
static_assert(KG_ARRAY_LEN(ids) == KG_CHECK_COUNT_, "name every check");
KG_DEFINE_ENUM_TEXT(kg_check_id, enum kg_check_id, ids)

static const char *const titles[] = {
    [KG_CHECK_VAULT_IDENTITY] = "The vault has an identity",
    [KG_CHECK_SERVER_ROLE] = "The vault's identity may read the server",
    [KG_CHECK_NETWORK] = "The server allows access",
    [KG_CHECK_KEY_VAULT] = "The key vault can be reached",
    [KG_CHECK_KEY_VAULT_ROLE] = "The vault's identity may read secrets",
    [KG_CHECK_SECRET] = "The secret exists",
    [KG_CHECK_SECRET_FORMAT] = "The secret is a connection string",
    [KG_CHECK_REGION] = "Server and vault are in the same region",
    [KG_CHECK_SELECTABLE] = "The database can be protected",
    [KG_CHECK_NOT_PROTECTED] = "No other backup instance protects the database",
    [KG_CHECK_CONNECT] = "The server answers",
    [KG_CHECK_LOGIN] = "The backup user can log in",
    [KG_CHECK_DATABASE] = "The database exists",
    [KG_CHECK_SERVER_VERSION] = "The server's version is supported",
    [KG_CHECK_PG_DUMP] = "A pg_dump suits the server",
    [KG_CHECK_STANDBY] = "The server is a primary, or a standby that suits",
    [KG_CHECK_PRIVILEGES] = "The backup user may read everything",
    [KG_CHECK_ROW_SECURITY] = "Row-level security hides nothing",
    [KG_CHECK_LARGE_OBJECTS] = "The backup user may read the large objects",
    [KG_CHECK_SPACE] = "The datastore has room",
    [KG_CHECK_ROLE_PASSWORDS] = "The backup user may read the roles' passwords",
};
static_assert(KG_ARRAY_LEN(titles) == KG_CHECK_COUNT_, "give every check a title");

static const char *const states[] = {
    [KG_CHECK_PASSED] = "Passed",
    [KG_CHECK_WARNING] = "Warning",
    [KG_CHECK_SKIPPED] = "Skipped",
    [KG_CHECK_FAILED] = "Failed",
};
static_assert(KG_ARRAY_LEN(states) == KG_CHECK_STATE_COUNT_, "name every state");
KG_DEFINE_ENUM_TEXT(kg_check_state, enum kg_check_state, states)

const char *kg_check_title(enum kg_check_id id) { return (size_t)id < KG_CHECK_COUNT_ ? titles[id] : "?"; }

static void check_free(struct kg_check *c)
{
    if (!c)
        return;
    kg_json_free(c->details);
    free(c);
}

void kg_checks_done(struct kg_checks *c)
{
    for (size_t i = 0; i < KG_CHECK_COUNT_; i++)
        check_free(KG_TAKE(c->item[i]));
}

/* ---- making ---- */

static struct kg_check *set(struct kg_checks *c, enum kg_check_id id, enum kg_check_state state, const struct kg_err *why)
{
    struct kg_check *k;

    KG_ASSERT((size_t)id < KG_CHECK_COUNT_);
    if (!c->item[id])
        c->item[id] = kg_xalloc(sizeof *c->item[id]);
    k = c->item[id];
    k->id = id;
    k->state = state;
    k->err = why ? *why : (struct kg_err){ 0 };
    return k;
}

void kg_check_pass(struct kg_checks *c, enum kg_check_id id) { set(c, id, KG_CHECK_PASSED, NULL); }

void kg_check_fail(struct kg_checks *c, enum kg_check_id id, const struct kg_err *why)
{
    KG_ASSERT(why->code != KG_E_OK);
    set(c, id, KG_CHECK_FAILED, why);
}

void kg_check_warn(struct kg_checks *c, enum kg_check_id id, const struct kg_err *why)
{
    KG_ASSERT(why->code != KG_E_OK);
    set(c, id, KG_CHECK_WARNING, why);
}

void kg_check_skip(struct kg_checks *c, enum kg_check_id id, enum kg_check_id because)
{
    set(c, id, KG_CHECK_SKIPPED, NULL)->because = because;
}

void kg_check_skip_rest(struct kg_checks *c, enum kg_check_id from, enum kg_check_id to, enum kg_check_id because)
{
    for (int i = (int)from; i <= (int)to; i++)
        if (!c->item[i])
            kg_check_skip(c, (enum kg_check_id)i, because);
}

struct kg_json *kg_check_details(struct kg_checks *c, enum kg_check_id id)
{
    KG_ASSERT((size_t)id < KG_CHECK_COUNT_ && c->item[id]);
    if (!c->item[id]->details)
        c->item[id]->details = kg_json_object();
    return c->item[id]->details;
}

/* ---- asking ---- */

const struct kg_check *kg_checks_failed(const struct kg_checks *c)
{
    for (size_t i = 0; i < KG_CHECK_COUNT_; i++)
        if (c->item[i] && c->item[i]->state == KG_CHECK_FAILED)
            return c->item[i];
    return NULL;
}

bool kg_checks_passed(const struct kg_checks *c, enum kg_check_id from, enum kg_check_id to)
{
    for (int i = (int)from; i <= (int)to; i++)
        if (!c->item[i] || c->item[i]->state == KG_CHECK_SKIPPED)
            return false;
    return !kg_checks_failed(c);
}

void kg_checks_merge(struct kg_checks *to, struct kg_checks *from)
{
    for (size_t i = 0; i < KG_CHECK_COUNT_; i++) {
        struct kg_check *k = KG_TAKE(from->item[i]);

        /* The states stand from good to bad; what was really looked at tells more than what was skipped. */
        if (k && (!to->item[i] || to->item[i]->state == KG_CHECK_SKIPPED ||
                  (k->state != KG_CHECK_SKIPPED && k->state > to->item[i]->state))) {
            check_free(to->item[i]);
            to->item[i] = KG_TAKE(k);
        }
        check_free(k);
    }
}

/* ---- JSON ---- */

static struct kg_json *check_to_json(const struct kg_check *c)
{
    struct kg_json *j = kg_json_object();

    kg_json_set_str(j, "id", ids[c->id]);
    kg_json_set_str(j, "title", titles[c->id]);
    kg_json_set_str(j, "state", states[c->state]);
    if (c->state == KG_CHECK_SKIPPED)
        kg_json_set_str(j, "skippedBecause", kg_check_id_to_text(c->because));
    if (c->state == KG_CHECK_FAILED || c->state == KG_CHECK_WARNING)
        kg_json_set(j, "error", kg_user_error(&c->err, NULL, NULL, NULL));
    if (c->details)
        kg_json_set(j, "details", kg_json_copy(c->details));
    return j;
}

struct kg_json *kg_checks_to_json(const struct kg_checks *c)
{
    struct kg_json *a = kg_json_array();

    for (size_t i = 0; i < KG_CHECK_COUNT_; i++)
        if (c->item[i])
            kg_json_push(a, check_to_json(c->item[i]));
    return a;
}

/* kg_user_error() backwards. */
static int error_from_json(const struct kg_json *j, struct kg_err *ret, struct kg_err *err)
{
    const char *arm, *message;

    if (kg_json_need_str(j, "error.code", &arm, err) < 0 || kg_json_need_str(j, "error.message", &message, err) < 0)
        return -(int)err->code;
    *ret = (struct kg_err){ .code = kg_code_from_arm(arm) };
    kg_text_copy(ret->msg, sizeof ret->msg, message);
    kg_text_copy(ret->action, sizeof ret->action,
                 kg_json_str_or(j, "error.recommendedAction.0", kg_code_action(ret->code)));
    return 0;
}

static int check_from_json(const struct kg_json *j, struct kg_checks *ret, struct kg_err *err)
{
    const char *id, *state, *because = kg_json_str(j, "skippedBecause");
    const struct kg_json *details = kg_json_get(j, "details");
    struct kg_err why = { 0 };
    struct kg_check *k;
    int i, s, b = because ? kg_check_id_from_text(because) : 0;

    if (kg_json_need_str(j, "id", &id, err) < 0 || kg_json_need_str(j, "state", &state, err) < 0)
        return -(int)err->code;
    i = kg_check_id_from_text(id);
    s = kg_check_state_from_text(state);
    if (i < 0 || s < 0 || b < 0 || (s == KG_CHECK_SKIPPED && !because))
        return kg_err_set(err, KG_E_USAGE, "check '%s' with state '%s' is not one of this version", id, state);
    if ((s == KG_CHECK_FAILED || s == KG_CHECK_WARNING) && error_from_json(j, &why, err) < 0)
        return kg_err_wrap(err, "check '%s'", id);
    k = set(ret, (enum kg_check_id)i, (enum kg_check_state)s, &why);
    k->because = (enum kg_check_id)b;
    kg_json_free(KG_TAKE(k->details));
    if (kg_json_type(details) == KG_JSON_OBJECT)
        k->details = kg_json_copy(details);
    return 0;
}

int kg_checks_from_json(const struct kg_json *array, struct kg_checks *ret, struct kg_err *err)
{
    if (kg_json_type(array) != KG_JSON_ARRAY)
        return kg_err_set(err, KG_E_USAGE, "checks must be an array");
    for (const struct kg_json *j = kg_json_first(array); j; j = kg_json_next(j))
        if (check_from_json(j, ret, err) < 0)
            return -(int)err->code;
    return 0;
}
