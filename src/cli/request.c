#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/defaults.h"
#include "cli/shape.h"
#include "model/id.h"

const char *kg_cli_group(const struct kg_at *at)
{
    const char *env = kg_env_default(KG_ENV_GROUP);

    return at->group ? at->group : env ? env : "default";
}

char *kg_cli_path(const struct kg_cli *cli, const char *group, const char *fmt, ...)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(16384);
    KG_AUTO_FREE char *base = group ? kg_id_group(cli->subscription, group) : kg_id_subscription(cli->subscription);
    va_list ap;

    kg_buf_adds(&b, base);
    kg_buf_adds(&b, fmt ? "/" : "");
    va_start(ap, fmt);
    for (const char *f = fmt ? fmt : ""; *f;) {
        size_t plain = strcspn(f, "%");

        kg_buf_add(&b, f, plain);
        f += plain;
        if (*f) { /* only %s is ever written here */
            KG_AUTO_FREE char *name = kg_id_encode(va_arg(ap, const char *));

            kg_buf_adds(&b, name);
            f += 2;
        }
    }
    va_end(ap);
    return kg_buf_take(&b);
}

static void print_trace(void *ctx, const char *line)
{
    kg_cli_note(ctx, "debug: %s", line);
}

int kg_cli_client(struct kg_cli *cli, struct kg_client **ret, struct kg_err *err)
{
    struct kg_client_opts o = { .socket = cli->g.socket, .interrupted = kg_cli_interrupted,
                                .trace = cli->g.debug ? print_trace : NULL, .ctx = cli };

    if (!cli->client && kg_client_open(&o, &cli->client, err) < 0)
        return -(int)err->code;
    *ret = cli->client;
    return 0;
}

int kg_cli_get(struct kg_cli *cli, const char *path, struct kg_json **ret, struct kg_err *err)
{
    struct kg_client *c = NULL;

    if (kg_cli_client(cli, &c, err) < 0)
        return -(int)err->code;
    return kg_client_get(c, path, ret, err);
}

int kg_cli_send(struct kg_cli *cli, const char *method, const char *path, const struct kg_json *body, bool no_wait,
                struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(4 << 20);
    KG_AUTO_REPLY struct kg_reply reply = { 0 };
    struct kg_request rq = { .method = method, .path = path };
    struct kg_client *c = NULL;

    if (body) {
        kg_json_print(body, false, &text);
        if (kg_buf_ok(&text, err) < 0)
            return kg_err_wrap(err, "the request is too large");
        rq.body = text.p;
        rq.body_len = text.len;
    }
    if (kg_cli_client(cli, &c, err) < 0 || kg_client_call(c, &rq, &reply, err) < 0)
        return -(int)err->code;
    if (!no_wait && kg_client_follow(c, false, &reply, err) < 0)
        return -(int)err->code;
    *ret = KG_TAKE(reply.json);
    return 0;
}

int kg_cli_show(struct kg_cli *cli, const char *path, struct kg_err *err)
{
    struct kg_json *j = NULL;

    if (kg_cli_get(cli, path, &j, err) < 0)
        return -(int)err->code;
    kg_shape(j);
    kg_cli_emit(cli, j);
    return 0;
}

/* The value of $skipToken in a link to the rest of a list, encoded as it stands there. NULL: it has none. */
static char *token_of(const char *link)
{
    const char *at = link ? strcasestr(link, "skipToken=") : NULL;

    return at ? kg_xstrndup(at + 10, strcspn(at + 10, "&")) : NULL;
}

int kg_cli_list_from(struct kg_cli *cli, const char *path, const char *token, uint64_t max, struct kg_err *err)
{
    KG_AUTO_FREE char *from = token ? kg_xprintf("%s%c$skipToken=%s", path, strchr(path, '?') ? '&' : '?', token) : NULL;
    struct kg_json *array = NULL;
    KG_AUTO_FREE char *next = NULL, *rest = NULL;
    struct kg_client *c = NULL;

    if (token && token[strcspn(token, " &#?\r\n")])
        return kg_err_set(err, KG_E_USAGE, "'%s' is not a token that --next-token takes", token);
    if (kg_cli_client(cli, &c, err) < 0 || kg_client_list(c, from ? from : path, (size_t)max, &array, &next, err) < 0)
        return -(int)err->code;
    rest = token_of(next);
    if (rest)
        kg_cli_note(cli, "note: there are more than %zu; raise --max-items, or go on with --next-token %s", (size_t)max, rest);
    kg_shape(array);
    kg_cli_emit(cli, array);
    return 0;
}

int kg_cli_list(struct kg_cli *cli, const char *path, uint64_t max, struct kg_err *err)
{
    return kg_cli_list_from(cli, path, NULL, max, err);
}

int kg_cli_change(struct kg_cli *cli, const char *method, const char *path, const struct kg_json *body, bool no_wait,
                  struct kg_err *err)
{
    struct kg_json *j = NULL;

    if (kg_cli_send(cli, method, path, body, no_wait, &j, err) < 0)
        return -(int)err->code;
    kg_shape(j);
    if (j)
        kg_cli_emit(cli, j);
    return 0;
}

int kg_cli_location(struct kg_cli *cli, const char *given, const char *group, char **ret, struct kg_err *err)
{
    KG_AUTO_FREE char *path = kg_id_group(cli->subscription, group);
    KG_AUTO_JSON struct kg_json *j = NULL;
    const char *location = given;

    if (!location) {
        if (kg_cli_get(cli, path, &j, err) < 0)
            return -(int)err->code;
        location = kg_json_str(j, "location");
        if (!location)
            return kg_err_set(err, KG_E_NO_REPLY, "resource group '%s' has no location", group);
    }
    *ret = kg_xstrdup(location);
    return 0;
}

int kg_cli_absolute(const char *path, char **ret, struct kg_err *err)
{
    KG_AUTO_FREE char *here = NULL;

    if (path[0] == '/') {
        *ret = kg_xstrdup(path);
        return 0;
    }
    here = getcwd(NULL, 0);
    if (!here)
        return kg_err_sys(err, errno, "find the current directory");
    *ret = kg_xprintf("%s/%s", here, path);
    return 0;
}
