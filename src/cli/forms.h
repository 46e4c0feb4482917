/* cli/forms.h - a result in one of the forms of --output. */
#ifndef KG_CLI_FORMS_H
#define KG_CLI_FORMS_H

#include <stdbool.h>
#include "base/buf.h"
#include "json/json.h"

struct kg_form {
    const char *name;                /* json (also NULL), jsonc, yaml, yamlc, table, tsv, none */
    bool tty;                        /* control characters are made harmless */
    bool colour;                     /* jsonc and yamlc paint */
    bool queried;                    /* --query made the result: its shape is the person's wish, not the resource's */
    size_t width;                    /* of the terminal: no table is wider, see kg_rows_table(); 0: as wide as it is */
};

/* Appends the result. False: a table was asked for, and the result has nothing that could stand in one. */
bool kg_output(const struct kg_json *result, const struct kg_form *form, struct kg_buf *b);

/* ---- rows.c ----
 * A table of a known resource has the columns of columns.c; of anything else, all plain members that any row has.
 * tsv has a line an item: of known resources those columns, of anything else the item's own values, in which a list is
 * its length and an object nothing, as az does; a plain value is that value. */
/* With a width, resources are named without the rest of their ids where that is unambiguous; then texts are cut, the last
 * column first, and what still does not fit is left out. */
bool kg_rows_table(const struct kg_json *result, bool queried, size_t width, struct kg_buf *b);
void kg_rows_tsv(const struct kg_json *result, bool queried, bool tty, struct kg_buf *b);

#endif
