/* api/filter.h - OData filters with more than a few equalities, as lists of resources take them:
 *
 *     resourceType eq 'A' or resourceType eq 'B' and substringof('x', name)
 *
 * "and" binds closer than "or", parentheses group, "ne" is the opposite of "eq", startswith(name, 'x') there is, too. Texts are in
 * single quotes, a quote in them doubled; keys and texts are compared ignoring ASCII case. Pure. */
#ifndef KG_API_FILTER_H
#define KG_API_FILTER_H

#include <stdbool.h>
#include "keepgres/err.h"

/* What a key stands for in the row that is looked at; NULL: there is no such key. */
typedef const char *kg_filter_value(void *arg, const char *key);

/* Does the row pass? A filter that cannot be read, or names what there is not, is KG_E_USAGE whatever the row. filter NULL or
 * blank: everything passes. */
int kg_filter_match(const char *filter, kg_filter_value *value, void *arg, bool *ret, struct kg_err *err) KG_MUST_CHECK;

#endif
