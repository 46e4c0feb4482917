/* api/router.h - from a method and a path to a row of the route table. Pure.
 *
 * A pattern is a path whose segments are words (compared ignoring ASCII case) or {names}. Names arrive percent-encoded
 * and are handed on decoded. The scope is the path up to its last name, spelled as the pattern spells the words: the ID
 * of the resource that the request is about ("/" when the path names nothing).
 *
 * Role assignments and their like belong to any resource: "/providers/Microsoft.Authorization/…" may stand behind any ID,
 * the pattern is that of the rest, and the ID is the scope. */
#ifndef KG_API_ROUTER_H
#define KG_API_ROUTER_H

#include <stdbool.h>
#include <stddef.h>
#include "base/buf.h"
#include "keepgres/err.h"

struct kg_call;
typedef int kg_handler(struct kg_call *c, struct kg_err *err);

enum {
    KG_ROUTE_OPEN_STOPPING = 1u << 0,  /* POST that is answered while the service stops, too */
    KG_ROUTE_SECRET = 1u << 1,         /* the body holds a secret */
    KG_ROUTE_LIST = 1u << 2,           /* who may see only some of it gets that part */
    KG_ROUTE_OWN = 1u << 3,            /* the handler asks whether the caller may: what they began themselves they may see */
    KG_ROUTE_DATA = 1u << 4,           /* the action is one on data: secrets of a key vault */
};

struct kg_route {
    const char *method;
    const char *pattern;
    const char *action;                /* what the caller must be allowed: "Microsoft.KeyVault/vaults/read" */
    size_t body_max;
    unsigned flags;
    kg_handler *handler;
    const char *summary;               /* for docs/api.md: a sentence without full stop */
    const char *body;                  /* shape of the request's body, or NULL */
    const char *answer;                /* "200 list of backupVaults" */
};

extern const struct kg_route kg_routes[];
extern const size_t kg_routes_count;

enum { KG_ROUTE_PARAMS = 8 };

struct kg_match {
    const struct kg_route *route;
    char *param[KG_ROUTE_PARAMS];      /* decoded, in the pattern's order */
    unsigned params;
    char *scope;
};
void kg_match_done(struct kg_match *m);
#define KG_AUTO_MATCH KG_CLEANUP(kg_match_done)

/* KG_E_NOT_FOUND: no such path; KG_E_METHOD: not with this method (the message lists those it takes); KG_E_USAGE and
 * KG_E_LIMIT: a path that is malformed or too long. */
int kg_route_find(const struct kg_route *table, size_t n, const char *method, const char *path, struct kg_match *ret,
                  struct kg_err *err) KG_MUST_CHECK;
/* Value of the parameter that the pattern calls {name}; NULL when it has none. */
const char *kg_match_param(const struct kg_match *m, const char *name);

/* The query: keys ignoring case, values decoded. KG_E_USAGE for what cannot be decoded, KG_E_LIMIT. */
struct kg_query {
    struct { char *key, *value; } item[16];
    unsigned count;
};
int kg_query_parse(const char *text, struct kg_query *ret, struct kg_err *err) KG_MUST_CHECK;
void kg_query_done(struct kg_query *q);
#define KG_AUTO_QUERY KG_CLEANUP(kg_query_done)
const char *kg_query_get(const struct kg_query *q, const char *key); /* NULL: not there */
/* Appends text for use as a query's value. */
void kg_query_encode(struct kg_buf *b, const char *text);

/* "startDate eq '…' and endDate eq '…'": the value of key in an OData-like filter of equalities, in out; false when the
 * filter does not speak of it. KG_E_USAGE (negative) when it cannot be read. 1: found, 0: not there. */
int kg_filter_get(const char *filter, const char *key, char *out, size_t size, struct kg_err *err) KG_MUST_CHECK;
/* The same of a filter that may have other comparisons, too; op: "eq", "ge", "lt". */
int kg_filter_compare(const char *filter, const char *key, const char *op, char *out, size_t size,
                      struct kg_err *err) KG_MUST_CHECK;
/* KG_E_USAGE naming a term of the filter that is none of these, each "key op": what is misspelt would find too much. */
int kg_filter_only(const char *filter, const char *const *terms, size_t n, struct kg_err *err) KG_MUST_CHECK;

#endif
