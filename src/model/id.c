#include "model/id.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/text.h"

enum { SEGMENTS = 4 + 2 * (1 + KG_ID_PARTS) * 2 };

/* What ends a segment or would change its meaning in a URL. */
static bool needs_code(unsigned char c) { return c < 0x20 || c == 0x7f || strchr("/%?#", c); }

char *kg_id_encode(const char *name)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(3 * strlen(name) + 1);

    for (const char *s = name; *s; s++) {
        if (needs_code((unsigned char)*s))
            kg_buf_addf(&b, "%%%02X", (unsigned char)*s);
        else
            kg_buf_add(&b, s, 1);
    }
    return kg_buf_take(&b);
}

static int hex_digit(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

/* Decodes n bytes at text into out (at least n + 1 bytes); false when a NUL would come out. A '%' that no two digits
 * follow stands for itself: people write names by hand. */
static bool decode(const char *text, size_t n, char *out)
{
    size_t at = 0;

    for (size_t i = 0; i < n; i++) {
        int hi, lo;

        if (text[i] == '%' && n - i > 2 && (hi = hex_digit(text[i + 1])) >= 0 && (lo = hex_digit(text[i + 2])) >= 0) {
            if (hi == 0 && lo == 0)
                return false;
            out[at++] = (char)(hi * 16 + lo);
            i += 2;
        } else {
            out[at++] = text[i];
        }
    }
    out[at] = '\0';
    return true;
}

char *kg_id_decode(const char *text, size_t n)
{
    KG_AUTO_FREE char *out = n > KG_ID_MAX ? NULL : kg_xalloc(n + 1);

    return out && decode(text, n, out) ? KG_TAKE(out) : NULL;
}

static int refuse(struct kg_err *err, const char *text, const char *why)
{
    char shown[120];

    kg_text_copy(shown, sizeof shown, text);
    kg_err_set(err, KG_E_USAGE, "'%s' is not a resource ID: %s", shown, why);
    kg_err_advise(err, "Write it as /subscriptions/S/resourceGroups/G/providers/NAMESPACE/type/name.");
    return -KG_E_USAGE;
}

/* Checks length and bytes, and cuts text into its segments: memory of the same length that the segments point into. */
static int split(const char *text, char **ret_memory, const char *ret_segments[SEGMENTS], unsigned *ret_count,
                 struct kg_err *err)
{
    size_t n = strnlen(text, KG_ID_MAX + 1);
    KG_AUTO_FREE char *memory = NULL;
    unsigned count = 0;
    const char *s = text, *end;
    char *out;

    if (n > KG_ID_MAX)
        return refuse(err, text, "it is too long");
    if (*text != '/')
        return refuse(err, text, "it does not begin with a slash");
    if (n > 1 && text[n - 1] == '/')
        n--;
    if (!kg_utf8_valid(text, n))
        return refuse(err, "…", "it is not valid UTF-8");
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f || text[i] == '?' || text[i] == '#')
            return refuse(err, text, "it has a character that must be percent-encoded");
    out = memory = kg_xalloc(n + 1);
    for (end = text + n; s < end;) {
        const char *slash = memchr(s + 1, '/', (size_t)(end - s - 1));
        size_t len = (size_t)((slash ? slash : end) - (s + 1));

        if (count == SEGMENTS)
            return refuse(err, text, "it has too many segments");
        if (len == 0)
            return refuse(err, text, "a segment is empty");
        if (!decode(s + 1, len, out))
            return refuse(err, text, "a segment has a NUL in it");
        if (strlen(out) > KG_NAME_MAX)
            return refuse(err, text, "a segment is too long");
        if (!kg_utf8_valid(out, strlen(out)))
            return refuse(err, text, "it is not valid UTF-8");
        ret_segments[count++] = out;
        out += strlen(out) + 1; /* len + 1 bytes were reserved for len decoded ones */
        s += len + 1;
    }
    *ret_count = count;
    *ret_memory = KG_TAKE(memory);
    return 0;
}

static bool is(const char *segment, const char *word) { return strcasecmp(segment, word) == 0; }

/* The segments behind "providers": namespace, then pairs. A further "providers" begins an extension resource, which
 * replaces what was read: an ID is about its last provider. */
static int read_provider(const char *text, const char *const *seg, unsigned n, struct kg_id *id, struct kg_err *err)
{
    unsigned i = 0;

    if (n < 3)
        return refuse(err, text, "a provider's namespace, type and name are missing");
    while (i < n) {
        if (!is(seg[i], "providers") || n - i < 4)
            return refuse(err, text, "behind a provider's namespace come pairs of type and name");
        id->provider = seg[i + 1];
        id->count = 0;
        for (i += 2; i < n && !is(seg[i], "providers"); i += 2) {
            if (n - i < 2)
                return refuse(err, text, "behind a provider's namespace come pairs of type and name");
            if (id->count == KG_ID_PARTS)
                return refuse(err, text, "it is nested too deep");
            id->parts[id->count++] = (struct kg_id_part){ .type = seg[i], .name = seg[i + 1] };
        }
        if (id->count == 0)
            return refuse(err, text, "a provider's type and name are missing");
    }
    return 0;
}

