#include "model/resources.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/text.h"
#include "model/id.h"
#include "model/names.h"
#include "model/place.h"

enum { TAGS_MAX = 50, TAG_KEY_MAX = 512, TAG_VALUE_MAX = 256, HOST_MAX = 255, URI_MAX = 400 };

int kg_envelope_parse(const struct kg_json *body, const char **ret_location, struct kg_json **ret_tags,
                      struct kg_err *err)
{
    struct kg_place top = kg_place_top(body, ""), where = kg_place_member(&top, "location"),
                    tags = kg_place_member(&top, "tags");
    struct kg_err why = { 0 };
    const char *location;

    if (body && kg_json_type(body) != KG_JSON_OBJECT)
        return kg_place_complain(&top, err, "must be an object");
    if (kg_place_str_or(&top, "location", NULL, &location, err) < 0)
        return -(int)err->code;
    if (location && kg_name_check(KG_NAME_REGION, location, &why) < 0)
        return kg_place_complain_why(&where, &why, err);
    if (tags.json && kg_json_type(tags.json) != KG_JSON_OBJECT)
        return kg_place_complain(&tags, err, "must be an object");
    if (tags.json && kg_json_count(tags.json) > TAGS_MAX)
        return kg_place_complain(&tags, err, "has more than %d tags", TAGS_MAX);
    for (const struct kg_json *c = tags.json ? kg_json_first(tags.json) : NULL; c; c = kg_json_next(c)) {
        const char *v = kg_json_value_str(c);

        if (!v || strlen(v) > TAG_VALUE_MAX || strlen(kg_json_key(c)) > TAG_KEY_MAX)
            return kg_place_complain(&tags, err, "must have texts of at most %d bytes under keys of at most %d",
                                     TAG_VALUE_MAX, TAG_KEY_MAX);
    }
    *ret_location = location;
    *ret_tags = tags.json ? kg_json_copy(tags.json) : NULL;
    return 0;
}

/* ---- references to databases and containers ---- */

int kg_datasource_parse(const char *text, struct kg_datasource *ret, struct kg_err *err)
{
    KG_AUTO_ID struct kg_id id = { 0 };
    struct kg_err why = { 0 };

    if (kg_id_parse(text, &id, err) < 0)
        return -(int)err->code;
    if (kg_id_is(&id, KG_TYPE_FLEXIBLE) || kg_id_is(&id, KG_TYPE_SERVER)) {
        kg_err_set(err, KG_E_UNSUPPORTED, "'%.200s' is a whole server, and a datasource is one database", text);
        kg_err_advise(err, "Add /databases/ and the database's name to the ID.");
        return -KG_E_UNSUPPORTED;
    }
    if (!kg_id_is(&id, KG_TYPE_SERVER "/databases") && !kg_id_is(&id, KG_TYPE_FLEXIBLE "/databases")) {
        kg_err_set(err, KG_E_USAGE, "'%.200s' is not the ID of a PostgreSQL database", text);
        kg_err_advise(err, "Write …/providers/Microsoft.DBforPostgreSQL/flexibleServers/SERVER/databases/DATABASE.");
        return -KG_E_USAGE;
    }
    if (kg_name_check(KG_NAME_DATABASE, id.parts[1].name, &why) < 0)
        return kg_err_set(err, KG_E_USAGE, "'%.200s': %s", text, why.msg);
    *ret = (struct kg_datasource){
        .id = kg_xstrdup(text),
        .server_id = kg_id_parent(text),
        .server = kg_xstrdup(id.parts[0].name),
        .database = kg_xstrdup(id.parts[1].name),
        .flexible = strcasecmp(id.parts[0].type, "flexibleServers") == 0,
    };
    return 0;
}

bool kg_datasource_equal(const struct kg_datasource *a, const struct kg_datasource *b)
{
    return kg_id_equal(a->server_id, b->server_id) && strcmp(a->database, b->database) == 0;
}

void kg_datasource_done(struct kg_datasource *d)
{
    free(d->id);
    free(d->server_id);
    free(d->server);
    free(d->database);
    *d = (struct kg_datasource){ 0 };
}

/* Copies n bytes of a URI's part; false when they do not fit. */
static bool copy_part(char *dst, size_t size, const char *s, size_t n)
{
    if (n == 0 || n >= size)
        return false;
    memcpy(dst, s, n);
    dst[n] = '\0';
    return true;
}

/* "https://FIRST" with a host of first.suffix; *ret_path is what follows the host. 0; -1: no such URI; -2: another
 * host. */
static int split_uri(const char *uri, const char *suffix, char *first, size_t size, const char **ret_path)
{
    const char *host = uri + strlen("https://"), *dot, *slash;

    if (strnlen(uri, URI_MAX + 1) > URI_MAX || strncasecmp(uri, "https://", strlen("https://")) != 0)
        return -1;
    slash = strchr(host, '/');
    dot = strchr(host, '.');
    if (!slash || !dot || dot > slash || !copy_part(first, size, host, (size_t)(dot - host)))
        return -1;
    if ((size_t)(slash - dot) != strlen(suffix) || strncasecmp(dot, suffix, strlen(suffix)) != 0)
        return -2;
    *ret_path = slash;
    return 0;
}

