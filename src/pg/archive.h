/* pg/archive.h - pg_dump's custom archive format: header and table of contents, parsed, subset and written.
 * (dump-engine notes in docs/formats/pgdump-archive.md; versions 1.12 to 1.16.) Everything comes from outside: sizes are
 * bounded, and a broken archive is KG_E_ARCHIVE naming the entry.
 *
 * Ownership: an archive owns its entries and their strings (one arena). Threads: read-only use is free. */
#ifndef KG_PG_ARCHIVE_H
#define KG_PG_ARCHIVE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/cleanup.h"
#include "keepgres/err.h"

enum kg_section { KG_SECTION_NONE = 1, KG_SECTION_PRE = 2, KG_SECTION_DATA = 3, KG_SECTION_POST = 4 };

/* Where an entry belongs when an archive is restored in three steps with our own data movers in between. */
enum kg_step {
    KG_STEP_ALWAYS,    /* ENCODING, STDSTRINGS, SEARCHPATH: in every sub-archive */
    KG_STEP_PRE,       /* pre-data, without ACL and DEFAULT ACL */
    KG_STEP_TABLE,     /* TABLE DATA: moved by us */
    KG_STEP_MID,       /* SEQUENCE SET, BLOB*, large objects' ACL, COMMENT, SECURITY LABEL */
    KG_STEP_POST,      /* post-data, all other ACLs, matview REFRESH, event triggers */
    KG_STEP_DATABASE,  /* DATABASE, DATABASE PROPERTIES and their comments and ACLs: only with --create */
};

struct kg_toc_entry {
    int dump_id;
    bool has_data;
    const char *table_oid, *oid, *tag, *desc, *defn, *drop, *copy, *schema, *tablespace, *tableam, *owner, *with_oids; /* may be NULL */
    int section;                 /* enum kg_section as written */
    int relkind;                 /* 0 before 1.16 */
    const char **deps;           /* decimal dump ids as written */
    size_t n_deps;
    uint8_t offset_flag;
    uint64_t offset;
    enum kg_section effective;   /* NONE resolved to the nearest entry before */
    enum kg_step step;
};

struct kg_archive {
    uint8_t version[3];
    uint8_t int_size, offset_size, format;
    int compression;
    int created[7];              /* sec, min, hour, mday, mon, year-1900, isdst */
    const char *dbname, *server_version, *dump_version;
    struct kg_toc_entry *entry;
    size_t n_entries;
    struct kg_arena *arena;
};

/* Reads header and TOC, and not one byte more, through read(). read returns 0 with the whole n bytes, or < 0. */
typedef int (*kg_archive_read_fn)(void *ctx, void *out, size_t n, struct kg_err *err);
int kg_archive_parse(kg_archive_read_fn read, void *ctx, struct kg_archive **ret, struct kg_err *err) KG_MUST_CHECK;
int kg_archive_parse_memory(const void *data, size_t n, struct kg_archive **ret, struct kg_err *err) KG_MUST_CHECK;
void kg_archive_free(struct kg_archive *a);
KG_DEFINE_CLEANUP(struct kg_archive, kg_archive_free)

/* Writes header and TOC. keep NULL: all entries; else those with keep[i]. Offsets are written as "not set" (data) or
 * "no data"; use_times false writes zeros for the seven creation times. */
void kg_archive_write(const struct kg_archive *a, const bool *keep, bool use_times, struct kg_buf *ret);

/* The parts of a TABLE DATA entry's COPY statement: target as written ("ns.tab", quoted where needed) and column list
 * with its parentheses ("(a, b)", "" when the table has no dumpable column). KG_E_ARCHIVE when it has none (--inserts). */
int kg_toc_copy_parts(const struct kg_toc_entry *e, char **ret_target, char **ret_columns, struct kg_err *err) KG_MUST_CHECK;

const char *kg_archive_encoding(const struct kg_archive *a);    /* from the ENCODING entry: "UTF8" */
const struct kg_toc_entry *kg_archive_find(const struct kg_archive *a, int dump_id);
/* The entry that e's i-th dependency names; NULL when it is not in the archive. */
const struct kg_toc_entry *kg_archive_dep(const struct kg_archive *a, const struct kg_toc_entry *e, size_t i);

/* Marks in keep (n_entries long) what has to be restored for the given schemas and tables ("t", "s.t", or quoted parts)
 * alone: what they depend on, and what depends only on them. KG_E_NO_TABLE names a schema or table that is not there. */
int kg_archive_select(const struct kg_archive *a, const char *const *schemas, size_t n_schemas,
                      const char *const *tables, size_t n_tables, bool *keep, struct kg_err *err) KG_MUST_CHECK;

/* What belongs to a kept table and is not kept itself, because it needs a table that is not: a foreign key, a policy that
 * looks at another table, the tie of a partition. Of the others nothing is lost. All borrowed from the archive. */
struct kg_left_out {
    const char *kind;                /* "foreign key" */
    const char *name;
    const struct kg_toc_entry *table, *needs;
};
typedef void kg_left_out_fn(void *ctx, const struct kg_left_out *l);
void kg_archive_left_out(const struct kg_archive *a, const bool *keep, kg_left_out_fn *fn, void *ctx);

/* Data blocks of a custom archive file. */
void kg_archive_block_begin(struct kg_buf *b, bool blobs, int dump_id);
void kg_archive_block_piece(struct kg_buf *b, size_t n);        /* the length in front of n bytes; 0 ends */
void kg_archive_blob_begin(struct kg_buf *b, uint32_t oid);

#endif
