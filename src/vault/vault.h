/* vault/vault.h - a Backup vault's bytes: keys, chunks, packs, index, manifests. The format is docs/formats/vault.md.
 *
 * Writing: kg_writer (one a backup) loads the index; each session thread opens a kg_sink on it and sends streams
 *          through; kg_writer_commit() makes everything durable (packs, then index, then manifest) and only then the
 *          recovery point exists. Dropping a writer without commit leaves garbage that collection finds, nothing else.
 * Reading: kg_reader (one a restore, immutable, shared) loads the index; each thread opens a kg_source on it.
 *
 * Ownership: *_open, *_begin and *_create give the caller an object, the matching close/free takes it back. A vault
 *            borrows its store; writers and readers borrow their vault.
 * Threads:   vault, writer and reader may be used from any thread; a sink or a source belongs to one.
 * Errors:    KG_E_CORRUPT names the object and what is wrong with it; KG_E_WRONG_KEY; KG_E_VAULT_FORMAT; store errors. */
#ifndef KG_VAULT_VAULT_H
#define KG_VAULT_VAULT_H

#include <stdbool.h>
#include <stdint.h>
#include "base/cleanup.h"
#include "crypto/secret.h"
#include "json/json.h"
#include "store/store.h"

struct kg_vault;

/* ---- vaults and keys ---- */

struct kg_vault_spec {
    const char *tier;        /* "VaultStore", "ArchiveStore" */
    const char *hash;        /* "hmac-sha256", "blake2b-256"; NULL: the fastest on this processor */
    const struct kg_vault *like; /* optional: the other datastore of a Backup vault; its master key and hash are this one's, too */
};

/* Makes a vault in an empty store (KG_E_VAULT_EXISTS otherwise) with one key slot, for the service's key (32 bytes). */
int kg_vault_create(struct kg_store *st, const struct kg_vault_spec *spec, const struct kg_secret *service_key,
                    struct kg_vault **ret, struct kg_err *err) KG_MUST_CHECK;
/* Takes back a vault that was made a moment ago and holds nothing; what cannot be removed stays. v is to be closed as ever. */
void kg_vault_unmake(struct kg_vault *v);
int kg_vault_open(struct kg_store *st, const struct kg_secret *service_key, struct kg_vault **ret,
                  struct kg_err *err) KG_MUST_CHECK;
/* With the printed recovery key: text of groups, blanks and case do not matter; a typing mistake is told apart
 * (checksum in the text) from a key of another vault. */
int kg_vault_open_recovery(struct kg_store *st, const struct kg_secret *recovery_text, struct kg_vault **ret,
                           struct kg_err *err) KG_MUST_CHECK;
/* Makes a new recovery slot, removes the older ones, and hands out the text to print. */
int kg_vault_issue_recovery_key(struct kg_vault *v, struct kg_secret **ret_text, struct kg_err *err) KG_MUST_CHECK;
/* The same for a key that is there already, for the other datastore: one key opens both. */
int kg_vault_set_recovery_key(struct kg_vault *v, const struct kg_secret *text, struct kg_err *err) KG_MUST_CHECK;
/* The same in steps, for two datastores that one key shall open: a key's text; its slot, which is added (its name goes to slot);
 * and all other recovery slots, which go once the text has been handed out. */
enum { KG_VAULT_SLOT_NAME = 256 };
struct kg_secret *kg_vault_new_recovery_key(void);
/* Whether any recovery key opens it. */
int kg_vault_has_recovery_key(struct kg_vault *v, bool *ret, struct kg_err *err) KG_MUST_CHECK;
int kg_vault_add_recovery_key(struct kg_vault *v, const struct kg_secret *text, char slot[static KG_VAULT_SLOT_NAME],
                              struct kg_err *err) KG_MUST_CHECK;
int kg_vault_drop_other_recovery_keys(struct kg_vault *v, const char *slot, struct kg_err *err) KG_MUST_CHECK;
void kg_vault_close(struct kg_vault *v);
KG_DEFINE_CLEANUP(struct kg_vault, kg_vault_close)
const char *kg_vault_id(const struct kg_vault *v);             /* UUID */
const char *kg_vault_tier(const struct kg_vault *v);           /* "VaultStore", "ArchiveStore" */

/* ---- streams ---- */

enum { KG_CHUNK_ID = 32, KG_STREAM_INLINE = 64 };

/* What the manifest says of a stream. depth 0: ids are the chunks of the data; depth k: they are the chunks of the
 * list of ids of depth k-1. At most KG_STREAM_INLINE ids stand here. */
struct kg_stream {
    uint64_t bytes;          /* plain length of the data */
    uint64_t chunks;         /* how many chunks the data has */
    uint32_t chunk_size;     /* average asked of the chunker */
    uint32_t depth;
    uint32_t n_ids;
    uint8_t ids[KG_STREAM_INLINE][KG_CHUNK_ID];
};
struct kg_json *kg_stream_to_json(const struct kg_stream *s);  /* {"bytes","chunks","chunkSize","depth","ids":base64} */
int kg_stream_from_json(const struct kg_json *j, struct kg_stream *ret, struct kg_err *err) KG_MUST_CHECK;

