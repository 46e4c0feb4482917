/* vault/writer_int.h - what a writer and its sinks share.
 *
 * A writer knows which chunks the vault has, and owns the packs being written. A sink cuts streams into chunks, claims
 * the new ones, gathers them into segments and appends those to an open pack; full packs go to the writer's finisher
 * thread, which makes them durable while the session goes on. */
#ifndef KG_VAULT_WRITER_INT_H
#define KG_VAULT_WRITER_INT_H

#include <pthread.h>
#include <stdatomic.h>
#include "vault/idmap.h"
#include "vault/presence.h"
#include "vault/vault_int.h"

struct kg_pack_out {                    /* a pack being written */
    char name[KG_PACK_NAME];
    uint8_t id[KG_PACK_ID];
    struct kg_put *put;
    uint64_t at;                        /* bytes so far */
    struct kg_buf segs, chunks;         /* rows of its directory */
    struct kg_pack_out *next;
};

struct kg_writer {
    struct kg_vault *v;
    int level;
    size_t segment_bytes;
    uint64_t pack_bytes;
    struct kg_presence *presence;       /* what keeps collection away */
    struct kg_idmap *seen;              /* chunks that are stored or on their way */
    uint8_t (*counted_on)[KG_PACK_ID];  /* packs that were there, in order */
    size_t n_counted_on;
    pthread_mutex_t lock;               /* everything below, but the atomics */
    pthread_cond_t work, progress;      /* for the finisher; from it */
    pthread_t finisher;
    struct kg_pack_out *queue, **queue_end;
    unsigned queued;                    /* in the queue or in the finisher's hands */
    bool stop;
    struct kg_pack_out *unfilled;       /* packs that closed sinks left behind */
    unsigned sinks;
    struct kg_err failure;
    atomic_bool failed;                 /* failure is set: chunks that were claimed may be lost, so nothing may commit */
    struct kg_buf index;                /* plain index of finished packs that no index object lists yet */
    size_t index_chunks;
    uint64_t index_seq;
    struct kg_json *index_names;        /* what the manifest says of them */
    bool committed;
    struct kg_write_stats stats;
};

/* Remembers the first failure. Returns -code of err. */
int kg_writer_fail(struct kg_writer *w, const struct kg_err *err);
/* A failure of the finisher or of another sink, reported to this caller. */
int kg_writer_check(struct kg_writer *w, struct kg_err *err) KG_MUST_CHECK;
/* Takes a pack to append to: one that was left behind, or a new one. */
int kg_writer_pack_take(struct kg_writer *w, struct kg_pack_out **ret, struct kg_err *err) KG_MUST_CHECK;
/* Gives it back: full ones are finished, others wait for the next sink or for commit. */
void kg_writer_pack_give(struct kg_writer *w, struct kg_pack_out *p);
/* For collection: stores a chunk that stands in a doomed pack, unless it is stored elsewhere. list: it is a node of a list. */
int kg_sink_store(struct kg_sink *s, bool list, const void *data, size_t n, struct kg_err *err) KG_MUST_CHECK;
/* The same in two steps, for copies: claims the chunk; true: it is not stored yet, and the caller must keep it now or make the
 * writer fail (invariant 1 of writer.c). */
bool kg_sink_claim(struct kg_sink *s, const uint8_t *id);
int kg_sink_keep(struct kg_sink *s, bool list, const uint8_t *id, const void *data, size_t n, struct kg_err *err) KG_MUST_CHECK;
/* For collection: all that was stored becomes durable, without a recovery point. */
int kg_writer_finish(struct kg_writer *w, struct kg_err *err) KG_MUST_CHECK;
/* Is it time to give it back? */
bool kg_writer_pack_full(const struct kg_writer *w, const struct kg_pack_out *p);

#endif
