/* plugin/tables.h - which tables a data path is at, how far it is with each, and how long the biggest of those done took.
 *
 * A table is named by its place in the caller's own list; several sessions may work on one at the same time. What is told is
 * bounded whatever the number of tables: those in work, and the biggest ones that are done.
 *
 * Ownership: new gives, free takes; names are borrowed and must live as long. Threads: any, except new, name and free. */
#ifndef KG_PLUGIN_TABLES_H
#define KG_PLUGIN_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/cleanup.h"
#include "base/time.h"

enum { KG_TABLES_IN_WORK = 20, KG_TABLES_BIGGEST = 10, KG_TABLES_KEPT = 500 };

struct kg_tables;

struct kg_tables *kg_tables_new(size_t n);
void kg_tables_free(struct kg_tables *t);        /* NULL is allowed */
KG_DEFINE_CLEANUP(struct kg_tables, kg_tables_free)

/* Before anybody enters it; again for something else, where nothing was counted. bytes: what it probably has, of the kind that
 * kg_tables_count() counts; 0: not known. parts: done when so many are. is_table: it is one of the tables done then. */
void kg_tables_name(struct kg_tables *t, size_t i, const char *schema, const char *name, uint64_t bytes, unsigned parts, bool is_table);

/* A session begins with a part of table i: step is a word of static storage ("read", "load", "index", "verify", "write"). */
void kg_tables_enter(struct kg_tables *t, size_t i, const char *step);
void kg_tables_count(struct kg_tables *t, size_t i, uint64_t bytes, uint64_t rows);
/* It leaves the table, with or without having done its part. */
void kg_tables_leave(struct kg_tables *t, size_t i, bool part_done);
uint64_t kg_tables_done(const struct kg_tables *t);

struct kg_table_told {
    const char *schema, *name, *step;
    uint64_t bytes_done, bytes_total, rows;
    kg_usec took;                        /* until now, or until it was done */
};
/* Those in work, first begun first. Returns how many there are, which may be more than max. */
size_t kg_tables_in_work(const struct kg_tables *t, kg_usec now_mono, struct kg_table_told *ret, size_t max);
/* The biggest of those done, biggest first; what had nothing is not among them. Returns how many were written. */
size_t kg_tables_biggest(const struct kg_tables *t, struct kg_table_told *ret, size_t max);

#endif
