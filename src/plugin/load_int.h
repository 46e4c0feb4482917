/* plugin/load_int.h - the parts of load.h: what one session does with one table. */
#ifndef KG_PLUGIN_LOAD_INT_H
#define KG_PLUGIN_LOAD_INT_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "pg/plan.h"
#include "plugin/load.h"

enum { KG_NO_MARK = -1 };

struct kg_load_item {
    const struct kg_mtable *table;
    const struct kg_toc_entry *entry;
    char *target;                        /* where its rows go, quoted: the manifest's target, or the leaf, see make_items() */
    bool via_root;                       /* that is the root of its partitions */
    uint64_t bytes;
    const struct kg_toc_entry *created;  /* the archive's TABLE entry: may be truncated and frozen; NULL: was there before */
    bool later;                          /* loaded one after the other, in order, when the rest is done */
    size_t head;                         /* how many slices go in first, frozen; the rest can go in parallel after that */
    size_t next_slice, slices_left;      /* of that rest: to be given out, to be loaded */
    uint32_t pages;                      /* once loaded, when it is big enough to be read back in parts */
    unsigned parts, parts_left;          /* of reading back */
    struct kg_rowsum got;                /* what the parts have found so far */
};

struct kg_load_session {
    struct kg_load *load;
    const struct kg_load_spec *spec;
    atomic_bool *stop;                   /* another session failed: give up */
    atomic_ullong *bytes, *rows;         /* loaded so far, for progress */
    struct kg_tables *tables;            /* the load's */
    ssize_t mark;                        /* in it: what the session is at; KG_NO_MARK: nothing that is told */
    pthread_t thread;
    struct kg_session *pg;
    struct kg_source *src;
};

int kg_load_session_open(struct kg_load_session *s, struct kg_err *err) KG_MUST_CHECK;   /* load, spec, stop, bytes are set */
void kg_load_session_close(struct kg_load_session *s);

/* The slices [from, to) of a table in one transaction, compared with the manifest before it commits. The first ones of a table
 * that the archive created (from 0) empty it and are frozen. */
int kg_load_slices(struct kg_load_session *s, const struct kg_load_item *it, size_t from, size_t to, struct kg_err *err) KG_MUST_CHECK;
/* After loading: into how many parts the reading back is cut, so that several sessions can share it. */
int kg_load_plan_verify(struct kg_load_session *s, struct kg_load_item *it, struct kg_err *err) KG_MUST_CHECK;
/* Reads a part of a loaded table again and adds what it finds to *ret. */
int kg_load_read_back(struct kg_load_session *s, const struct kg_load_item *it, unsigned part, struct kg_rowsum *ret,
                      struct kg_err *err) KG_MUST_CHECK;
/* Compares what all parts have found. */
int kg_load_compare(const struct kg_load_item *it, struct kg_err *err) KG_MUST_CHECK;
/* Reads and compares all leaves that were loaded through one root, when it is the first of them in item. */
int kg_load_verify_root(struct kg_load_session *s, const struct kg_load_item *item, size_t n, const struct kg_load_item *it,
                        struct kg_err *err) KG_MUST_CHECK;
/* What is to be told as a warning, by the caller's thread. */
struct kg_load_soft { struct kg_err *err; size_t n, cap; };
/* ret_soft gets one for every owner that could not be given what is its. */
int kg_load_blobs(struct kg_load_session *s, struct kg_load_soft *ret_soft, struct kg_err *err) KG_MUST_CHECK;

#endif
