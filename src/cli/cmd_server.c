#include <stddef.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/cmds.h"

struct server_opts {
    struct kg_at at;
    const char *host, *sslmode, *location, *secret_uri, *database, *access;
    uint64_t port;
    struct kg_json *tags;
    bool flexible, yes;
};
#define T struct server_opts

static const char *const ssl_modes[] = { "disable", "allow", "prefer", "require", "verify-ca", "verify-full", NULL };
static const char *const yes_no[] = { "true", "false", NULL };

#define SERVER_NAME_ROW KG_OPT_NAME_ROW(T, "server-name", "name of the server's registration")

static const struct kg_opt add_opts[] = {
    SERVER_NAME_ROW,
    KG_OPT_GROUP_ROW(T),
    KG_OPT(T, STRING, "host", host, "HOST", "name or address, or the directory of its unix socket", .required = true),
    KG_OPT(T, UINT, "port", port, "PORT", "default 5432", .min = 1, .max = 65535),
    KG_OPT(T, CHOICE, "sslmode", sslmode, "MODE", "how connections are secured, default prefer", .choices = ssl_modes),
    KG_OPT(T, CHOICE, "allow-access", access, "BOOL", "may backups connect, default true", .choices = yes_no),
    KG_OPT(T, STRING, "location", location, "REGION", "region; default: the resource group's", .letter = 'l'),
    KG_OPT(T, FLAG, "flexible", flexible, NULL, "register it as a flexible server"),
    KG_OPT(T, PAIRS, "tags", tags, "KEY=VALUE", "tags"),
    { 0 },
};
static const struct kg_opt list_opts[] = {
    KG_OPT_ONLY_GROUP_ROW(T),
    { 0 },
};
static const struct kg_opt show_opts[] = { SERVER_NAME_ROW, KG_OPT_GROUP_ROW(T), { 0 } };
static const struct kg_opt remove_opts[] = { SERVER_NAME_ROW, KG_OPT_GROUP_ROW(T), KG_OPT_YES_ROW(T), { 0 } };
static const struct kg_opt test_opts[] = {
    SERVER_NAME_ROW,
    KG_OPT_GROUP_ROW(T),
    KG_OPT(T, STRING, "secret-uri", secret_uri, "URI", "secret with user and password", .required = true),
    KG_OPT(T, STRING, "database", database, "NAME", "database to log in to, default postgres", .letter = 'd'),
    { 0 },
};

static const struct kg_opt databases_opts[] = {
    SERVER_NAME_ROW,
    KG_OPT_GROUP_ROW(T),
    KG_OPT(T, STRING, "secret-uri", secret_uri, "URI", "secret with user and password", .required = true),
    KG_OPT(T, STRING, "database", database, "NAME", "database to log in to, default postgres", .letter = 'd'),
    KG_OPT(T, STRING, "vault-name", at.vault, "VAULT", "Backup vault that they are meant for: must be in the same region",
           .letter = 'v'),
    { 0 },
};

static const char *const kinds[] = { "servers", "flexibleServers" };

/* A server is found by its name whichever kind it was registered as. */
static int find(struct kg_cli *cli, const struct server_opts *o, char **ret_path, struct kg_json **ret,
                struct kg_err *err)
{
    for (size_t i = 0; i < KG_ARRAY_LEN(kinds); i++) {
        KG_AUTO_FREE char *path = kg_cli_path(cli, kg_cli_group(&o->at), "providers/Microsoft.DBforPostgreSQL/%s/%s",
                                              kinds[i], o->at.name);
        struct kg_err miss = { 0 };

        if (kg_cli_get(cli, path, ret, &miss) == 0) {
            *ret_path = KG_TAKE(path);
            return 0;
        }
        if (miss.code != KG_E_NOT_FOUND) {
            *err = miss;
            return -(int)err->code;
        }
    }
    kg_err_set(err, KG_E_NOT_FOUND, "there is no server '%s' in resource group '%s'", o->at.name, kg_cli_group(&o->at));
    kg_err_advise(err, "Run 'keepgres server list' to see which there are.");
    return -(int)err->code;
}

static int add(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct server_opts *o = opts;
    const char *group = kg_cli_group(&o->at);
    KG_AUTO_FREE char *path = kg_cli_path(cli, group, "providers/Microsoft.DBforPostgreSQL/%s/%s", kinds[o->flexible],
                                          o->at.name);
    KG_AUTO_FREE char *location = NULL;
    KG_AUTO_JSON struct kg_json *body = kg_json_object();

    if (kg_cli_location(cli, o->location, group, &location, err) < 0)
        return -(int)err->code;
    kg_json_set_str(body, "location", location);
    kg_json_set_str(body, "properties.fullyQualifiedDomainName", o->host);
    kg_json_set_u64(body, "properties.port", o->port ? o->port : 5432);
    kg_json_set_str(body, "properties.sslMode", o->sslmode ? o->sslmode : "prefer");
    kg_json_set_bool(body, "properties.allowAccess", !o->access || o->access == yes_no[0]);
    if (o->tags)
        kg_json_set(body, "tags", kg_json_copy(o->tags));
    return kg_cli_change(cli, "PUT", path, body, false, err);
}

