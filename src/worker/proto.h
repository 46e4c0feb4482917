/* worker/proto.h - the frames that service and worker exchange over their socketpair (the worker's descriptor 3).
 *
 * Frame: u32 little-endian length n of what follows, u8 type, n - 1 bytes. Types: 'J' a JSON object; 'S' a secret: its
 * name, a NUL, its bytes. n is at most 16 MiB.
 *   service -> worker: secrets, then {"job":{"operation":…}}; later perhaps {"cancel":true}. End of file: cancel, exit.
 *   worker -> service: {"event":"progress"|"subtask"|"log"|"warning"|"tables"|"alive",…}, secrets; last
 *                      {"event":"done","result":{…}} or
 *                      {"event":"failed","error":{"code","number","message","action","detail"}}.
 * docs/ARCHITECTURE.md lists the operations with their fields. */
#ifndef KG_WORKER_PROTO_H
#define KG_WORKER_PROTO_H

#include "base/buf.h"
#include "crypto/secret.h"
#include "json/json.h"

enum { KG_FRAME_MAX = 16 << 20, KG_WORKER_FD = 3 };

/* A frame as it was received: exactly one of json and secret is set. */
struct kg_frame {
    struct kg_json *json;
    char *secret_name;
    struct kg_secret *secret;
};
void kg_frame_done(struct kg_frame *f);

/* Blocking send of one frame; several threads may share fd when they share a lock around this call. */
int kg_frame_send_json(int fd, const struct kg_json *j, struct kg_err *err) KG_MUST_CHECK;
int kg_frame_send_secret(int fd, const char *name, const struct kg_secret *s, struct kg_err *err) KG_MUST_CHECK;

/* Sending without blocking: gather frames, flush when the descriptor takes more. */
struct kg_frame_writer;
struct kg_frame_writer *kg_frame_writer_new(void);
void kg_frame_writer_free(struct kg_frame_writer *w);          /* wipes what was not sent */
int kg_frame_writer_add_json(struct kg_frame_writer *w, const struct kg_json *j, struct kg_err *err) KG_MUST_CHECK;
int kg_frame_writer_add_secret(struct kg_frame_writer *w, const char *name, const struct kg_secret *s,
                               struct kg_err *err) KG_MUST_CHECK;
/* 0: all was sent; 1: the rest waits for EPOLLOUT; < 0: KG_E_IO. */
int kg_frame_writer_flush(struct kg_frame_writer *w, int fd, struct kg_err *err) KG_MUST_CHECK;

/* Receiving without blocking: feed what read() gave, take whole frames. One reader a connection. */
struct kg_frame_reader;
struct kg_frame_reader *kg_frame_reader_new(void);
void kg_frame_reader_free(struct kg_frame_reader *r);          /* wipes what it still holds */
/* Reads once from fd (which may be non-blocking). Returns 1 when bytes came, 0 at the end of the file, or when nothing
 * is there now: -EAGAIN; another failure: KG_E_IO in err, -KG_E_IO. */
int kg_frame_reader_fill(struct kg_frame_reader *r, int fd, struct kg_err *err) KG_MUST_CHECK;
/* 1: *ret is a frame (caller: kg_frame_done); 0: no whole frame yet; < 0: KG_E_BAD_JSON or KG_E_LIMIT. */
int kg_frame_reader_next(struct kg_frame_reader *r, struct kg_frame *ret, struct kg_err *err) KG_MUST_CHECK;

/* {"code","number","message","action"} and back. Reading: a code this side does not know becomes KG_E_CHILD. */
struct kg_json *kg_err_to_json(const struct kg_err *e);
void kg_err_from_json(const struct kg_json *j, struct kg_err *ret);

#endif