enum { KG_CHUNK_SMALL = 10 * 1024, KG_CHUNK_MEDIUM = 32 * 1024, KG_CHUNK_LARGE = 64 * 1024 };

/* ---- writing ---- */

struct kg_writer;
struct kg_sink;

struct kg_write_opts {
    int level;               /* zstd */
    size_t segment_bytes;    /* 0: 4 MiB of plain bytes */
    uint64_t pack_bytes;     /* 0: 16 MiB of stored bytes */
    const char *what;        /* for people who wait for it; NULL: "backup" */
};
struct kg_write_stats {
    uint64_t plain_bytes;    /* sent through sinks */
    uint64_t new_bytes;      /* of these, in chunks that the vault did not have */
    uint64_t stored_bytes;   /* bytes of the objects written: packs, index, manifest */
    uint64_t chunks, new_chunks, segments, packs;
};

int kg_writer_begin(struct kg_vault *v, const struct kg_write_opts *o, struct kg_writer **ret,
                    struct kg_err *err) KG_MUST_CHECK;
void kg_writer_stats(struct kg_writer *w, struct kg_write_stats *ret);
/* All sinks must be closed. point and instance are name parts (see store.h). *manifest is completed with "format",
 * "vaultId", "instance", "point" (and "indexObjects", "keySlots", for check) and written as the last object. */
int kg_writer_commit(struct kg_writer *w, const char *instance, const char *point, struct kg_json *manifest,
                     struct kg_err *err) KG_MUST_CHECK;
void kg_writer_free(struct kg_writer *w);                      /* after commit, or instead of it; NULL is allowed */
KG_DEFINE_CLEANUP(struct kg_writer, kg_writer_free)

int kg_sink_open(struct kg_writer *w, struct kg_sink **ret, struct kg_err *err) KG_MUST_CHECK;
/* A new stream; the one before must have ended. chunk_size is brought into 4 KiB to 64 KiB. */
void kg_sink_begin(struct kg_sink *s, uint32_t chunk_size);
/* After a failure here, or in kg_sink_end() or kg_sink_close(), the whole writer has failed: every further call reports
 * the first failure, and nothing can be committed. */
int kg_sink_add(struct kg_sink *s, const void *data, size_t n, struct kg_err *err) KG_MUST_CHECK;
int kg_sink_end(struct kg_sink *s, struct kg_stream *ret, struct kg_err *err) KG_MUST_CHECK;
int kg_sink_close(struct kg_sink *s, struct kg_err *err) KG_MUST_CHECK; /* flushes and frees s, whatever happens */
/* Gives up the stream that was begun and frees; NULL is allowed. Chunks that were cut already are kept, for other sinks
 * may count on them: the writer can still commit, without that stream. */
void kg_sink_abort(struct kg_sink *s);
KG_DEFINE_CLEANUP(struct kg_sink, kg_sink_abort)

/* ---- reading ---- */

struct kg_reader;
struct kg_source;

/* Keeps collection from deleting anything while somebody reads at length; it needs to write to the store. */
struct kg_presence;
int kg_vault_hold(struct kg_vault *v, const char *what, struct kg_presence **ret, struct kg_err *err) KG_MUST_CHECK;
void kg_vault_release(struct kg_presence *p);                  /* NULL is allowed */
KG_DEFINE_CLEANUP(struct kg_presence, kg_vault_release)

struct kg_read_stats { uint64_t plain_bytes, segment_bytes, stored_bytes, segments; };

int kg_reader_open(struct kg_vault *v, struct kg_reader **ret, struct kg_err *err) KG_MUST_CHECK;
void kg_reader_close(struct kg_reader *r);
KG_DEFINE_CLEANUP(struct kg_reader, kg_reader_close)
void kg_reader_stats(struct kg_reader *r, struct kg_read_stats *ret);

int kg_source_open(struct kg_reader *r, size_t cached_segments, struct kg_source **ret, struct kg_err *err) KG_MUST_CHECK;
void kg_source_close(struct kg_source *s);
KG_DEFINE_CLEANUP(struct kg_source, kg_source_close)
/* The caller compares what it reads with something better, row sums: the chunks' own hashes need not be computed again. Seals and
 * lengths are checked all the same. */
void kg_source_trust_chunks(struct kg_source *s);
int kg_source_begin(struct kg_source *s, const struct kg_stream *stream, struct kg_err *err) KG_MUST_CHECK;
/* The next run of bytes, borrowed until the next call; *ret_n is 0 at the end, when the length has been checked. */
int kg_source_next(struct kg_source *s, const void **ret_data, size_t *ret_n, struct kg_err *err) KG_MUST_CHECK;

/* ---- recovery points ---- */

