/* plugin/files.h - restore as files: a custom archive that stock pg_restore reads, written as it streams, with the roles,
 * SHA-256 sums and a README beside it. Needs the vault only: no service, no catalog, no server. */
#ifndef KG_PLUGIN_FILES_H
#define KG_PLUGIN_FILES_H

#include "json/json.h"
#include "plugin/events.h"
#include "vault/vault.h"

struct kg_export_spec {
    struct kg_vault *vault;
    const char *instance, *point;
    const char *directory;               /* must exist */
    const char *prefix;                  /* files are <prefix>.dump, <prefix>_roles.sql, <prefix>_README.txt, <prefix>_SHA256SUMS */
};

/* What can be told before: the point is there, the container can be written, no file of that prefix exists. */
int kg_plugin_validate_export(const struct kg_export_spec *spec, struct kg_err *err) KG_MUST_CHECK;

/* *ret_result: {"files":[{"name","bytes","sha256"}],"rows","bytes","tables"}; the caller frees it. Existing files are never
 * overwritten (KG_E_EXISTS); a failure leaves none of the four behind. */
int kg_plugin_export_files(const struct kg_export_spec *spec, const struct kg_events *ev, struct kg_json **ret_result,
                           struct kg_err *err) KG_MUST_CHECK;

#endif
