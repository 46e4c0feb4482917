/* Who somebody is: OS users by the user database, Backup vaults by the catalog. */
#include "identity/identity.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "model/id.h"
#include "model/resources.h"

enum { PAGE = 200 };

static void set_user(uid_t uid, const char *name, struct kg_principal *ret)
{
    char text[40];

    *ret = (struct kg_principal){ .kind = KG_PRINCIPAL_USER, .uid = uid };
    (void)snprintf(text, sizeof text, "keepgres:user:%u", (unsigned)uid);
    kg_uuid_of(text, ret->id);
    if (name && *name)
        kg_text_copy(ret->name, sizeof ret->name, name);
    else
        (void)snprintf(ret->name, sizeof ret->name, "uid %u", (unsigned)uid);
}

void kg_principal_of_uid(uid_t uid, struct kg_principal *ret)
{
    char block[4096];
    struct passwd pw, *found = NULL;

    set_user(uid, getpwuid_r(uid, &pw, block, sizeof block, &found) == 0 && found ? found->pw_name : NULL, ret);
}

void kg_principal_of_vault(const char *principal_id, const char *vault_name, struct kg_principal *ret)
{
    *ret = (struct kg_principal){ .kind = KG_PRINCIPAL_SERVICE, .uid = (uid_t)-1 };
    kg_text_copy(ret->id, sizeof ret->id, principal_id);
    kg_text_copy(ret->name, sizeof ret->name, vault_name);
}

/* ---- by whatever somebody calls them ---- */

static bool is_guid(const char *s)
{
    return strlen(s) == 36 && strspn(s, "0123456789abcdefABCDEF-") == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-';
}

static bool is_user(const char *assignee, struct kg_principal *ret)
{
    char block[4096];
    struct passwd pw, *found = NULL;
    struct kg_err ignored = { 0 };
    uint64_t uid;

    if (getpwnam_r(assignee, &pw, block, sizeof block, &found) == 0 && found) {
        set_user(pw.pw_uid, pw.pw_name, ret);
        return true;
    }
    if (kg_parse_range(assignee, 0, UINT32_MAX - 1, &uid, &ignored) < 0)
        return false;
    kg_principal_of_uid((uid_t)uid, ret);
    return true;
}

/* A user has the principalId that follows from the uid: those in the user database can be found by it. */
static bool is_user_id(const char *assignee, struct kg_principal *ret)
{
    struct passwd *pw;
    bool found = false;

    if (!is_guid(assignee))
        return false;
    setpwent();
    while (!found && (pw = getpwent())) {
        set_user(pw->pw_uid, pw->pw_name, ret);
        found = strcasecmp(ret->id, assignee) == 0;
    }
    endpwent();
    return found;
}

/* What looks like a principalId is one: a vault that somebody named so is not meant. */
static bool is_vault(const struct kg_resource *v, const char *assignee)
{
    const char *id = kg_json_str(v->json, "identity.principalId");

    if (!id || is_guid(assignee))
        return id && strcasecmp(id, assignee) == 0;
    return strcasecmp(v->name, assignee) == 0 || kg_id_equal(v->id, assignee);
}

/* 1: found; 0: no vault is called that. KG_E_USAGE: several are. */
static int find_vault(struct kg_catalog *c, const char *assignee, struct kg_principal *ret, struct kg_err *err)
{
    struct kg_resource_query q = { .type = KG_TYPE_VAULT, .top = PAGE };
    KG_AUTO_FREE char *after = NULL;
    int found = 0;

    do {
        KG_AUTO_RESOURCE_LIST struct kg_resource_list l = { 0 };

        q.after = after;
        if (kg_catalog_list(c, &q, &l, err) < 0)
            return -(int)err->code;
        for (size_t i = 0; i < l.count; i++) {
            if (!is_vault(&l.rows[i], assignee))
                continue;
            if (found++) {
                kg_err_set(err, KG_E_USAGE, "several Backup vaults are called '%.60s'", assignee);
                kg_err_advise(err, "Give the id of the vault that is meant.");
                return -(int)err->code;
            }
            kg_principal_of_vault(kg_json_str(l.rows[i].json, "identity.principalId"), l.rows[i].name, ret);
        }
        free(after);
        after = KG_TAKE(l.next);
    } while (after);
    return found;
}

int kg_principal_find(struct kg_catalog *c, const char *assignee, struct kg_principal *ret, struct kg_err *err)
{
    int r;

    if (!is_guid(assignee) && is_user(assignee, ret))
        return 0;
    if ((r = find_vault(c, assignee, ret, err)) != 0)
        return r < 0 ? r : 0;
    if (is_user_id(assignee, ret))
        return 0;
    kg_err_set(err, KG_E_NOT_FOUND, "'%.100s' is no user of this machine and no Backup vault with an identity", assignee);
    kg_err_advise(err, "Give a user's name or uid, a vault's name or id, or a principalId.");
    return -(int)err->code;
}
