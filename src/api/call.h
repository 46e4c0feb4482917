/* api/call.h - one request on its way through a handler: what came, who asks, and the ways to answer. For api/ only.
 *
 * A handler returns 0 after it has answered, or fills err, which becomes the error envelope. */
#ifndef KG_API_CALL_H
#define KG_API_CALL_H

#include "api/api.h"
#include "api/limits.h"
#include "api/router.h"
#include "model/id.h"
#include "model/names.h"
#include "model/resources.h"

struct kg_call {
    struct kg_api *api;
    const struct kg_match *match;
    const struct kg_query *query;
    const struct kg_json *body;      /* an object; NULL when none came */
    struct kg_principal who;
    const char *activity;            /* GUID of this request */
    const struct kg_http_in *in;
    struct kg_http_out *out;
    const struct kg_job_row *retry_of; /* the request is that of this job, once more; or NULL */
    char job[37];                    /* GUID of the job that this call has made; empty: none yet */
    char *details;                   /* for the audit log, see kg_call_note_assignment(); may be NULL */
    bool partial;                    /* of a list: the caller may see only some of it, see kg_call_sees() */
};

/* The id that the path names, see router.h; and the value of one {name} in it (a bug when the pattern has none). */
static inline const char *kg_call_id(const struct kg_call *c) { return c->match->scope; }
const char *kg_call_param(const struct kg_call *c, const char *name);
/* Id of the backup vault or instance in a path that goes on behind it. The caller frees. */
char *kg_call_vault_id(const struct kg_call *c);
char *kg_call_instance_id(const struct kg_call *c);

/* Has the audit log say which role was given to, or taken from, whom. Several are joined. */
void kg_call_note_assignment(struct kg_call *c, const struct kg_json *assignment);

int kg_call_need_body(const struct kg_call *c, struct kg_err *err) KG_MUST_CHECK;
/* $top, within limits. */
int kg_call_top(const struct kg_call *c, unsigned *ret, struct kg_err *err) KG_MUST_CHECK;
bool kg_call_flag(const struct kg_call *c, const char *key); /* ?force, ?force=true */

/* ---- answers ---- */

int kg_call_answer(struct kg_call *c, int status, struct kg_json *body, struct kg_err *err); /* takes body; NULL: none. */
int kg_call_answer_list(struct kg_call *c, struct kg_json *array, const char *next, struct kg_err *err); /* takes array */
/* Body and one more string at its end, never in a struct kg_json: for what is told only once. Takes body. */
int kg_call_answer_secret(struct kg_call *c, struct kg_json *body, const char *key, const struct kg_secret *value,
                          struct kg_err *err);
/* "http://host" of this request, for links. The caller frees. */
char *kg_call_base(const struct kg_call *c);

/* ---- lists that not all may see all of ---- */

/* May the caller see this one in the list that the route gives? */
int kg_call_sees(const struct kg_call *c, const char *id, bool *ret, struct kg_err *err) KG_MUST_CHECK;

/* May the caller read the resource of that type and id, so that a message may name it? */
bool kg_call_may_name(const struct kg_call *c, const char *type, const char *id);

/* The same for answers that show resources of several types, each to be seen with an action of its own: what a caller may see
 * of those below scope. */
struct kg_view {
    const char *action;
    bool all, some;                  /* some: not all, perhaps one here and there */
};
int kg_view_of(const struct kg_call *c, const char *action, const char *scope, struct kg_view *ret, struct kg_err *err) KG_MUST_CHECK;
int kg_view_sees(const struct kg_call *c, const struct kg_view *v, const char *id, bool *ret, struct kg_err *err) KG_MUST_CHECK;

/* May the caller choose a directory of this machine for the service to write to? A role for some resources is not enough:
 * the service's own files, or another vault's, could be meant. */
int kg_call_may_choose_path(const struct kg_call *c, const char *path, struct kg_err *err) KG_MUST_CHECK;

/* May the caller read the value of this secret, by a role on data or, where the key vault has them, an access policy?
 * KG_E_DENIED names the secret or the key vault. */
int kg_call_may_read_secret(const struct kg_call *c, const char *uri, struct kg_err *err) KG_MUST_CHECK;
/* Does an access policy of the key vault give the caller this permission ("get", "list", "set", "delete")? */
int kg_call_ask_policies(const struct kg_call *c, const struct kg_resource *kv, const char *permission,
                         struct kg_err *err) KG_MUST_CHECK;

