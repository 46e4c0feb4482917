/* The rows of "Configure backup": what is asked about them, and what was answered. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "model/configure.h"

enum { BATCH = 8, BATCHES = 2, PUTS = 3, FIRST_TAG = 2000, BODY_MAX = 1 << 20, ID_MAX = 4096 };

int ui_conf_tag(struct ui_conf *c) { return FIRST_TAG + ++c->serial; }

/* ---- one row ---- */

static void drop_report(struct ui_conf_row *r)
{
    kg_json_free(r->report);
    r->report = NULL;
    r->err = (struct kg_err){ 0 };
}

static void row_done(struct ui_conf_row *r)
{
    drop_report(r);
    free(r->id);
    free(r->server_id);
    free(r->server);
    free(r->database);
    free(r->instance);
    free(r->uri);
    free(r->keyvault);
    free(r->made);
}

void ui_conf_rows_done(struct ui_conf *c)
{
    for (size_t i = 0; i < c->n; i++)
        row_done(&c->row[i]);
    free(c->row);
    c->row = NULL;
    c->n = c->cap = 0;
}

bool ui_conf_changeable(const struct ui_conf_row *r) { return r->sent == UI_CONF_UNSENT || r->sent == UI_CONF_REFUSED; }

/* "server-database-UUID", as the command line and az make them. */
static char *invent_name(const char *server, const char *database)
{
    char uuid[37];
    char *name;

    kg_uuid(uuid);
    name = kg_xprintf("%.60s-%.60s-%s", server, database, uuid);
    for (char *s = name; *s; s++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", *s))
            *s = '-';
    return name;
}

static bool is_there(const struct ui_conf *c, const char *id)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcasecmp(c->row[i].id, id) == 0)
            return true;
    return false;
}

/* What went wrong when it was submitted is about other rows now. */
static void changed(struct ui_form *f)
{
    f->err = (struct kg_err){ 0 };
    f->base.changed = true;
}

void ui_conf_validate(struct ui_form *f, struct ui_conf_row *r)
{
    if (!ui_conf_changeable(r))
        return;
    drop_report(r);
    r->tag = 0;
    r->alone = false;
    r->sent = UI_CONF_UNSENT;
    r->sent_err = (struct kg_err){ 0 };
    r->state = r->uri ? UI_CONF_WAITING : UI_CONF_NO_SECRET;
    changed(f);
}

void ui_conf_set_secret(struct ui_form *f, struct ui_conf_row *r, const char *uri, const char *keyvault)
{
    if (!ui_conf_changeable(r) || !uri || !*uri)
        return;
    free(r->uri);
    free(r->keyvault);
    r->uri = kg_xstrdup(uri);
    r->keyvault = keyvault && *keyvault ? kg_xstrdup(keyvault) : NULL;
    ui_conf_validate(f, r);
}

static void add_one(struct ui_form *f, const struct kg_json *j)
{
    struct ui_conf *c = ui_conf_of(f);
    const char *server_id = kg_json_str(j, "serverId"), *database = kg_json_str(j, "database");
    KG_AUTO_FREE char *part = database ? ui_conf_encode(database) : NULL;
    KG_AUTO_FREE char *id = part && server_id ? kg_xprintf("%s/databases/%s", server_id, part) : NULL;
    struct ui_conf_row *r;

    if (!id || is_there(c, id))
        return;
    KG_GROW(c->row, c->n, c->cap);
    r = &c->row[c->n++];
    *r = (struct ui_conf_row){ .id = KG_TAKE(id), .server_id = kg_xstrdup(server_id), .database = kg_xstrdup(database),
                               .server = kg_xstrdup(ui_last_part(server_id)),
                               .flexible = strcasestr(server_id, "/flexibleServers/") != NULL };
    r->instance = invent_name(r->server, database);
    ui_conf_set_secret(f, r, kg_json_str(j, "uri"), kg_json_str(j, "keyVaultId"));
}

