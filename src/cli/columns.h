/* cli/columns.h - which columns a table shows of a resource, as data. */
#ifndef KG_CLI_COLUMNS_H
#define KG_CLI_COLUMNS_H

#include "base/buf.h"
#include "json/json.h"

enum kg_column_kind { KG_COL_TEXT, KG_COL_TIME, KG_COL_BYTES, KG_COL_DURATION, KG_COL_LAST_PART, KG_COL_LIST };

struct kg_column {
    const char *head;
    const char *paths;               /* where the value stands; several, blank-separated: the first that is there */
    enum kg_column_kind kind;
};

enum { KG_COLUMNS_MAX = 12 };

/* The columns for items like this one; NULL when nothing is known of them. Ended by { 0 }. */
const struct kg_column *kg_columns_for(const struct kg_json *item);

/* The columns for a list of resources of several types. */
const struct kg_column *kg_columns_of_any(void);

/* A cell's text; people: times without fractions and zone, bytes with units; else as they stand in the document. */
void kg_column_value(const struct kg_json *item, const struct kg_column *c, bool people, struct kg_buf *b);
/* A scalar's text; a list or an object as JSON on one line. */
void kg_scalar_text(const struct kg_json *v, struct kg_buf *b);

#endif
