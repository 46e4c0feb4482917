#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/cmds.h"
#include "model/resources.h"

struct keyvault_opts {
    struct kg_at at;
    const char *location, *value, *file, *content_type;
    struct kg_json *tags;
    bool yes, value_stdin, force, disabled;
};
#define T struct keyvault_opts

#define KEYVAULT_NAME_ROW KG_OPT_NAME_ROW(T, "vault-name", "name of the key vault")
#define KEYVAULT_ROW                                                                                        \
    KG_OPT(T, STRING, "vault-name", at.vault, "KEYVAULT", "name of the key vault", .letter = 'v', .required = true)
#define SECRET_ROW KG_OPT_NAME_ROW(T, "secret-name", "name of the secret")

static const struct kg_opt create_opts[] = {
    KEYVAULT_NAME_ROW,
    KG_OPT_GROUP_ROW(T),
    KG_OPT(T, STRING, "location", location, "REGION", "region; default: the resource group's", .letter = 'l'),
    KG_OPT(T, PAIRS, "tags", tags, "KEY=VALUE", "tags"),
    { 0 },
};
static const struct kg_opt list_opts[] = {
    KG_OPT_ONLY_GROUP_ROW(T),
    { 0 },
};
static const struct kg_opt show_opts[] = { KEYVAULT_NAME_ROW, KG_OPT_GROUP_ROW(T), { 0 } };
static const struct kg_opt delete_opts[] = {
    KEYVAULT_NAME_ROW, KG_OPT_GROUP_ROW(T), KG_OPT_YES_ROW(T),
    KG_OPT(T, FLAG, "force", force, NULL, "with the secrets in it"), { 0 },
};
static const struct kg_opt secret_set_opts[] = {
    KEYVAULT_ROW,
    SECRET_ROW,
    KG_OPT_GROUP_ROW(T),
    KG_OPT(T, STRING, "file", file, "FILE", "read the value from a file ('-': standard input)", .letter = 'f'),
    KG_OPT(T, FLAG, "value-stdin", value_stdin, NULL, "read the value from standard input"),
    KG_OPT(T, STRING, "value", value, "VALUE", "the value itself: seen by everybody who lists processes"),
    KG_OPT(T, STRING, "content-type", content_type, "TEXT", "what it is", .aliases = "description"),
    KG_OPT(T, FLAG, "disabled", disabled, NULL, "make the new version a disabled one"),
    { 0 },
};
static const struct kg_opt secret_list_opts[] = { KEYVAULT_ROW, KG_OPT_GROUP_ROW(T), { 0 } };
static const struct kg_opt secret_show_opts[] = { KEYVAULT_ROW, SECRET_ROW, KG_OPT_GROUP_ROW(T), { 0 } };
static const struct kg_opt secret_delete_opts[] = { KEYVAULT_ROW, SECRET_ROW, KG_OPT_GROUP_ROW(T), KG_OPT_YES_ROW(T),
                                                    { 0 } };

static char *vault_path(const struct kg_cli *cli, const struct kg_at *at, const char *name)
{
    return kg_cli_path(cli, kg_cli_group(at), "providers/Microsoft.KeyVault/vaults/%s", name);
}

static char *secret_path(const struct kg_cli *cli, const struct kg_at *at)
{
    return kg_cli_path(cli, kg_cli_group(at), "providers/Microsoft.KeyVault/vaults/%s/secrets/%s", at->vault, at->name);
}

static int create(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct keyvault_opts *o = opts;
    KG_AUTO_FREE char *path = vault_path(cli, &o->at, o->at.name), *location = NULL;
    KG_AUTO_JSON struct kg_json *body = kg_json_object();

    if (kg_cli_location(cli, o->location, kg_cli_group(&o->at), &location, err) < 0)
        return -(int)err->code;
    kg_json_set_str(body, "location", location);
    kg_json_set(body, "properties", kg_json_object());
    if (o->tags)
        kg_json_set(body, "tags", kg_json_copy(o->tags));
    return kg_cli_change(cli, "PUT", path, body, false, err);
}