void ui_conf_add(struct ui_form *f, const struct kg_json *result)
{
    for (const struct kg_json *j = kg_json_first(kg_json_get(result, "rows")); j; j = kg_json_next(j))
        add_one(f, j);
    f->base.changed = true;
    ui_conf_pump(f);
}

void ui_conf_remove(struct ui_form *f, size_t i)
{
    struct ui_conf *c = ui_conf_of(f);

    if (i >= c->n || !ui_conf_changeable(&c->row[i]))
        return;
    row_done(&c->row[i]);
    memmove(&c->row[i], &c->row[i + 1], (c->n - i - 1) * sizeof *c->row);
    c->n--;
    changed(f);
}

void ui_conf_remember(struct ui_conf *c, const char *server, const char *uri, const char *keyvault)
{
    struct kg_json *list = kg_json_array(), *one = kg_json_object();

    for (const struct kg_json *j = kg_json_first(c->secrets); j; j = kg_json_next(j))
        if (strcasecmp(kg_json_str_or(j, "server", ""), server) != 0)
            kg_json_push(list, kg_json_copy(j));
    kg_json_set_str(one, "server", server);
    kg_json_set_str(one, "uri", uri);
    kg_json_set_str(one, "keyVaultId", keyvault);
    kg_json_push(list, one);
    kg_json_free(c->secrets);
    c->secrets = list;
}

/* ---- readiness ---- */

void ui_conf_validate_all(struct ui_form *f)
{
    struct ui_conf *c = ui_conf_of(f);

    for (size_t i = 0; i < c->n; i++)
        ui_conf_validate(f, &c->row[i]);
    ui_conf_pump(f);
}

/* The policy that is chosen may still be the one of the vault before. */
bool ui_conf_policy_fits(const struct ui_form *f)
{
    const char *vault = ui_form_value(f, "vault"), *policy = ui_form_value(f, "policy");
    size_t n = strlen(vault);

    return n && strncasecmp(policy, vault, n) == 0 && policy[n] == '/';
}

/* Of the rows that wait the first ones; one that is to be alone makes a batch of its own. */
static struct kg_json *gather(struct ui_form *f, int tag)
{
    struct ui_conf *c = ui_conf_of(f);
    struct kg_json *list = kg_json_array();

    for (size_t i = 0; i < c->n && kg_json_count(list) < BATCH; i++) {
        struct ui_conf_row *r = &c->row[i];

        if (r->state != UI_CONF_WAITING || (r->alone && kg_json_count(list)))
            continue;
        kg_json_push(list, ui_conf_document(f, r));
        r->state = UI_CONF_BUSY;
        r->tag = tag;
        if (r->alone)
            break;
    }
    return list;
}

/* False: there is nothing to send, or nobody to send it to. */
static bool send_batch(struct ui_form *f)
{
    struct ui_conf *c = ui_conf_of(f);
    int tag = ui_conf_tag(c);
    KG_AUTO_JSON struct kg_json *body = kg_json_object();
    KG_AUTO_BUF struct kg_buf path = KG_BUF_INIT(ID_MAX), text = KG_BUF_INIT(BODY_MAX);
    struct kg_json *list;

    if (!ui_conf_policy_fits(f))
        return false;
    list = gather(f, tag);
    kg_json_set(body, "backupInstances", list);
    if (!kg_json_count(list))
        return false;
    kg_buf_addf(&path, "%s/validateForBackupBatch", ui_form_value(f, "vault"));
    kg_json_print(body, false, &text);
    c->batches++;
    ui_ask_call(&f->base, &(struct ui_call){ .method = "POST", .path = path.p, .body = text.p, .follow = true }, tag);
    f->base.changed = true;
    return true;
}

void ui_conf_pump(struct ui_form *f)
{
    struct ui_conf *c = ui_conf_of(f);

    while (c->batches < BATCHES && send_batch(f))
        ;
}