int kg_container_ref_parse(const char *url, struct kg_container_ref *ret, struct kg_err *err)
{
    struct kg_container_ref r = { 0 };
    struct kg_err why = { 0 };
    const char *path = NULL;
    int how = split_uri(url, ".blob.local", r.account, sizeof r.account, &path);
    size_t n = path ? strlen(path + 1) : 0;

    if (how == -2) {
        kg_err_set(err, KG_E_UNSUPPORTED, "'%.200s' names storage of another provider", url);
        kg_err_advise(err, "Use a container of this service: https://ACCOUNT.blob.local/CONTAINER.");
        return -KG_E_UNSUPPORTED;
    }
    n -= n > 0 && path[n] == '/';
    if (how == 0 && copy_part(r.container, sizeof r.container, path + 1, n) &&
        kg_name_check(KG_NAME_STORAGE_ACCOUNT, r.account, &why) == 0 &&
        kg_name_check(KG_NAME_CONTAINER, r.container, &why) == 0) {
        *ret = r;
        return 0;
    }
    kg_err_set(err, KG_E_USAGE, "'%.200s' is not the URL of a container", url);
    kg_err_advise(err, "Write https://ACCOUNT.blob.local/CONTAINER.");
    return -KG_E_USAGE;
}

char *kg_container_ref_url(const char *account, const char *container)
{
    return kg_xprintf("https://%s.blob.local/%s", account, container);
}

/* ---- servers ---- */

static const char *const ssl_modes[] = { "disable", "allow", "prefer", "require", "verify-ca", "verify-full" };
enum { SSL_PREFER = 2, PORT_DEFAULT = 5432 };

static int check_host(const struct kg_place *p, const char *host, struct kg_err *err)
{
    if (strlen(host) > HOST_MAX || kg_place_has_control(host) || !kg_utf8_valid(host, strlen(host)))
        return kg_place_complain(p, err, "is not a host's name");
    if (*host == '/')
        return kg_place_check_path(p, host, err);
    /* libpq would take a list of hosts, a backup must know which server it reads. */
    if (strpbrk(host, " ,/='\"\\@?"))
        return kg_place_complain(p, err, "must be one name or address, or the directory of a unix socket");
    return 0;
}

int kg_server_parse(const struct kg_json *body, struct kg_server *ret, struct kg_err *err)
{
    struct kg_place top = kg_place_top(body, ""), props, host, port;
    const char *name;
    uint64_t number;
    bool access;
    int mode;

    if (kg_place_need(&top, "properties", KG_JSON_OBJECT, &props, err) < 0 ||
        kg_place_need_str(&props, "fullyQualifiedDomainName", &name, err) < 0 ||
        kg_place_choice(&props, "sslMode", ssl_modes, KG_ARRAY_LEN(ssl_modes), SSL_PREFER, &mode, err) < 0 ||
        kg_place_bool_or(&props, "allowAccess", true, &access, err) < 0)
        return -(int)err->code;
    host = kg_place_member(&props, "fullyQualifiedDomainName");
    port = kg_place_member(&props, "port");
    if (check_host(&host, name, err) < 0)
        return -(int)err->code;
    number = port.json ? kg_json_u64(props.json, "port", 0) : PORT_DEFAULT;
    if (number < 1 || number > 65535)
        return kg_place_complain(&port, err, "must be a number from 1 to 65535");
    *ret = (struct kg_server){ .host = kg_xstrdup(name), .port = (uint16_t)number,
                               .ssl_mode = kg_xstrdup(ssl_modes[mode]), .allow_access = access };
    return 0;
}

struct kg_json *kg_server_properties(const struct kg_server *s)
{
    struct kg_json *j = kg_json_object();

    kg_json_set_str(j, "fullyQualifiedDomainName", s->host);
    kg_json_set_u64(j, "port", s->port);
    kg_json_set_str(j, "sslMode", s->ssl_mode);
    kg_json_set_bool(j, "allowAccess", s->allow_access);
    return j;
}

void kg_server_done(struct kg_server *s)
{
    free(s->host);
    free(s->ssl_mode);
    *s = (struct kg_server){ 0 };
}

/* ---- storage ---- */

int kg_storage_properties(const char *name, const struct kg_json *body, struct kg_json **ret, struct kg_err *err)
{
    static const char *const providers[] = { "directory" };
    struct kg_place top = kg_place_top(body, ""), props, where;
    KG_AUTO_FREE char *blob = kg_xprintf("https://%s.blob.local/", name);
    const char *path;
    struct kg_json *j;
    int provider;

    if (kg_place_need(&top, "properties", KG_JSON_OBJECT, &props, err) < 0 ||
        kg_place_choice(&props, "provider", providers, 1, 0, &provider, err) < 0 ||
        kg_place_need_str(&props, "path", &path, err) < 0)
        return -(int)err->code;
    where = kg_place_member(&props, "path");
    if (kg_place_check_path(&where, path, err) < 0)
        return -(int)err->code;
    j = kg_json_object();
    kg_json_set_str(j, "path", path);
    kg_json_set_str(j, "provider", providers[provider]);
    kg_json_set_str(j, "primaryEndpoints.blob", blob);
    *ret = j;
    return 0;
}