typedef int (*kg_point_visit)(void *ctx, const char *instance, const char *point, uint64_t size, struct kg_err *err);
/* instance NULL: those of all. */
int kg_point_list(struct kg_vault *v, const char *instance, kg_point_visit visit, void *ctx, struct kg_err *err) KG_MUST_CHECK;
int kg_point_get(struct kg_vault *v, const char *instance, const char *point, struct kg_json **ret_manifest,
                 struct kg_err *err) KG_MUST_CHECK;            /* KG_E_NO_POINT, KG_E_CORRUPT */
int kg_point_delete(struct kg_vault *v, const char *instance, const char *point, struct kg_err *err) KG_MUST_CHECK;

/* ---- copying a point to the other datastore ---- */

struct kg_copy_opts {
    int level;                                                 /* zstd */
    unsigned jobs;                                             /* threads; 0: one */
    bool anew;                                                 /* a copy that is there may be damaged: it is read, and made good */
    void (*progress)(void *ctx, uint64_t done, uint64_t total);/* optional; bytes; from the calling thread, a few times a second */
    bool (*cancelled)(void *ctx);                              /* optional; from any thread */
    void *ctx;
};
struct kg_copy_result {
    bool already;                                              /* the copy was there */
    uint64_t bytes;                                            /* plain, of the point */
    uint64_t new_bytes;                                        /* of these, in chunks that the other store did not have */
    uint64_t stored_bytes;                                     /* of the objects written, manifest included */
};
/* Copies a recovery point with all that it needs; both vaults must be of one kind (see kg_vault_spec.like), or it is KG_E_USAGE.
 * Seals, lengths and hashes of all that is read are checked, segments are read back after sealing, and the manifest is the
 * last object that is written: until then the other store has no such point. Once more is no error: a copy that is there is
 * compared, and nothing written, unless it is damaged and "anew" asks for that. KG_E_NO_POINT, KG_E_CORRUPT, KG_E_CANCELLED. */
int kg_point_copy(struct kg_vault *from, struct kg_vault *to, const char *instance, const char *point,
                  const struct kg_copy_opts *o, struct kg_copy_result *ret, struct kg_err *err) KG_MUST_CHECK;

/* ---- collection ---- */

struct kg_collect_opts {
    bool dry_run;                                              /* only look */
    unsigned repack_percent;                                   /* rewrite packs of which less is needed; 0: 50 */
    bool take_over;                                            /* other machines at work in the vault will not come back */
    const struct kg_json *expected;                            /* optional: points that must be there, see below */
    bool (*cancelled)(void *ctx);                              /* optional */
    void *ctx;
};
/* Space of what no recovery point needs comes back, in two phases: what is to go is made known first and deleted when no
 * backup is at work that does not know it; a call does what it can of both (see presence.h for what holds it up). Any
 * list or read that fails stops it: nothing is deleted on a guess.
 * {"packs":n,"bytes":n,"deadPacks":n,"deadBytes":n,"repackPacks":n,"repackBytes":n,"rewrittenBytes":n,"deletedPacks":n,
 *  "freedBytes":n,"dryRun":bool,"waitingFor":[{"what","host","since","elsewhere":bool}…]}; the caller frees it. KG_E_BUSY: another
 * one is at it. KG_E_DISK_FULL: what is needed of some packs could not be stored again; everything else was done.
 * expected: [{"instance","point","lost":bool}…]. One that is not in the vault stops it (KG_E_CORRUPT): a folder that was not mounted
 * looks like points that were deleted. One that is known to be lost does not, as long as its instance has others. */
int kg_vault_collect(struct kg_vault *v, const struct kg_collect_opts *o, struct kg_json **ret_report,
                     struct kg_err *err) KG_MUST_CHECK;

/* ---- usage ---- */

/* How full the vault is, from its own list, index and manifests:
 * {"storedBytes": of all objects, "packBytes", "plainBytes": of all chunks, "neededBytes", "neededStoredBytes": of those that recovery
 *  points need, plain and as stored, "instances":[{"instance","neededBytes","neededStoredBytes"}]}
 * A chunk that several instances need counts for the one whose point is listed first. Hold the vault meanwhile. */
int kg_vault_usage(struct kg_vault *v, struct kg_json **ret, struct kg_err *err) KG_MUST_CHECK;

/* ---- check ---- */

struct kg_check_opts {
    bool read_data;                                            /* open every segment, hash every chunk */
    void (*progress)(void *ctx, uint64_t done, uint64_t total);
    void *ctx;
};
/* Looks at everything and never stops at the first fault. The report (caller frees):
 * {"healthy":bool,"objects":n,"bytes":n,"points":n,"chunks":n,"readData":bool,"unreferencedPacks":n,"unreferencedBytes":n,
 *  "damage":[{"object":"packs/ab/…","problem":"…","affects":[{"instance","point","what":"table public.t"}…],
 *    "points":["instance/point"…]}…]}
 * "affects" ends at 1000 entries. Every point that is affected by something stands in one "points", that of the damage found first.
 * Returns < 0 only when the check itself cannot be done (store unreachable, wrong key). */
int kg_vault_check(struct kg_vault *v, const struct kg_check_opts *o, struct kg_json **ret_report,
                   struct kg_err *err) KG_MUST_CHECK;

#endif
