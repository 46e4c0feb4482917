/* api/instance.h - what the handlers of backup instances share. For api/ only. */
#ifndef KG_API_INSTANCE_H
#define KG_API_INSTANCE_H

#include "api/call.h"
#include "api/start.h"

/* The instance that the path names, see kg_target_load(). */
int kg_target_find(struct kg_call *c, enum kg_target_use use, struct kg_target *ret, struct kg_err *err) KG_MUST_CHECK;

/* The server of a datasource: registered, in the same region. */
int kg_server_of(struct kg_call *c, const struct kg_datasource *d, const char *location, struct kg_err *err) KG_MUST_CHECK;
/* The policy is one of that vault's. */
int kg_instance_check_policy(struct kg_call *c, const char *vault, const struct kg_instance_body *b,
                             struct kg_err *err) KG_MUST_CHECK;
/* KG_E_PROTECTED when another instance than self, of whichever vault, protects the database. */
int kg_instance_refuse_protected(struct kg_call *c, const char *datasource, const char *self, struct kg_err *err) KG_MUST_CHECK;
/* Makes t, one that checks databases, look at the body's; self: the instance's id. */
void kg_instance_aim(struct kg_task *t, const struct kg_instance_body *b, const char *self);
/* Takes over what a backup or restore request may say of its run: settings.jobs, 1 to 64 (an extension of ours). */
int kg_target_settings(const struct kg_json *body, struct kg_task *t, struct kg_err *err) KG_MUST_CHECK;
/* Stores a changed instance (if nobody changed it meanwhile) together with a job that says so, both or none. */
int kg_instance_store_with_job(struct kg_call *c, struct kg_resource *r, const char *operation, const char *step,
                               struct kg_err *err) KG_MUST_CHECK;
/* A deleted instance that can come back, as it is answered. The caller frees. */
struct kg_json *kg_deleted_answer(const struct kg_resource *r);
/* A job as it stands at this moment: what the catalog has, or, while it runs, what its worker says. The caller frees. */
struct kg_json *kg_job_row_answer(struct kg_call *c, const struct kg_job_row *row);
/* az's `initialize` commands write snake_case keys: a copy of body with camelCase ones. The caller frees. */
struct kg_json *kg_camel_case(const struct kg_json *body);

#endif