static enum ui_conf_state state_of(const char *outcome)
{
    static const char *const words[UI_CONF_STATES_] = { [UI_CONF_READY] = "Success", [UI_CONF_ROLE] = "RoleAssignmentNotDone",
                                                        [UI_CONF_CANNOT] = "UserCannotAssignRoles" };

    for (int s = 0; s < UI_CONF_STATES_; s++)
        if (words[s] && strcmp(words[s], outcome) == 0)
            return (enum ui_conf_state)s;
    return UI_CONF_FAILED;
}

static size_t waiting_for(const struct ui_conf *c, int tag)
{
    size_t n = 0;

    for (size_t i = 0; i < c->n; i++)
        n += c->row[i].tag == tag;
    return n;
}

/* A batch that is refused as a whole says nothing of each: one bad row spoils it. They are asked about one by one then, unless
 * it was the service that could not be reached. */
static void take_failure(struct ui_conf *c, int tag, const struct kg_err *err)
{
    bool again = waiting_for(c, tag) > 1 && err->code != KG_E_NO_SERVICE && err->code != KG_E_NO_REPLY;

    for (size_t i = 0; i < c->n; i++) {
        struct ui_conf_row *r = &c->row[i];

        if (r->tag != tag)
            continue;
        r->tag = 0;
        r->alone = again;
        r->state = again ? UI_CONF_WAITING : UI_CONF_FAILED;
        if (!again)
            r->err = *err;
    }
}

static void take_report(struct ui_conf *c, int tag, const struct kg_json *report)
{
    const char *name = kg_json_str_or(report, "name", "");

    for (size_t i = 0; i < c->n; i++) {
        struct ui_conf_row *r = &c->row[i];

        if (r->tag != tag || strcmp(r->instance, name) != 0)
            continue;
        r->tag = 0;
        drop_report(r);
        r->report = kg_json_copy(report);
        r->state = state_of(kg_json_str_or(report, "outcome", ""));
        return;
    }
}

static void take_batch(struct ui_form *f, int tag, const struct kg_answer *a)
{
    struct ui_conf *c = ui_conf_of(f);
    struct kg_err none = { 0 };

    c->batches--;
    if (a->err) {
        take_failure(c, tag, a->err);
    } else {
        const struct kg_json *list = kg_json_get(a->reply ? a->reply->json : NULL, "value");

        for (const struct kg_json *j = kg_json_first(list); j; j = kg_json_next(j))
            take_report(c, tag, j);
        (void)kg_err_set(&none, KG_E_NO_REPLY, "the service's answer holds no report on this database");
        take_failure(c, tag, &none);
    }
    ui_conf_pump(f);
}

/* ---- configuring ---- */

static void say_progress(struct ui_form *f)
{
    struct ui_conf *c = ui_conf_of(f);
    size_t done = 0;

    for (size_t i = 0; i < c->n; i++)
        done += c->row[i].sent == UI_CONF_DONE || c->row[i].sent == UI_CONF_REFUSED;
    snprintf(c->doing, sizeof c->doing, "Configuring backup: %zu of %zu databases are through", done, c->n);
    f->doing = c->doing;
    f->base.changed = true;
}

static void put_row(struct ui_form *f, struct ui_conf_row *r)
{
    struct ui_conf *c = ui_conf_of(f);
    KG_AUTO_JSON struct kg_json *document = ui_conf_document(f, r), *body = kg_json_object();
    KG_AUTO_BUF struct kg_buf path = KG_BUF_INIT(ID_MAX), text = KG_BUF_INIT(BODY_MAX);

    kg_json_set(body, "properties", kg_json_take(document, "properties"));
    kg_buf_addf(&path, "%s/backupInstances/%s", ui_form_value(f, "vault"), r->instance);
    kg_json_print(body, false, &text);
    r->sent = UI_CONF_SENDING;
    r->sent_tag = ui_conf_tag(c);
    c->puts++;
    ui_ask_call(&f->base, &(struct ui_call){ .method = "PUT", .path = path.p, .body = text.p, .follow = true }, r->sent_tag);
}

