#include "identity/identity.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "identity/roles.h"
#include "model/id.h"

#define DEFINITIONS "/providers/Microsoft.Authorization/roleDefinitions/"

struct kg_identity {
    struct kg_catalog *catalog;
    uid_t owner;
};

struct kg_identity *kg_identity_new(struct kg_catalog *catalog, uid_t owner)
{
    struct kg_identity *i = kg_xalloc(sizeof *i);

    i->catalog = catalog;
    i->owner = owner;
    return i;
}

void kg_identity_free(struct kg_identity *i) { free(i); }

/* ---- may they? ---- */

static bool is_owner(const struct kg_identity *i, const struct kg_principal *p)
{
    return p->kind == KG_PRINCIPAL_USER && p->uid == i->owner;
}

/* All that was assigned to p; a new list each time. */
static int assigned(const struct kg_identity *i, const struct kg_principal *p, struct kg_assignment_list *ret, struct kg_err *err)
{
    if (!i->catalog || !*p->id)
        return 0;
    return kg_catalog_assignment_list(i->catalog, p->id, ret, err);
}

static bool gives(const struct kg_assignment_row *a, const char *action, bool is_data)
{
    const struct kg_role *role = kg_role_find(a->role);

    return role && kg_role_allows(role, action, is_data);
}

static void tell(struct kg_may *ret, const char *role, const char *assignment, const char *scope)
{
    ret->allowed = true;
    kg_text_copy(ret->role, sizeof ret->role, role);
    kg_text_copy(ret->assignment, sizeof ret->assignment, assignment);
    kg_text_copy(ret->scope, sizeof ret->scope, scope);
}

int kg_identity_check(const struct kg_identity *i, const struct kg_principal *p, const char *action, bool is_data,
                      const char *scope, struct kg_may *ret, struct kg_err *err)
{
    KG_AUTO_ASSIGNMENT_LIST struct kg_assignment_list l = { 0 };

    *ret = (struct kg_may){ 0 };
    if (is_owner(i, p)) {
        tell(ret, "Owner", "", "/");
        return 0;
    }
    if (assigned(i, p, &l, err) < 0)
        return -(int)err->code;
    for (size_t k = 0; k < l.count && !ret->allowed; k++)
        if (kg_id_under(scope, l.rows[k].scope) && gives(&l.rows[k], action, is_data))
            tell(ret, kg_role_find(l.rows[k].role)->name, l.rows[k].id, l.rows[k].scope);
    return 0;
}

/* Whether p owns everything, or has an assignment that fits. */
struct question { const char *scope, *action; };
typedef bool fits_fn(const struct kg_assignment_row *a, const struct question *q);

static int any_fits(const struct kg_identity *i, const struct kg_principal *p, fits_fn *fits, const struct question *q, bool *ret,
                    struct kg_err *err)
{
    KG_AUTO_ASSIGNMENT_LIST struct kg_assignment_list l = { 0 };

    *ret = is_owner(i, p);
    if (*ret)
        return 0;
    if (assigned(i, p, &l, err) < 0)
        return -(int)err->code;
    for (size_t k = 0; k < l.count && !*ret; k++)
        *ret = fits(&l.rows[k], q);
    return 0;
}

static bool reaches(const struct kg_assignment_row *a, const struct question *q) { return kg_id_under(q->scope, a->scope); }
static bool gives_below(const struct kg_assignment_row *a, const struct question *q)
{
    return (kg_id_under(a->scope, q->scope) || kg_id_under(q->scope, a->scope)) && gives(a, q->action, false);
}
static bool owns_all(const struct kg_assignment_row *a, const struct question *q)
{
    (void)q;
    return strcmp(a->scope, "/") == 0 && strcasecmp(a->role, KG_ROLE_OWNER) == 0;
}

int kg_identity_has_role(const struct kg_identity *i, const struct kg_principal *p, const char *scope, bool *ret,
                         struct kg_err *err)
{
    return any_fits(i, p, reaches, &(struct question){ .scope = scope }, ret, err);
}

int kg_identity_may_below(const struct kg_identity *i, const struct kg_principal *p, const char *action, const char *scope,
                          bool *ret, struct kg_err *err)
{
    return any_fits(i, p, gives_below, &(struct question){ scope, action }, ret, err);
}

int kg_identity_is_owner(const struct kg_identity *i, const struct kg_principal *p, bool *ret, struct kg_err *err)
{
    return any_fits(i, p, owns_all, NULL, ret, err);
}

/* "Backup Reader, Reader or Backup Operator": those that allow least. */
static void name_roles(const char *action, bool is_data, char *out, size_t size)
{
    const char *names[3];
    size_t n = 0, at = 0;

    for (size_t k = 0; k < kg_roles_count && n < KG_ARRAY_LEN(names); k++)
        if (kg_role_allows(&kg_roles[k], action, is_data))
            names[n++] = kg_roles[k].name;
    for (size_t k = 0; k < n && at < size; k++)
        at += (size_t)snprintf(out + at, size - at, "%s%s", !k ? "" : k + 1 < n ? ", " : " or ", names[k]);
    if (!n)
        kg_text_copy(out, size, "Owner");
}

