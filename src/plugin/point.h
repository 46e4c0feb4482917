/* plugin/point.h - a recovery point opened for reading: manifest, table of contents, the vault's index. */
#ifndef KG_PLUGIN_POINT_H
#define KG_PLUGIN_POINT_H

#include "crypto/secret.h"
#include "pg/archive.h"
#include "plugin/manifest.h"
#include "vault/vault.h"

struct kg_point {
    struct kg_manifest *manifest;
    struct kg_archive *archive;
    struct kg_reader *reader;
    const struct kg_mtable **by_dump_id; /* sorted: what kg_point_table() looks in */
};

int kg_point_open(struct kg_vault *v, const char *instance, const char *point, struct kg_point *ret, struct kg_err *err) KG_MUST_CHECK;
void kg_point_close(struct kg_point *p);
#define KG_AUTO_POINT KG_CLEANUP(kg_point_close)

/* A whole stream into memory (bounded by ret's ceiling). */
int kg_point_read(struct kg_reader *r, const struct kg_stream *s, struct kg_buf *ret, struct kg_err *err) KG_MUST_CHECK;

/* What the backup knows of the server (pg/globals.h); KG_E_NOT_FOUND when it does not. The caller frees. */
int kg_point_server(const struct kg_point *p, struct kg_json **ret, struct kg_err *err) KG_MUST_CHECK;
/* The hashes of its roles' passwords; KG_E_NOT_FOUND when they were not captured. */
int kg_point_passwords(const struct kg_point *p, struct kg_secret **ret, struct kg_err *err) KG_MUST_CHECK;

/* The manifest's table of a TABLE DATA entry; NULL when there is none. */
const struct kg_mtable *kg_point_table(const struct kg_point *p, int dump_id);

/* The stream of large-object records, in the order of object ids, record by record. */
struct kg_record {
    uint32_t oid;
    uint64_t at;                         /* of the page within its object */
    const void *page;                    /* borrowed until the next call */
    size_t n;                            /* an empty object is one record with n 0 */
};
struct kg_records;
int kg_records_open(struct kg_reader *r, const struct kg_manifest *m, struct kg_records **ret, struct kg_err *err) KG_MUST_CHECK;
/* *ret NULL: that was all, and it is what the manifest says. Not to be called again then, or after a failure. */
int kg_records_next(struct kg_records *r, const struct kg_record **ret, struct kg_err *err) KG_MUST_CHECK;
void kg_records_close(struct kg_records *r);     /* NULL is allowed */
KG_DEFINE_CLEANUP(struct kg_records, kg_records_close)

/* All of it: visit gets every record's page; at counts from 0 within its object. */
typedef int (*kg_record_visit)(void *ctx, uint32_t oid, uint64_t at, const void *page, size_t n, struct kg_err *err);
int kg_point_blobs(struct kg_reader *r, const struct kg_manifest *m, kg_record_visit visit, void *ctx, struct kg_err *err) KG_MUST_CHECK;

#endif
