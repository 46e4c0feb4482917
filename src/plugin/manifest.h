/* plugin/manifest.h - what a recovery point is made of, typed: tables with their slices, large objects, the archive.
 * docs/formats/vault.md describes the JSON.
 *
 * Ownership: kg_manifest_new() and kg_manifest_from_json() give, kg_manifest_free() takes. */
#ifndef KG_PLUGIN_MANIFEST_H
#define KG_PLUGIN_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>
#include "json/json.h"
#include "plugin/rowsum.h"
#include "vault/vault.h"

struct kg_slice {
    uint32_t from, to;           /* blocks [from, to), UINT32_MAX: to its end; to 0: the table was read whole, this is a part */
    struct kg_rowsum sum;
    struct kg_stream stream;
};

struct kg_mtable {
    int dump_id;
    uint32_t oid;
    char *schema, *name, *target, *columns;
    char *condition;             /* NULL: none */
    bool via_root;
    uint32_t chunk_size;
    struct kg_slice *slice;
    size_t n_slices;
};

struct kg_manifest {
    kg_usec time, end_time;
    struct kg_json *facts;       /* everything that is only carried: datasource, postgres, tools, extensions, roles, policy */
    struct kg_stream archive;
    bool has_globals;
    struct kg_stream globals;    /* of older points: roles as SQL */
    bool has_server;
    struct kg_stream server;     /* the document of pg/globals.h */
    bool has_passwords;
    struct kg_stream passwords;  /* of its roles: records of pg/globals.h */
    struct kg_mtable *table;
    size_t n_tables;
    bool has_blobs;
    uint64_t blob_count;
    struct kg_rowsum blob_sum;   /* rows: records; bytes: of records; sum over records */
    struct kg_stream blobs;
};

struct kg_manifest *kg_manifest_new(size_t n_tables);
void kg_manifest_free(struct kg_manifest *m);
KG_DEFINE_CLEANUP(struct kg_manifest, kg_manifest_free)

struct kg_json *kg_manifest_to_json(const struct kg_manifest *m);
int kg_manifest_from_json(const struct kg_json *j, struct kg_manifest **ret, struct kg_err *err) KG_MUST_CHECK;

void kg_mtable_sum(const struct kg_mtable *t, struct kg_rowsum *ret);     /* over its slices */
void kg_manifest_totals(const struct kg_manifest *m, struct kg_rowsum *ret);
/* What a person wants to know of it: {"schemas":[{"name","tables","rows","bytes"}],"tables":[{"schema","name","rows","bytes"}],
 * "omitted":n,"largeObjects":{"count","bytes"}}, both lists sorted. What would make it larger than 2 MiB of JSON is left out
 * and counted in "omitted". The caller frees. */
struct kg_json *kg_manifest_contents(const struct kg_manifest *m);
/* The same as a list: {"value":[{"schema","name","kind","rows","bytes"}],"omitted":n,"largeObjects":{"count","bytes"},"roles":bool},
 * sorted, with the same bound; schema NULL: of all. kind is "table": rows are what a manifest counts. The caller frees. */
struct kg_json *kg_manifest_list(const struct kg_manifest *m, const char *schema);
int kg_manifest_server_version(const struct kg_manifest *m);              /* 150020; 0 when unknown */

#endif
