#include "cli/recovery_key.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "sys/fd.h"

int kg_recovery_out_open(struct kg_recovery_out *out, const char *file, struct kg_err *err)
{
    out->file = file;
    if (!file)
        return 0;
    out->fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (out->fd < 0 && errno == EEXIST) {
        kg_err_set(err, KG_E_EXISTS, "the recovery key's file '%s' exists", file);
        kg_err_advise(err, "Name a new file: an older key is never overwritten.");
        return -(int)err->code;
    }
    if (out->fd < 0)
        return kg_err_sys(err, errno, "create '%s'", file);
    return 0;
}

void kg_recovery_out_done(struct kg_recovery_out *out)
{
    if (out->fd < 0)
        return;
    close(out->fd);
    out->fd = -1;
    if (!out->written)
        (void)unlink(out->file);
}

static const char box_top[] =
    "\n"
    "  +-------------------------------------------------------------------------------+\n"
    "  |  RECOVERY KEY of this vault: write it down and keep it away from this machine |\n"
    "  +-------------------------------------------------------------------------------+\n\n      ";
static const char box_end[] =
    "\n\n"
    "  It is shown this once and kept nowhere. With it, the vault's directory can be restored\n"
    "  on any machine; if this machine is lost without it, so is everything in the vault.\n\n";

static int show(const struct kg_secret *key)
{
    int eno = kg_write_all(STDERR_FILENO, box_top, sizeof box_top - 1);

    if (!eno)
        eno = kg_write_all(STDERR_FILENO, kg_secret_open(key), kg_secret_size(key));
    else
        (void)kg_secret_open(key);
    kg_secret_shut(key);
    return eno ? eno : kg_write_all(STDERR_FILENO, box_end, sizeof box_end - 1);
}

static int store(int fd, const struct kg_secret *key)
{
    int eno = kg_write_all(fd, kg_secret_open(key), kg_secret_size(key));

    kg_secret_shut(key);
    if (!eno)
        eno = kg_write_all(fd, "\n", 1);
    return eno ? eno : fsync(fd) < 0 ? errno : 0;
}

int kg_recovery_out_put(struct kg_recovery_out *out, const struct kg_secret *key, struct kg_err *err)
{
    int eno = out->fd >= 0 ? store(out->fd, key) : show(key);

    if (eno) {
        kg_err_sys(err, eno, "write the recovery key to %s", out->file ? out->file : "standard error");
        kg_err_advise(err, "Issue another one with 'keepgres vault recovery-key'.");
        return -(int)err->code;
    }
    out->written = true;
    return 0;
}

struct kg_secret *kg_recovery_lift(char *text, size_t n)
{
    static const char name[] = "\"recoveryKey\"";
    char *p = memmem(text, n, name, sizeof name - 1);
    struct kg_secret *key;
    size_t at, k;

    if (!p)
        return NULL;
    at = (size_t)(p - text) + sizeof name - 1;
    while (at < n && (text[at] == ' ' || text[at] == ':'))
        at++;
    if (at >= n || text[at] != '"')
        return NULL;
    for (k = ++at; k < n && text[k] != '"' && text[k] != '\\'; k++)
        ;
    if (k == at || k >= n || text[k] != '"') /* its letters, digits and hyphens never need an escape */
        return NULL;
    key = kg_secret_new_copy(text + at, k - at);
    explicit_bzero(text + at, k - at);
    text[at] = '"';
    memset(text + at + 1, ' ', k - at);
    return key;
}

/* The result's text without its key, parsed. */
static int take_result(struct kg_reply *reply, struct kg_recovery_out *out, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_SECRET struct kg_secret *key = reply->text ? kg_recovery_lift(reply->text, reply->len) : NULL;

    if (key && kg_recovery_out_put(out, key, err) < 0)
        return -(int)err->code;
    if (reply->json) {
        *ret = KG_TAKE(reply->json);
        return 0;
    }
    if (reply->text && reply->len) {
        if (kg_json_parse(reply->text, reply->len, ret, err) < 0)
            return kg_err_wrap(err, "the service's answer");
        kg_json_remove(*ret, "recoveryKey");
    }
    return 0;
}

int kg_recovery_call(struct kg_cli *cli, const char *method, const char *path, const struct kg_json *body, bool no_wait,
                     struct kg_recovery_out *out, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(4 << 20);
    KG_AUTO_REPLY struct kg_reply reply = { 0 };
    struct kg_request rq = { .method = method, .path = path, .keep_text = true };
    struct kg_client *c = NULL;

    if (body) {
        kg_json_print(body, false, &text);
        if (kg_buf_ok(&text, err) < 0)
            return -(int)err->code;
        rq.body = text.p;
        rq.body_len = text.len;
    }
    if (kg_cli_client(cli, &c, err) < 0 || kg_client_call(c, &rq, &reply, err) < 0 ||
        (!no_wait && kg_client_follow(c, true, &reply, err) < 0))
        return -(int)err->code;
    return take_result(&reply, out, ret, err);
}