static int list(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct keyvault_opts *o = opts;
    KG_AUTO_FREE char *path = kg_cli_path(cli, o->at.group, "providers/Microsoft.KeyVault/vaults");

    return kg_cli_list(cli, path, 0, err);
}

static int show(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct keyvault_opts *o = opts;
    KG_AUTO_FREE char *path = vault_path(cli, &o->at, o->at.name);

    return kg_cli_show(cli, path, err);
}

static int delete(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct keyvault_opts *o = opts;
    KG_AUTO_FREE char *path = vault_path(cli, &o->at, o->at.name);
    KG_AUTO_FREE char *forced = kg_xprintf("%s?force=true", path);

    return kg_cli_change(cli, "DELETE", o->force ? forced : path, NULL, false, err);
}

/* ---- secrets ---- */

static const char other_ways[] = "Give it with --file FILE or --value-stdin, or run the command in a terminal.";

static int read_value(struct kg_cli *cli, const struct keyvault_opts *o, struct kg_secret **ret, struct kg_err *err)
{
    if ((o->value != NULL) + (o->file != NULL) + o->value_stdin > 1)
        return kg_err_set(err, KG_E_USAGE, "--value, --file and --value-stdin exclude each other");
    if (o->value) {
        kg_cli_warn(cli,
                    "a value on the command line is seen by everybody who lists this machine's processes, and stays "
                         "in the shell's history");
        *ret = kg_secret_new_copy(o->value, strlen(o->value));
        return 0;
    }
    return kg_cli_read_secret(o->value_stdin ? "-" : o->file, "Value of the secret (not shown): ", other_ways,
                              KG_SECRET_VALUE_MAX, ret, err);
}

/* Writes text as the inside of a JSON string; returns its length. out holds six times n. */
static size_t escape(const uint8_t *text, size_t n, uint8_t *out)
{
    static const char hex[] = "0123456789abcdef";
    uint8_t *p = out;

    for (size_t i = 0; i < n; i++) {
        if (text[i] == '"' || text[i] == '\\') {
            *p++ = '\\';
            *p++ = text[i];
        } else if (text[i] < 0x20) {
            memcpy(p, "\\u00", 4);
            p[4] = (uint8_t)hex[text[i] >> 4];
            p[5] = (uint8_t)hex[text[i] & 15];
            p += 6;
        } else {
            *p++ = text[i];
        }
    }
    return (size_t)(p - out);
}

/* The request's body, built in locked memory: {"properties":{"value":"…", and the rest of an ordinary document. */
static int make_body(const struct keyvault_opts *o, const struct kg_secret *value, struct kg_secret **ret_body,
                     size_t *ret_len, struct kg_err *err)
{
    static const char head[] = "{\"properties\":{\"value\":\"", middle[] = "\",";
    KG_AUTO_JSON struct kg_json *rest = kg_json_object();
    KG_AUTO_BUF struct kg_buf tail = KG_BUF_INIT(65536);
    size_t n = kg_secret_size(value), at = sizeof head - 1;
    const uint8_t *text = kg_secret_open(value);
    bool fine = n > 0 && kg_utf8_valid((const char *)text, n) && !memchr(text, '\0', n);
    uint8_t *p;

    kg_json_set_bool(rest, "attributes.enabled", !o->disabled);
    if (o->content_type)
        kg_json_set_str(rest, "contentType", o->content_type);
    kg_json_print(rest, false, &tail);
    kg_buf_adds(&tail, "}");
    if (!fine || kg_buf_ok(&tail, err) < 0) {
        kg_secret_shut(value);
        return err->code ? -(int)err->code : kg_err_set(err, KG_E_USAGE, "a secret's value is text, and not empty");
    }
    *ret_body = kg_secret_new(sizeof head + n * 6 + sizeof middle + tail.len);
    p = kg_secret_open_write(*ret_body);
    memcpy(p, head, at);
    at += escape(text, n, p + at);
    memcpy(p + at, middle, sizeof middle - 1);
    at += sizeof middle - 1;
    memcpy(p + at, tail.p + 1, tail.len - 1); /* without its own opening brace */
    *ret_len = at + tail.len - 1;
    kg_secret_shut(*ret_body);
    kg_secret_shut(value);
    return 0;
}

