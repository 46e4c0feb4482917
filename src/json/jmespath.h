/* json/jmespath.h - JMESPath, the query language of --query (https://jmespath.org/specification.html), all of it.
 *
 * Beyond the specification, as az does: < <= > >= compare two strings, too (times of ISO 8601 are such strings), and a
 * literal in backticks that is not JSON is the string that it looks like: `Running`.
 *
 * Both the expression and the document may be hostile: expressions are at most 16 KiB long and 200 levels deep; a search
 * ends with KG_E_LIMIT when it takes too many steps or too much memory.
 *
 * Ownership: the query belongs to the caller, and so does what a search returns; the document is only read.
 * Threads:   a query may be searched by several at once. */
#ifndef KG_JSON_JMESPATH_H
#define KG_JSON_JMESPATH_H

#include "json/json.h"

struct kg_jmespath;

/* KG_E_USAGE names the character where the expression stops making sense, and what would. */
int kg_jmespath_compile(const char *expression, struct kg_jmespath **ret, struct kg_err *err) KG_MUST_CHECK;
void kg_jmespath_free(struct kg_jmespath *q);
KG_DEFINE_CLEANUP(struct kg_jmespath, kg_jmespath_free)
#define KG_AUTO_JMESPATH KG_CLEANUP(kg_jmespath_freep)

/* What q selects from doc; never NULL, JSON's null when there is nothing. KG_E_USAGE: a function was handed something of
 * a type that it does not take, or a slice has the step 0. */
int kg_jmespath_search(const struct kg_jmespath *q, const struct kg_json *doc, struct kg_json **ret,
                       struct kg_err *err) KG_MUST_CHECK;

#endif
