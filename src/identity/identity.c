#include "identity/identity.h"

#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/text.h"

/* A role is what it lets its holder do; an assignment gives it to somebody at a scope and everything below. Today there
 * is one of each. */
struct role {
    const char *name;
    const char *const *actions; /* "*" stands for any run of characters; NULL-ended */
};

static const struct role owner = { "Owner", (const char *const[]){ "*", NULL } };

struct assignment {
    uid_t uid;
    const struct role *role;
    const char *scope;
};

struct kg_identity {
    struct assignment assignments[1];
    size_t count;
};

struct kg_identity *kg_identity_new(uid_t uid)
{
    struct kg_identity *i = kg_xalloc(sizeof *i);

    i->assignments[0] = (struct assignment){ .uid = uid, .role = &owner, .scope = "/" };
    i->count = 1;
    return i;
}

void kg_identity_free(struct kg_identity *i) { free(i); }

void kg_principal_of_uid(uid_t uid, struct kg_principal *ret)
{
    char block[4096];
    struct passwd pw, *found = NULL;

    *ret = (struct kg_principal){ .uid = uid };
    if (getpwuid_r(uid, &pw, block, sizeof block, &found) == 0 && found && *found->pw_name)
        kg_text_copy(ret->name, sizeof ret->name, found->pw_name);
    else
        (void)snprintf(ret->name, sizeof ret->name, "uid %u", (unsigned)uid);
}

/* ARM's patterns have one wildcard; case does not matter. Iterative, so that no pattern can make it slow: on a mismatch
 * the last '*' takes one character more. */
static bool matches(const char *pattern, const char *text)
{
    const char *star = NULL, *retry = NULL;

    while (*text) {
        if (*pattern == '*') {
            star = pattern++;
            retry = text;
        } else if (strncasecmp(pattern, text, 1) == 0) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

static bool covers(const char *scope, const char *at)
{
    size_t n = strlen(scope);

    if (strcmp(scope, "/") == 0)
        return true;
    return strncasecmp(at, scope, n) == 0 && (at[n] == '\0' || at[n] == '/');
}

static bool allows(const struct role *r, const char *action)
{
    for (const char *const *a = r->actions; *a; a++)
        if (matches(*a, action))
            return true;
    return false;
}

int kg_identity_may(const struct kg_identity *i, const struct kg_principal *p, const char *action, const char *scope,
                    struct kg_err *err)
{
    for (size_t k = 0; k < i->count; k++)
        if (i->assignments[k].uid == p->uid && covers(i->assignments[k].scope, scope) &&
            allows(i->assignments[k].role, action))
            return 0;
    kg_err_set(err, KG_E_DENIED, "'%s' (uid %u) may not do '%.120s' at '%.250s'", p->name, (unsigned)p->uid, action,
               scope);
    kg_err_advise(err, "Run the command as the user the service runs as.");
    return -KG_E_DENIED;
}
