/* model/restore.h - what the files of the restore wizard share: wizard_restore.c (fields, what is sent), restore_points.c (the
 * recovery points of the instance, as the grid of the first step), restore_tables.c (what the chosen one holds, as a tree). */
#ifndef UI_MODEL_RESTORE_H
#define UI_MODEL_RESTORE_H

#include "model/form.h"

struct ui_restore_node {
    char *schema, *name, *kind;              /* name and kind NULL: the schema itself */
    uint64_t rows, bytes;                    /* of a schema: of all its tables */
    size_t parent;                           /* of a table: its schema's index */
    bool marked, open;
};

struct ui_restore {
    char *instance, *vault;                  /* ids; "" when the form was opened without */
    struct kg_json *of, *in;                 /* the instance and the vault, once they are there */
    struct {
        struct kg_json **v;                  /* newest first, as the service lists them */
        size_t n, cap, *shown, n_shown;      /* shown: those that pass the filter */
        enum ui_load load;
        char *chosen;                        /* id; NULL: none yet */
    } points;
    struct {
        struct ui_restore_node *v;           /* a schema, its tables, the next schema */
        size_t n, cap, *shown, n_shown;
        enum ui_load load;
        struct kg_err err;
        char *of;                            /* the point that they belong to, or are asked for; NULL: none */
        int asked;                           /* grows with each asking: late answers are known by it */
        uint64_t omitted;                    /* tables that the service left out of its answer */
    } tables;
};

enum { UI_RESTORE_INSTANCE = 1000, UI_RESTORE_VAULT, UI_RESTORE_POINTS, UI_RESTORE_POINT, UI_RESTORE_CONTENTS = 2000 };

static inline struct ui_restore *ui_restore_of(const struct ui_form *f) { return f->own; }

/* ---- restore_points.c ---- */

extern const struct ui_grid ui_restore_points_grid;
void ui_restore_points_ask(struct ui_form *f, const char *next);             /* NULL: from the beginning */
void ui_restore_points_answer(struct ui_form *f, int tag, const struct kg_answer *a);
void ui_restore_points_filter(struct ui_form *f);                            /* fields "taken", "from", "until" */
void ui_restore_points_done(struct ui_restore *r);
const char *ui_restore_check_when(const struct ui_form *f, const char *value);
/* The chosen one; NULL: none is known yet. */
const struct kg_json *ui_restore_point(const struct ui_form *f);
void ui_restore_point_words(const struct kg_json *point, int64_t now, struct kg_buf *ret);
/* Is it in the archive and nowhere else? */
bool ui_restore_archived(const struct ui_form *f);
const char *ui_restore_source(const struct ui_form *f);                     /* "VaultStore" or "ArchiveStore" */

/* ---- restore_tables.c ---- */

extern const struct ui_grid ui_restore_tables_grid;
void ui_restore_tables_ask(struct ui_form *f);                               /* unless those of the chosen point are there */
void ui_restore_tables_answer(struct ui_form *f, int tag, const struct kg_answer *a);
void ui_restore_tables_done(struct ui_restore *r);
bool ui_restore_tables_any(const struct ui_restore *r);                      /* something is marked */
void ui_restore_tables_words(const struct ui_restore *r, struct kg_buf *ret);/* what is marked: "1 schema, 3 tables, 4.2 GB" */
/* Calls fn with each marked schema (table false) and table, quoted as the service wants names. */
void ui_restore_tables_each(const struct ui_restore *r, void (*fn)(void *ctx, bool table, const char *name), void *ctx);

#endif