static int secret_set(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct keyvault_opts *o = opts;
    KG_AUTO_FREE char *path = secret_path(cli, &o->at);
    KG_AUTO_SECRET struct kg_secret *value = NULL, *body = NULL;
    KG_AUTO_REPLY struct kg_reply reply = { 0 };
    struct kg_request rq = { .method = "PUT", .path = path };
    struct kg_client *c = NULL;
    int r;

    if (read_value(cli, o, &value, err) < 0 || make_body(o, value, &body, &rq.body_len, err) < 0 ||
        kg_cli_client(cli, &c, err) < 0)
        return -(int)err->code;
    rq.body = kg_secret_open(body);
    r = kg_client_call(c, &rq, &reply, err);
    kg_secret_shut(body);
    if (r < 0)
        return r;
    if (reply.json)
        kg_cli_emit(cli, KG_TAKE(reply.json));
    return 0;
}

static int secret_list(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct keyvault_opts *o = opts;
    KG_AUTO_FREE char *path = kg_cli_path(cli, kg_cli_group(&o->at), "providers/Microsoft.KeyVault/vaults/%s/secrets",
                                          o->at.vault);

    return kg_cli_list(cli, path, 0, err);
}

static int secret_show(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct keyvault_opts *o = opts;
    KG_AUTO_FREE char *path = secret_path(cli, &o->at);

    return kg_cli_show(cli, path, err);
}

static int secret_delete(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct keyvault_opts *o = opts;
    KG_AUTO_FREE char *path = secret_path(cli, &o->at);

    return kg_cli_change(cli, "DELETE", path, NULL, false, err);
}

const struct kg_cmd kg_cmds_keyvault[] = {
    { .name = "keyvault create", .summary = "Create a key vault", .positional = "name", .opts = create_opts,
      .opts_size = sizeof(T), .run = create, .examples = (const char *const[]){ "keyvault create -n kv1", NULL } },
    { .name = "keyvault list", .summary = "List the key vaults", .opts = list_opts, .opts_size = sizeof(T), .run = list,
      .examples = (const char *const[]){ "keyvault list -o table", NULL } },
    { .name = "keyvault show", .summary = "Show a key vault", .positional = "name", .opts = show_opts,
      .opts_size = sizeof(T), .run = show, .examples = (const char *const[]){ "keyvault show -n kv1", NULL } },
    { .name = "keyvault delete", .summary = "Delete a key vault", .positional = "name", .opts = delete_opts,
      .opts_size = sizeof(T), .run = delete, .flags = KG_CMD_CONFIRM, .question = "delete the key vault",
      .examples = (const char *const[]){ "keyvault delete -n kv1 --yes", NULL } },
    { .name = "keyvault secret set", .summary = "Store a new version of a secret", .opts = secret_set_opts,
      .opts_size = sizeof(T), .run = secret_set,
      .about = "For a server the value is an ADO.NET connection string (\"Server=…;Database=…;User "
      "Id=…;Password=…;\") or a\n"
               "postgresql:// URI. Without --file or --value-stdin it is asked for and not shown. It can never be "
               "read back.",
      .examples = (const char *const[]){ "keyvault secret set -v kv1 -n pg1-login",
                                         "keyvault secret set -v kv1 -n pg1-login --file login.txt", NULL } },
    { .name = "keyvault secret list", .summary = "List the secrets of a key vault, without their values",
      .opts = secret_list_opts, .opts_size = sizeof(T), .run = secret_list,
      .examples = (const char *const[]){ "keyvault secret list -v kv1 -o table", NULL } },
    { .name = "keyvault secret show", .summary = "Show a secret, without its value", .opts = secret_show_opts,
      .opts_size = sizeof(T), .run = secret_show,
      .examples = (const char *const[]){ "keyvault secret show -v kv1 -n pg1-login", NULL } },
    { .name = "keyvault secret delete", .summary = "Delete a secret with all its versions", .opts = secret_delete_opts,
      .opts_size = sizeof(T), .run = secret_delete, .flags = KG_CMD_CONFIRM, .question = "delete the secret",
      .examples = (const char *const[]){ "keyvault secret delete -v kv1 -n pg1-login --yes", NULL } },
    { 0 },
};
