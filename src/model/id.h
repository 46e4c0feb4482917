/* model/id.h - ARM resource IDs: taken apart, put together, compared. Pure.
 *
 *   /subscriptions/S[/resourceGroups/G][/providers/NS/type/name[/type/name…]][/providers/NS/type/name…]
 *
 * Keywords, types and names are compared ignoring ASCII case; what a caller wrote is kept as it was written. A name
 * that holds '/', '%', '?', '#' or a control character stands percent-encoded in the ID (a database may be called
 * anything); parsing decodes it. Database names are the exception to "ignoring case": PostgreSQL tells "A" from "a", so
 * compare datasources with kg_datasource_equal().
 *
 * Limits: KG_ID_MAX bytes, KG_ID_PARTS type/name pairs, KG_NAME_MAX bytes a name, valid UTF-8, nothing empty. */
#ifndef KG_MODEL_ID_H
#define KG_MODEL_ID_H

#include <stdbool.h>
#include <stddef.h>
#include "base/buf.h"
#include "base/cleanup.h"
#include "keepgres/err.h"

enum { KG_ID_MAX = 2048, KG_ID_PARTS = 8, KG_NAME_MAX = 260 };

#define KG_NS_BACKUP     "Microsoft.DataProtection"
#define KG_NS_POSTGRESQL "Microsoft.DBforPostgreSQL"
#define KG_NS_KEYVAULT   "Microsoft.KeyVault"
#define KG_NS_STORAGE    "Microsoft.Storage"
#define KG_NS_AUTHORIZATION "Microsoft.Authorization"

struct kg_id_part {
    const char *type, *name;        /* "backupVaults", "v1" */
};

struct kg_id {
    const char *subscription;       /* never NULL */
    const char *group;              /* NULL at subscription level */
    const char *provider;           /* the last one's namespace; NULL for subscriptions and resource groups */
    struct kg_id_part parts[KG_ID_PARTS]; /* what follows that provider */
    unsigned count;
    char *memory;                   /* what the pointers point into */
};

/* Fails with KG_E_USAGE saying what is wrong. A trailing slash is forgiven. */
int kg_id_parse(const char *text, struct kg_id *ret, struct kg_err *err) KG_MUST_CHECK;
void kg_id_done(struct kg_id *id);
#define KG_AUTO_ID KG_CLEANUP(kg_id_done)

/* "Microsoft.DBforPostgreSQL/servers/databases"; "Microsoft.Resources/subscriptions" and
 * "Microsoft.Resources/subscriptions/resourceGroups" without a provider. The caller frees. */
char *kg_id_type(const struct kg_id *id);
bool kg_id_is(const struct kg_id *id, const char *type);     /* the same type, ignoring case */
const char *kg_id_name(const struct kg_id *id);              /* of the resource itself; borrowed */

/* Checks text as kg_id_parse() does and gives the form that keys are made of: lower case, no trailing slash. */
int kg_id_key(const char *text, char **ret, struct kg_err *err) KG_MUST_CHECK;
bool kg_id_equal(const char *a, const char *b);              /* ignoring case and a trailing slash */
bool kg_id_under(const char *id, const char *scope);         /* id is scope or inside it */

/* The resource that id is a child of: a database's server, a server's resource group, a group's subscription. NULL for
 * a subscription. (A container's parent is its storage account: blobServices/default is no resource here.) text must be
 * a valid ID. The caller frees. */
char *kg_id_parent(const char *text);

/* Putting together; names are encoded. The caller frees. */
char *kg_id_subscription(const char *subscription);
char *kg_id_group(const char *subscription, const char *group);
/* kg_id_resource(sub, group, "Microsoft.KeyVault/vaults", "k1"): type has a provider and one word; group or NULL. */
char *kg_id_resource(const char *subscription, const char *group, const char *type, const char *name);
/* parent + "/type/name": kg_id_child(vault, "backupJobs", id). */
char *kg_id_child(const char *parent, const char *type, const char *name);

/* One name, encoded and decoded. decode is NULL when a NUL would come out. The caller frees. */
char *kg_id_encode(const char *name);
char *kg_id_decode(const char *text, size_t n);

#endif