int kg_id_parse(const char *text, struct kg_id *ret, struct kg_err *err)
{
    KG_AUTO_ID struct kg_id id = { 0 };
    const char *seg[SEGMENTS];
    unsigned n = 0, at = 2;

    if (split(text, &id.memory, seg, &n, err) < 0)
        return -(int)err->code;
    if (n < 2 || !is(seg[0], "subscriptions"))
        return refuse(err, text, "it does not begin with /subscriptions/…");
    id.subscription = seg[1];
    if (n > 2 && is(seg[2], "resourceGroups")) {
        if (n < 4)
            return refuse(err, text, "the resource group's name is missing");
        id.group = seg[3];
        at = 4;
    }
    if (n > at && read_provider(text, seg + at, n - at, &id, err) < 0)
        return -(int)err->code;
    *ret = id;
    id.memory = NULL;
    return 0;
}

void kg_id_done(struct kg_id *id)
{
    free(id->memory);
    *id = (struct kg_id){ 0 };
}

/* blobServices/default is part of a container's ID but no resource: it is left out of parents. */
static bool is_blob_service(const struct kg_id_part *p)
{
    return is(p->type, "blobServices") && is(p->name, "default");
}

char *kg_id_type(const struct kg_id *id)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(KG_ID_MAX);

    if (!id->provider)
        return kg_xstrdup(id->group ? "Microsoft.Resources/subscriptions/resourceGroups"
                                    : "Microsoft.Resources/subscriptions");
    kg_buf_adds(&b, id->provider);
    for (unsigned i = 0; i < id->count; i++)
        kg_buf_addf(&b, "/%s", id->parts[i].type);
    return kg_buf_take(&b);
}

bool kg_id_is(const struct kg_id *id, const char *type)
{
    KG_AUTO_FREE char *mine = kg_id_type(id);

    return strcasecmp(mine, type) == 0;
}

const char *kg_id_name(const struct kg_id *id)
{
    return id->provider ? id->parts[id->count - 1].name : id->group ? id->group : id->subscription;
}

int kg_id_key(const char *text, char **ret, struct kg_err *err)
{
    KG_AUTO_ID struct kg_id id = { 0 };
    size_t n;
    char *key;

    if (kg_id_parse(text, &id, err) < 0)
        return -(int)err->code;
    n = strlen(text);
    key = kg_xstrndup(text, n - (text[n - 1] == '/'));
    for (char *s = key; *s; s++)
        if (*s >= 'A' && *s <= 'Z')
            *s = (char)(*s - 'A' + 'a'); /* ASCII alone: the locale has no say in what a key is */
    *ret = key;
    return 0;
}

static size_t length(const char *id)
{
    size_t n = strlen(id);

    return n > 1 && id[n - 1] == '/' ? n - 1 : n;
}

bool kg_id_equal(const char *a, const char *b)
{
    return length(a) == length(b) && strncasecmp(a, b, length(a)) == 0;
}

bool kg_id_under(const char *id, const char *scope)
{
    size_t n = length(scope);

    if (n == 1 && *scope == '/')
        return *id == '/';
    return strncasecmp(id, scope, n) == 0 && (id[n] == '\0' || id[n] == '/');
}

char *kg_id_parent(const char *text)
{
    KG_AUTO_ID struct kg_id id = { 0 };
    struct kg_err err = { 0 };
    const char *end = text + length(text);
    unsigned cut;

    if (kg_id_parse(text, &id, &err) < 0 || (!id.provider && !id.group))
        return NULL;
    cut = !id.provider || id.count > 1 ? 2 : 4; /* a top resource takes "providers/NS" along */
    if (id.count > 2 && is_blob_service(&id.parts[id.count - 2]))
        cut += 2;
    while (cut > 0)
        if (*--end == '/')
            cut--;
    return kg_xstrndup(text, (size_t)(end - text));
}

char *kg_id_subscription(const char *subscription)
{
    KG_AUTO_FREE char *s = kg_id_encode(subscription);

    return kg_xprintf("/subscriptions/%s", s);
}

char *kg_id_group(const char *subscription, const char *group)
{
    KG_AUTO_FREE char *s = kg_id_encode(subscription), *g = kg_id_encode(group);

    return kg_xprintf("/subscriptions/%s/resourceGroups/%s", s, g);
}

char *kg_id_resource(const char *subscription, const char *group, const char *type, const char *name)
{
    KG_AUTO_FREE char *scope = group ? kg_id_group(subscription, group) : kg_id_subscription(subscription);
    KG_AUTO_FREE char *n = kg_id_encode(name);

    return kg_xprintf("%s/providers/%s/%s", scope, type, n);
}

char *kg_id_child(const char *parent, const char *type, const char *name)
{
    KG_AUTO_FREE char *n = kg_id_encode(name);

    return kg_xprintf("%.*s/%s/%s", (int)length(parent), parent, type, n);
}
