/* model/names.h - what each kind of thing may be called. One table of rules; see docs/api.md for the list. Pure. */
#ifndef KG_MODEL_NAMES_H
#define KG_MODEL_NAMES_H

#include "keepgres/err.h"

enum kg_name_kind {
    KG_NAME_SUBSCRIPTION,     /* a GUID */
    KG_NAME_GROUP,
    KG_NAME_REGION,
    KG_NAME_VAULT,
    KG_NAME_POLICY,
    KG_NAME_INSTANCE,
    KG_NAME_TAG,              /* and the retention rule of that name */
    KG_NAME_SERVER,
    KG_NAME_DATABASE,
    KG_NAME_KEYVAULT,
    KG_NAME_SECRET,
    KG_NAME_STORAGE_ACCOUNT,
    KG_NAME_CONTAINER,
    KG_NAME_KIND_COUNT_,
};

/* Fails with KG_E_USAGE; the message names the kind and the name, the advice states the rule. */
int kg_name_check(enum kg_name_kind kind, const char *name, struct kg_err *err) KG_MUST_CHECK;
const char *kg_name_kind_to_text(enum kg_name_kind kind); /* "backup vault" */
const char *kg_name_rule(enum kg_name_kind kind);         /* "2 to 50 letters, digits and hyphens, …" */

#endif
