/* Releasing rows and lists. */
#include "catalog/catalog.h"

void kg_resource_done(struct kg_resource *r)
{
    free(r->id);
    free(r->key);
    free(r->type);
    free(r->name);
    free(r->location);
    free(r->etag);
    kg_json_free(r->json);
    *r = (struct kg_resource){ 0 };
}

void kg_secret_row_done(struct kg_secret_row *r)
{
    free(r->keyvault);
    free(r->name);
    free(r->version);
    free(r->sealed);
    free(r->content_type);
    *r = (struct kg_secret_row){ 0 };
}

void kg_job_row_done(struct kg_job_row *r)
{
    free(r->id);
    free(r->vault);
    free(r->instance);
    free(r->operation);
    free(r->kind);
    free(r->status);
    kg_json_free(r->json);
    *r = (struct kg_job_row){ 0 };
}

void kg_operation_row_done(struct kg_operation_row *r)
{
    free(r->id);
    free(r->kind);
    free(r->status);
    free(r->resource);
    free(r->job);
    kg_json_free(r->result);
    kg_json_free(r->error);
    *r = (struct kg_operation_row){ 0 };
}

void kg_point_row_done(struct kg_point_row *r)
{
    free(r->instance);
    free(r->id);
    free(r->tag);
    kg_json_free(r->json);
    *r = (struct kg_point_row){ 0 };
}

void kg_assignment_row_done(struct kg_assignment_row *r)
{
    free(r->id);
    free(r->scope);
    free(r->role);
    free(r->principal);
    free(r->principal_name);
    free(r->principal_type);
    free(r->created_by);
    *r = (struct kg_assignment_row){ 0 };
}

void kg_audit_row_done(struct kg_audit_row *r)
{
    free(r->principal);
    free(r->principal_name);
    free(r->method);
    free(r->action);
    free(r->scope);
    free(r->activity);
    free(r->details);
    free(r->previous);
    free(r->hash);
    *r = (struct kg_audit_row){ 0 };
}

#define LIST_DONE(list, row_done)                                                                   \
    do {                                                                                            \
        for (size_t i = 0; i < (list)->count; i++)                                                  \
            row_done(&(list)->rows[i]);                                                             \
        free((list)->rows);                                                                         \
        (list)->rows = NULL;                                                                        \
        (list)->count = 0;                                                                          \
    } while (0)

void kg_resource_list_done(struct kg_resource_list *l)
{
    LIST_DONE(l, kg_resource_done);
    free(l->next);
    l->next = NULL;
}

void kg_secret_list_done(struct kg_secret_list *l)
{
    LIST_DONE(l, kg_secret_row_done);
    free(l->next);
    l->next = NULL;
}

void kg_job_list_done(struct kg_job_list *l)
{
    LIST_DONE(l, kg_job_row_done);
    free(l->next);
    l->next = NULL;
}

void kg_point_list_done(struct kg_point_list *l)
{
    LIST_DONE(l, kg_point_row_done);
    free(l->next);
    l->next = NULL;
}

void kg_operation_list_done(struct kg_operation_list *l) { LIST_DONE(l, kg_operation_row_done); }

static void line_done(struct kg_log_line *l) { free(l->text); }

void kg_standing_done(struct kg_standing *s)
{
    free(s->job);
    free(s->status);
    free(s->point);
    *s = (struct kg_standing){ 0 };
}

static void tally_row_done(struct kg_tally_row *r)
{
    free(r->vault);
    free(r->status);
}
void kg_tally_done(struct kg_tally *t) { LIST_DONE(t, tally_row_done); }

static void usage_row_done(struct kg_usage_row *r) { kg_json_free(r->json); }
void kg_usage_list_done(struct kg_usage_list *l) { LIST_DONE(l, usage_row_done); }

void kg_log_list_done(struct kg_log_list *l)
{
    LIST_DONE(l, line_done);
    l->next = 0;
}

void kg_assignment_list_done(struct kg_assignment_list *l) { LIST_DONE(l, kg_assignment_row_done); }

void kg_audit_list_done(struct kg_audit_list *l)
{
    LIST_DONE(l, kg_audit_row_done);
    l->next = 0;
}
