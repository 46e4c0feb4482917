/* plugin/sqltext.h - just enough of SQL's lexical rules to take pg_dump's own statements apart: privileges, policies, the
 * settings of a database. Keywords stand in capitals there, and a name that is one of them is quoted.
 *
 * Ownership: tokens and statements borrow from the text. Threads: any. */
#ifndef KG_PLUGIN_SQLTEXT_H
#define KG_PLUGIN_SQLTEXT_H

#include <stdbool.h>
#include <stddef.h>

enum kg_sql_kind {
    KG_SQL_END,
    KG_SQL_WORD,                 /* a keyword, a name without quotes, a number */
    KG_SQL_NAME,                 /* "…" */
    KG_SQL_TEXT,                 /* '…', E'…' */
    KG_SQL_SIGN,                 /* one byte of anything else */
};
struct kg_sql_token { enum kg_sql_kind kind; const char *at; size_t n; };

/* The token at or behind *at, which moves behind it. What is not closed goes up to the end. */
struct kg_sql_token kg_sql_next(const char **at, const char *end);
bool kg_sql_is(const struct kg_sql_token *t, const char *word);  /* exactly this word, not quoted, or this sign */
/* What a WORD or NAME names; NULL for everything else. The caller frees it. */
char *kg_sql_name(const struct kg_sql_token *t);

/* The next statement from *at on, without its semicolon and the blanks around it; false when there is none. */
struct kg_sql_part { const char *at; size_t n; };
bool kg_sql_statement(const char **at, const char *end, struct kg_sql_part *ret);

#endif