/* ---- resources ---- */

/* {id, name, type, location, tags, identity, eTag, systemData, properties} of a row; the caller frees. What the service
 * remembers for itself (json's "internal") stays inside. */
struct kg_json *kg_resource_answer(const struct kg_resource *r);
/* GET of the resource that the path names, and of those of a type below it (anywhere below when deep). */
int kg_call_get(struct kg_call *c, struct kg_err *err);
int kg_call_list(struct kg_call *c, const char *type, bool deep, struct kg_err *err);
/* What a list shows of a row. *ret is NULL before; when it stays so, the row is left out. */
typedef int kg_answer_fn(void *arg, const struct kg_resource *r, struct kg_json **ret, struct kg_err *err);
/* Answers with a page of what the query finds (its after and top are the request's) and the caller may see. A link to the next
 * page tells nothing of what he may not see. */
int kg_call_list_found(struct kg_call *c, const struct kg_resource_query *q, kg_answer_fn *answer, void *arg, struct kg_err *err);
/* kg_call_list() of the children of id, each shown as answer does. */
int kg_call_list_as(struct kg_call *c, const char *id, const char *type, bool deep,
                    kg_answer_fn *answer, void *arg, struct kg_err *err);
/* Answers 200 or 204 as ARM does: deleting what is not there is no error. */
int kg_call_delete(struct kg_call *c, struct kg_err *err);

/* A PUT on its way: what was there, and what shall be. */
struct kg_put {
    bool exists;
    struct kg_resource old;
    const char *location;            /* the body's, else the old one's, else the resource group's; borrowed */
    char *group_location;
    struct kg_json *json;            /* tags, properties, internal */
};
void kg_put_done(struct kg_put *p);
#define KG_AUTO_PUT KG_CLEANUP(kg_put_done)
/* Reads what all PUTs have: name, location (which cannot change), tags. */
int kg_put_begin(struct kg_call *c, enum kg_name_kind kind, const char *name, struct kg_put *ret, struct kg_err *err) KG_MUST_CHECK;
/* Stores it, with who did it and If-Match honoured; ret (may be NULL) is the row as stored. */
int kg_put_store(struct kg_call *c, struct kg_put *p, struct kg_resource *ret, struct kg_err *err) KG_MUST_CHECK;
/* Stores it and answers 201 or 200. */
int kg_put_finish(struct kg_call *c, struct kg_put *p, struct kg_err *err);

/* ---- operations ---- */

/* Checks that the task may start, opens a transaction and writes the rows of its operation and job (job may be NULL).
 * The handler adds its own changes and calls kg_call_launch(); on any other way out it must roll back. */
int kg_call_prepare(struct kg_call *c, struct kg_task *t, struct kg_job *job, struct kg_err *err) KG_MUST_CHECK;
/* kg_note_job() of a job that this call makes, in the transaction that the handler has opened. */
int kg_call_note_job(struct kg_call *c, struct kg_job *job, const char *step, struct kg_err *err) KG_MUST_CHECK;
/* The same request once more, by this caller, who must be allowed to make it: the answer of its handler goes to c->out. */
int kg_call_again(struct kg_call *c, const char *method, const char *path, const struct kg_json *body, struct kg_err *err) KG_MUST_CHECK;
/* Commits, starts, answers status with the headers of an asynchronous operation; takes *t, *job and body. The result is
 * found at results_at + "/operationResults/ID"; NULL: the location's. */
int kg_call_launch(struct kg_call *c, struct kg_task **t, struct kg_job **job, int status, const char *results_at,
                   struct kg_json *body, struct kg_err *err);
/* Answers with a recovery point as it stands in row. */
int kg_point_answer(struct kg_call *c, const char *instance, const struct kg_point_row *row, struct kg_err *err);
/* The result of KG_TASK_POINT_CONTENTS: the recovery point, with what it holds. */
int kg_point_contents_answer(struct kg_call *c, const struct kg_operation_row *op, struct kg_err *err);
/* The headers alone, for an operation that is under way: the result at result_path, or at the location's. */
void kg_call_follow_headers(struct kg_call *c, const char *operation, const char *result_path);

#endif
