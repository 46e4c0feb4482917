#include "worker/proto.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"

enum { HEADER = 5, SECRET_NAME_MAX = 64, FILL = 64 << 10, KEEP = 256 << 10 };

/* ---- bytes that may be secret: no copy of them is left behind when the buffer moves or ends ---- */

struct bytes {
    char *p;
    size_t len, cap;
};

static void bytes_done(struct bytes *b)
{
    if (b->p)
        kg_wipe(b->p, b->cap);
    free(b->p);
    *b = (struct bytes){ 0 };
}

/* Room for n more. Never more than a frame, its header and one read beyond it: the callers see to that. */
static void bytes_reserve(struct bytes *b, size_t n)
{
    size_t need = b->len + n, cap = b->cap ? b->cap : 4096;
    char *p;

    if (need <= b->cap)
        return;
    while (cap < need)
        cap *= 2;
    p = kg_xalloc(cap);
    if (b->len)
        memcpy(p, b->p, b->len);
    if (b->p)
        kg_wipe(b->p, b->cap);
    free(b->p);
    b->p = p;
    b->cap = cap;
}

static void bytes_add(struct bytes *b, const void *data, size_t n)
{
    bytes_reserve(b, n);
    if (n)
        memcpy(b->p + b->len, data, n);
    b->len += n;
}

/* Drops the first n bytes; what they were does not stay behind the end. */
static void bytes_drop(struct bytes *b, size_t n)
{
    size_t rest = b->len - n;

    memmove(b->p, b->p + n, rest);
    kg_wipe(b->p + rest, n);
    b->len = rest;
    if (rest == 0 && b->cap > KEEP)
        bytes_done(b);
}

/* ---- making frames ---- */

static int add_header(struct bytes *out, char type, size_t n, struct kg_err *err)
{
    uint32_t len = (uint32_t)n + 1;
    char h[HEADER];

    if (n >= KG_FRAME_MAX)
        return kg_err_set(err, KG_E_LIMIT, "a message of %zu bytes between service and worker", n);
    for (int i = 0; i < 4; i++)
        h[i] = (char)(len >> (8 * i) & 0xff);
    h[4] = type;
    bytes_add(out, h, HEADER);
    return 0;
}

static int add_json(struct bytes *out, const struct kg_json *j, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(KG_FRAME_MAX);

    kg_json_print(j, false, &b);
    if (kg_buf_ok(&b, err) < 0 || add_header(out, 'J', b.len, err) < 0)
        return -(int)err->code;
    bytes_add(out, b.p, b.len);
    return 0;
}

static int add_secret(struct bytes *out, const char *name, const struct kg_secret *s, struct kg_err *err)
{
    size_t name_len = strlen(name) + 1, n = kg_secret_size(s);

    if (name_len > SECRET_NAME_MAX)
        return kg_err_set(err, KG_E_LIMIT, "a secret's name of %zu bytes", name_len - 1);
    if (add_header(out, 'S', name_len + n, err) < 0)
        return -(int)err->code;
    bytes_reserve(out, name_len + n);
    bytes_add(out, name, name_len);
    bytes_add(out, kg_secret_open(s), n);
    kg_secret_shut(s);
    return 0;
}

/* ---- sending ---- */