static int deny(const struct kg_principal *p, const char *action, bool is_data, const char *scope, struct kg_err *err)
{
    char roles[120], who[90];

    if (p->kind == KG_PRINCIPAL_USER)
        (void)snprintf(who, sizeof who, "'%s' (uid %u)", p->name, (unsigned)p->uid);
    else
        (void)snprintf(who, sizeof who, "the identity of '%s'", p->name);
    name_roles(action, is_data, roles, sizeof roles);
    kg_err_set(err, KG_E_DENIED, "%s may not do '%.120s' at '%.250s'", who, action, scope);
    kg_err_advise(err, "Ask an owner for the role %s there: 'keepgres role assignment create --assignee %s --role … --scope …'.",
                  roles, p->name);
    return -(int)err->code;
}

static int demand(const struct kg_identity *i, const struct kg_principal *p, const char *action, bool is_data, const char *scope,
                  struct kg_err *err)
{
    struct kg_may may;

    if (kg_identity_check(i, p, action, is_data, scope, &may, err) < 0)
        return -(int)err->code;
    return may.allowed ? 0 : deny(p, action, is_data, scope, err);
}

int kg_identity_may(const struct kg_identity *i, const struct kg_principal *p, const char *action, const char *scope,
                    struct kg_err *err)
{
    return demand(i, p, action, false, scope, err);
}

int kg_identity_may_data(const struct kg_identity *i, const struct kg_principal *p, const char *action, const char *scope,
                         struct kg_err *err)
{
    return demand(i, p, action, true, scope, err);
}

/* ---- assigning ---- */

static char *join(const char *scope, const char *rest)
{
    return kg_xprintf("%s%s", strcmp(scope, "/") == 0 ? "" : scope, rest);
}

char *kg_assignment_id(const struct kg_assignment_row *r)
{
    KG_AUTO_FREE char *rest = kg_xprintf("/providers/" KG_TYPE_ASSIGNMENT "/%s", r->id);

    return join(r->scope, rest);
}

static char *definition_id(const struct kg_assignment_row *r)
{
    KG_AUTO_ID struct kg_id id = { 0 };
    KG_AUTO_FREE char *sub = NULL;
    struct kg_err ignored = { 0 };

    if (kg_id_parse(r->scope, &id, &ignored) == 0)
        sub = kg_id_subscription(id.subscription);
    return kg_xprintf("%s" DEFINITIONS "%s", sub ? sub : "", r->role);
}

struct kg_json *kg_assignment_json(const struct kg_assignment_row *r)
{
    KG_AUTO_FREE char *id = kg_assignment_id(r), *definition = definition_id(r);
    const struct kg_role *role = kg_role_find(r->role);
    struct kg_json *j = kg_json_object();
    char when[32];

    kg_json_set_str(j, "id", id);
    kg_json_set_str(j, "name", r->id);
    kg_json_set_str(j, "type", KG_TYPE_ASSIGNMENT);
    kg_json_set_str(j, "properties.roleDefinitionId", definition);
    kg_json_set_str(j, "properties.roleDefinitionName", role ? role->name : NULL);
    kg_json_set_str(j, "properties.principalId", r->principal);
    kg_json_set_str(j, "properties.principalName", r->principal_name);
    kg_json_set_str(j, "properties.principalType", r->principal_type);
    kg_json_set_str(j, "properties.scope", r->scope);
    kg_json_set_str(j, "properties.createdOn", kg_time_iso(r->created, when));
    kg_json_set_str(j, "properties.createdBy", r->created_by);
    return j;
}

/* The same role for the same principal at the same scope, or NULL. */
static struct kg_assignment_row *same(const struct kg_assignment_list *l, const struct kg_role *role, const char *scope)
{
    for (size_t k = 0; k < l->count; k++)
        if (strcasecmp(l->rows[k].role, role->id) == 0 && kg_id_equal(l->rows[k].scope, scope))
            return &l->rows[k];
    return NULL;
}

static char *text(const char *s) { return (char *)(uintptr_t)s; }

int kg_identity_assign(struct kg_identity *i, const char *role_name, const struct kg_principal *p, const char *scope,
                       const char *name, const struct kg_principal *by, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_ASSIGNMENT_LIST struct kg_assignment_list l = { 0 };
    const struct kg_role *role = kg_role_find(role_name);
    struct kg_assignment_row row = { .created = kg_now_wall() }, *there;
    char id[37];

    if (!role) {
        kg_err_set(err, KG_E_NOT_FOUND, "there is no role '%.100s'", role_name);
        kg_err_advise(err, "'keepgres role definition list' names the roles there are.");
        return -(int)err->code;
    }
    if (assigned(i, p, &l, err) < 0)
        return -(int)err->code;
    if ((there = same(&l, role, scope))) {
        if (ret)
            *ret = kg_assignment_json(there);
        return 0;
    }
    kg_uuid(id);
    row.id = text(name ? name : id);
    row.scope = text(scope);
    row.role = text(role->id);
    row.principal = text(p->id);
    row.principal_name = text(p->name);
    row.principal_type = text(p->kind == KG_PRINCIPAL_USER ? "User" : "ServicePrincipal");
    row.created_by = text(by->id);
    if (kg_catalog_assignment_put(i->catalog, &row, err) < 0)
        return -(int)err->code;
    if (ret)
        *ret = kg_assignment_json(&row);
    return 0;
}
