/* api/instance.h - what the handlers of backup instances share. For api/ only. */
#ifndef KG_API_INSTANCE_H
#define KG_API_INSTANCE_H

#include "api/call.h"

/* The instance that the path names, with its vault; both ready for work: the vault made, the instance not being set up,
 * deleted or stopped. KG_E_CONFLICT with the state otherwise. */
struct kg_target {
    struct kg_resource vault, instance;
    const struct kg_json *properties;   /* of the instance; borrowed */
};
void kg_target_done(struct kg_target *t);
#define KG_AUTO_TARGET KG_CLEANUP(kg_target_done)
int kg_target_find(struct kg_call *c, struct kg_target *ret, struct kg_err *err) KG_MUST_CHECK;

/* The server of a datasource: registered, in the same region. */
int kg_server_of(struct kg_call *c, const struct kg_datasource *d, const char *location, struct kg_err *err) KG_MUST_CHECK;
/* A task about the instance of t: resource, vault, instance filled in. */
struct kg_task *kg_target_task(const struct kg_target *t, enum kg_task_kind kind);
/* Takes over what a backup or restore request may say of its run: settings.jobs, 1 to 64 (an extension of ours). */
int kg_target_settings(const struct kg_json *body, struct kg_task *t, struct kg_err *err) KG_MUST_CHECK;
struct kg_job *kg_target_job(const struct kg_call *c, const struct kg_target *t, const char *operation,
                             const char *category, const char *restore_type);
/* az's `initialize` commands write snake_case keys: a copy of body with camelCase ones. The caller frees. */
struct kg_json *kg_camel_case(const struct kg_json *body);

#endif