/* Sends what it can; MSG_NOSIGNAL, because the other side may be gone. 0, or an errno (EAGAIN among them). */
static int send_some(int fd, struct bytes *b)
{
    while (b->len > 0) {
        ssize_t n = send(fd, b->p, b->len, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        bytes_drop(b, (size_t)n);
    }
    return 0;
}

static int send_all(int fd, struct bytes *b, struct kg_err *err)
{
    int eno;

    while ((eno = send_some(fd, b)) == EAGAIN)
        (void)poll(&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1, -1);
    return eno ? kg_err_sys(err, eno, "send to the other process") : 0;
}

int kg_frame_send_json(int fd, const struct kg_json *j, struct kg_err *err)
{
    KG_CLEANUP(bytes_done) struct bytes b = { 0 };

    return add_json(&b, j, err) < 0 || send_all(fd, &b, err) < 0 ? -(int)err->code : 0;
}

int kg_frame_send_secret(int fd, const char *name, const struct kg_secret *s, struct kg_err *err)
{
    KG_CLEANUP(bytes_done) struct bytes b = { 0 };

    return add_secret(&b, name, s, err) < 0 || send_all(fd, &b, err) < 0 ? -(int)err->code : 0;
}

struct kg_frame_writer {
    struct bytes out;
};

struct kg_frame_writer *kg_frame_writer_new(void) { return kg_xalloc(sizeof(struct kg_frame_writer)); }

void kg_frame_writer_free(struct kg_frame_writer *w)
{
    if (!w)
        return;
    bytes_done(&w->out);
    free(w);
}

int kg_frame_writer_add_json(struct kg_frame_writer *w, const struct kg_json *j, struct kg_err *err)
{
    return add_json(&w->out, j, err);
}

int kg_frame_writer_add_secret(struct kg_frame_writer *w, const char *name, const struct kg_secret *s, struct kg_err *err)
{
    return add_secret(&w->out, name, s, err);
}

int kg_frame_writer_flush(struct kg_frame_writer *w, int fd, struct kg_err *err)
{
    int eno = send_some(fd, &w->out);

    if (eno == EAGAIN)
        return 1;
    return eno ? kg_err_sys(err, eno, "send to the other process") : 0;
}

/* ---- receiving ---- */

struct kg_frame_reader {
    struct bytes in;
};

struct kg_frame_reader *kg_frame_reader_new(void) { return kg_xalloc(sizeof(struct kg_frame_reader)); }

void kg_frame_reader_free(struct kg_frame_reader *r)
{
    if (!r)
        return;
    bytes_done(&r->in);
    free(r);
}

void kg_frame_done(struct kg_frame *f)
{
    kg_json_free(f->json);
    free(f->secret_name);
    kg_secret_free(f->secret);
    *f = (struct kg_frame){ 0 };
}

/* Length of what follows the first four bytes; those must be there. */
static uint32_t frame_length(const struct bytes *in)
{
    const unsigned char *p = (const unsigned char *)in->p;

    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

int kg_frame_reader_fill(struct kg_frame_reader *r, int fd, struct kg_err *err)
{
    ssize_t n;

    /* A whole frame waits to be taken: reading on would let a flood of frames grow the buffer without a limit. */
    if (r->in.len >= 4 && (frame_length(&r->in) > KG_FRAME_MAX || r->in.len - 4 >= frame_length(&r->in)))
        return 1;
    bytes_reserve(&r->in, FILL);
    do
        n = read(fd, r->in.p + r->in.len, r->in.cap - r->in.len);
    while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return -EAGAIN;
    if (n < 0 && errno == ECONNRESET)
        return 0; /* how a socketpair ends when the other process died with our bytes unread */
    if (n < 0)
        return kg_err_sys(err, errno, "receive from the other process");
    r->in.len += (size_t)n;
    return n > 0;
}

static int take_json(const char *p, size_t n, struct kg_frame *ret, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *j = NULL;

    if (kg_json_parse(p, n, &j, err) < 0)
        return -(int)err->code;
    if (kg_json_type(j) != KG_JSON_OBJECT)
        return kg_err_set(err, KG_E_BAD_JSON, "a message that is no JSON object");
    ret->json = KG_TAKE(j);
    return 0;
}

static int take_secret(const char *p, size_t n, struct kg_frame *ret, struct kg_err *err)
{
    const char *nul = memchr(p, '\0', n);

    if (!nul || nul == p || (size_t)(nul - p) >= SECRET_NAME_MAX)
        return kg_err_set(err, KG_E_BAD_JSON, "a secret without a proper name");
    ret->secret_name = kg_xstrdup(p);
    ret->secret = kg_secret_new_copy(nul + 1, n - (size_t)(nul + 1 - p));
    return 0;
}

int kg_frame_reader_next(struct kg_frame_reader *r, struct kg_frame *ret, struct kg_err *err)
{
    struct kg_frame f = { 0 };
    const char *body;
    size_t len;
    int rc;

    if (r->in.len < 4)
        return 0;
    len = frame_length(&r->in);
    if (len == 0 || len > KG_FRAME_MAX)
        return kg_err_set(err, KG_E_LIMIT, "a message of %zu bytes between service and worker", len);
    if (r->in.len - 4 < len)
        return 0;
    body = r->in.p + HEADER;
    if (r->in.p[4] == 'J')
        rc = take_json(body, len - 1, &f, err);
    else if (r->in.p[4] == 'S')
        rc = take_secret(body, len - 1, &f, err);
    else
        rc = kg_err_set(err, KG_E_BAD_JSON, "a message of unknown type %d", r->in.p[4]);
    if (rc < 0)
        return rc;
    bytes_drop(&r->in, 4 + len);
    *ret = f;
    return 1;
}

/* ---- errors ---- */

struct kg_json *kg_err_to_json(const struct kg_err *e)
{
    struct kg_json *j = kg_json_object();

    kg_json_set_str(j, "code", kg_code_name(e->code));
    kg_json_set_u64(j, "number", (uint64_t)e->code);
    kg_json_set_str(j, "message", e->msg);
    kg_json_set_str(j, "action", e->action);
    return j;
}

/* The row of that name; the number decides when the name is new to this side. */
static enum kg_code code_of(const char *name, uint64_t number)
{
    enum kg_code by_number = KG_E_CHILD, c;

    for (unsigned i = 1; (c = kg_code_at(i)) != KG_E_OK; i++) {
        if (name && strcmp(kg_code_name(c), name) == 0)
            return c;
        if ((uint64_t)c == number)
            by_number = c;
    }
    return by_number;
}

void kg_err_from_json(const struct kg_json *j, struct kg_err *ret)
{
    enum kg_code code = code_of(kg_json_str(j, "code"), kg_json_u64(j, "number", 0));
    const char *action = kg_json_str(j, "action");

    *ret = (struct kg_err){ 0 };
    kg_err_set(ret, code, "%s", kg_json_str_or(j, "message", "the worker gave no reason"));
    if (action && *action)
        kg_err_advise(ret, "%s", action);
}