static int list(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct server_opts *o = opts;
    KG_AUTO_JSON struct kg_json *all = kg_json_array();

    for (size_t i = 0; i < KG_ARRAY_LEN(kinds); i++) {
        KG_AUTO_FREE char *path = kg_cli_path(cli, o->at.group, "providers/Microsoft.DBforPostgreSQL/%s", kinds[i]);
        KG_AUTO_JSON struct kg_json *some = NULL;
        struct kg_client *c = NULL;

        if (kg_cli_client(cli, &c, err) < 0 || kg_client_list(c, path, 0, &some, NULL, err) < 0)
            return -(int)err->code;
        for (const struct kg_json *s = kg_json_first(some); s; s = kg_json_next(s))
            kg_json_push(all, kg_json_copy(s));
    }
    kg_cli_emit(cli, KG_TAKE(all));
    return 0;
}

static int show(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    KG_AUTO_FREE char *path = NULL;
    struct kg_json *j = NULL;

    if (find(cli, opts, &path, &j, err) < 0)
        return -(int)err->code;
    kg_cli_emit(cli, j);
    return 0;
}

static int remove_server(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    KG_AUTO_FREE char *path = NULL;
    KG_AUTO_JSON struct kg_json *j = NULL;

    if (find(cli, opts, &path, &j, err) < 0)
        return -(int)err->code;
    return kg_cli_change(cli, "DELETE", path, NULL, false, err);
}

/* POST server/action {secretUri, database?}. */
static int ask(struct kg_cli *cli, const struct server_opts *o, const char *action, struct kg_json **ret,
               struct kg_err *err)
{
    KG_AUTO_FREE char *path = NULL, *url = NULL;
    KG_AUTO_JSON struct kg_json *j = NULL, *body = kg_json_object();

    if (find(cli, o, &path, &j, err) < 0)
        return -(int)err->code;
    url = kg_xprintf("%s/%s", path, action);
    kg_json_set_str(body, "secretUri", o->secret_uri);
    if (o->database)
        kg_json_set_str(body, "database", o->database);
    if (o->at.vault) {
        KG_AUTO_FREE char *vault = kg_cli_path(cli, kg_cli_group(&o->at), KG_PROVIDER_BACKUP "/backupVaults/%s", o->at.vault);

        kg_json_set_str(body, "vaultId", vault);
    }
    return kg_cli_send(cli, "POST", url, body, false, ret, err);
}

static int test(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    struct kg_json *facts = NULL;

    if (ask(cli, opts, "testConnection", &facts, err) < 0)
        return -(int)err->code;
    if (facts)
        kg_cli_emit(cli, facts);
    return 0;
}

static int databases(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *result = NULL;

    if (ask(cli, opts, "listDatabases", &result, err) < 0)
        return -(int)err->code;
    if (kg_json_type(kg_json_get(result, "value")) != KG_JSON_ARRAY)
        return kg_err_set(err, KG_E_NO_REPLY, "the service's answer holds no list of databases");
    kg_cli_emit(cli, kg_json_take(result, "value"));
    return 0;
}

const struct kg_cmd kg_cmds_server[] = {
    { .name = "server add", .summary = "Register a PostgreSQL server, or change its registration", .positional = "name",
      .opts = add_opts, .opts_size = sizeof(T), .run = add,
      .about = "Only where the server is; who logs in stands in a key vault's secret, which a backup instance names.",
      .examples = (const char *const[]){ "server add pg1 --host db.example.com --port 5432 --sslmode verify-full",
                                         "server add local --host /var/run/postgresql", NULL } },
    { .name = "server list", .summary = "List the registered servers", .opts = list_opts, .opts_size = sizeof(T),
      .run = list, .examples = (const char *const[]){ "server list -o table", NULL } },
    { .name = "server show", .summary = "Show a registered server", .positional = "name", .opts = show_opts,
      .opts_size = sizeof(T), .run = show, .examples = (const char *const[]){ "server show pg1", NULL } },
    { .name = "server remove", .summary = "Forget a registered server; the server itself is not touched",
      .positional = "name", .opts = remove_opts, .opts_size = sizeof(T), .run = remove_server, .flags = KG_CMD_CONFIRM,
      .question = "remove the server", .examples = (const char *const[]){ "server remove pg1 --yes", NULL } },
    { .name = "server test", .summary = "Log in to a server and tell what was found", .positional = "name",
      .opts = test_opts, .opts_size = sizeof(T), .run = test,
      .examples = (const char *const[]){ "server test pg1 --secret-uri https://kv1.vault.local/secrets/pg1-login",
                                         NULL } },
    { .name = "server databases", .summary = "List a server's databases and which of them can be protected",
      .positional = "name", .opts = databases_opts, .opts_size = sizeof(T), .run = databases,
      .about = "Those that cannot be protected are listed with the reason: templates, the server's own, protected already "
               "(by which instance of which vault), in another region than the vault.",
      .examples = (const char *const[]){ "server databases pg1 --secret-uri "
                                         "https://kv1.vault.local/secrets/pg1-login -o table",
                                         NULL } },
    { 0 },
};