static void send_puts(struct ui_form *f)
{
    struct ui_conf *c = ui_conf_of(f);

    for (size_t i = 0; i < c->n && c->puts < PUTS; i++)
        if (c->row[i].sent == UI_CONF_QUEUED)
            put_row(f, &c->row[i]);
    say_progress(f);
}

/* All are configured: on to the new backup instances. */
static void succeed(struct ui_form *f)
{
    struct ui_conf *c = ui_conf_of(f);
    const struct ui_conf_row *first = &c->row[0];

    f->finished = true;
    if (c->n == 1)
        snprintf(c->said, sizeof c->said, "database '%s' on '%s' is protected now", first->database, first->server);
    else
        snprintf(c->said, sizeof c->said, "%zu databases are protected now", c->n);
    ui_note(&f->base, UI_NOTE_OK, c->said);
    ui_close(&f->base, first->made);
    ui_open(&f->base, c->n == 1 ? "backup-instance" : "backup-instances", c->n == 1 ? first->made : "");
}

/* It was ready when it was validated, and is not now: how it stands is asked again. */
static void look_again(struct ui_conf_row *r)
{
    drop_report(r);
    r->alone = false;
    r->state = UI_CONF_WAITING;
}

/* All are through; those that failed stay, to be mended and tried again. */
static void end(struct ui_form *f)
{
    struct ui_conf *c = ui_conf_of(f);
    const struct ui_conf_row *failed = NULL;
    size_t n = 0;

    f->sending = false;
    f->doing = NULL;
    for (size_t i = c->n; i-- > 0;)
        if (c->row[i].sent == UI_CONF_REFUSED) {
            failed = &c->row[i];
            f->grid.cursor = i;
            look_again(&c->row[i]);
            n++;
        }
    if (!failed) {
        succeed(f);
        return;
    }
    f->err = (struct kg_err){ 0 };
    (void)kg_err_set(&f->err, failed->sent_err.code, "%zu of %zu databases could not be configured; '%s' on '%s': %s", n, c->n,
                     failed->database, failed->server, failed->sent_err.msg);
    kg_err_advise(&f->err, "Mend them in Datasources (d says why), or remove them there (x), and configure again; what is "
                           "configured stays so.");
    ui_conf_pump(f);
}

static void take_put(struct ui_form *f, struct ui_conf_row *r, const struct kg_answer *a)
{
    struct ui_conf *c = ui_conf_of(f);

    c->puts--;
    r->sent_tag = 0;
    r->sent = a->err ? UI_CONF_REFUSED : UI_CONF_DONE;
    r->sent_err = a->err ? *a->err : (struct kg_err){ 0 };
    if (!a->err) {
        free(r->made);
        r->made = kg_xprintf("%s/backupInstances/%s", ui_form_value(f, "vault"), r->instance);
        r->marked = false;
    }
    send_puts(f);
    if (!c->puts)
        end(f);
}

void ui_conf_submit(struct ui_form *f)
{
    struct ui_conf *c = ui_conf_of(f);

    for (size_t i = 0; i < c->n; i++)
        if (c->row[i].sent != UI_CONF_DONE) {
            c->row[i].sent = UI_CONF_QUEUED;
            c->row[i].sent_err = (struct kg_err){ 0 };
        }
    send_puts(f);
    if (!c->puts)
        end(f);
}

void ui_conf_answer(struct ui_form *f, int tag, const struct kg_answer *a)
{
    struct ui_conf *c = ui_conf_of(f);

    for (size_t i = 0; i < c->n; i++)
        if (c->row[i].sent_tag == tag) {
            take_put(f, &c->row[i], a);
            return;
        }
    take_batch(f, tag, a);
}
