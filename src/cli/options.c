#include "cli/cmd.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/text.h"
#include "cli/cli.h"

struct parser {
    const struct kg_opt_set *sets;
    size_t n_sets;
    int argc, at;
    const char *const *argv;
};

/* ---- names ---- */

/* Is name (n bytes) one of the blank-separated words? */
static bool among(const char *words, const char *name, size_t n)
{
    for (const char *w = words; w && *w; w += strcspn(w, " "), w += strspn(w, " "))
        if (strcspn(w, " ") == n && strncmp(w, name, n) == 0)
            return true;
    return false;
}

static bool named(const struct kg_opt *o, const char *name, size_t n)
{
    return (strlen(o->name) == n && strncmp(o->name, name, n) == 0) || among(o->aliases, name, n);
}

bool kg_opt_has_name(const struct kg_opt *o, const char *name) { return named(o, name, strlen(name)); }

static const struct kg_opt *find(const struct parser *p, const char *name, size_t n, char letter, void **ret_target)
{
    for (size_t s = 0; s < p->n_sets; s++)
        for (const struct kg_opt *o = p->sets[s].rows; o && o->name; o++)
            if (letter ? o->letter == letter : named(o, name, n)) {
                *ret_target = p->sets[s].target;
                return o;
            }
    return NULL;
}

/* A beginning counts as near, too: az takes unique prefixes, and whoever types one shall be told the whole name. */
static unsigned nearness(const char *typed, const char *name)
{
    size_t n = strlen(typed);

    if (n >= 3 && strncasecmp(name, typed, n) == 0)
        return 0;
    return kg_text_distance(typed, name);
}

static int unknown(const struct parser *p, const char *arg, struct kg_err *err)
{
    KG_AUTO_FREE char *typed = kg_xstrndup(arg + strspn(arg, "-"), strcspn(arg + strspn(arg, "-"), "="));
    const char *best = NULL;
    unsigned least = (unsigned)(strlen(typed) / 2 < 3 ? strlen(typed) / 2 : 3) + 1; /* half of it may be wrong */

    for (size_t s = 0; s < p->n_sets; s++)
        for (const struct kg_opt *o = p->sets[s].rows; o && o->name; o++)
            if (!o->hidden && nearness(typed, o->name) < least) {
                least = nearness(typed, o->name);
                best = o->name;
            }
    kg_err_set(err, KG_E_USAGE, "there is no option '%s'", arg);
    if (best)
        kg_err_advise(err, "Did you mean '--%s'? See --help for all options.", best);
    return -(int)err->code;
}

/* ---- values ---- */

static bool is_option(const char *arg)
{
    return arg[0] == '-' && (arg[1] == '-' ? arg[2] != '\0' : isalpha((unsigned char)arg[1]) != 0);
}

static int set_uint(const struct kg_opt *o, const char *text, uint64_t *at, struct kg_err *err)
{
    struct kg_err bad = { 0 };

    if (kg_parse_range(text, o->min, o->max, at, &bad) < 0)
        return kg_err_set(err, KG_E_USAGE, "--%s takes a number from %" PRIu64 " to %" PRIu64 ", not '%s'", o->name,
                          o->min, o->max, text);
    return 0;
}

static int set_choice(const struct kg_opt *o, const char *text, const char **at, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf all = KG_BUF_INIT(600);

    for (const char *const *c = o->choices; *c; c++) {
        if (strcasecmp(*c, text) == 0) {
            *at = *c;
            return 0;
        }
        kg_buf_addf(&all, "%s%s", c == o->choices ? "" : ", ", *c);
    }
    kg_err_set(err, KG_E_USAGE, "--%s has no choice '%s'", o->name, text);
    kg_err_advise(err, "Choose one of: %s.", all.p);
    return -(int)err->code;
}

static int set_json(const struct kg_opt *o, const char *text, struct kg_json **at, struct kg_err *err)
{
    kg_json_free(*at);
    *at = NULL;
    if (kg_value_json(text, at, err) < 0)
        return kg_err_wrap(err, "--%s", o->name);
    return 0;
}

/* One use of an option that takes KEY=VALUE words: they go into one object. */
static int set_pairs(const struct kg_opt *o, const char *const *v, size_t n, struct kg_json *obj, struct kg_err *err)
{
    for (size_t i = 0; i < n; i++)
        if (kg_value_pair(v[i], obj, err) < 0)
            return kg_err_wrap(err, "--%s", o->name);
    return 0;
}

static int set_objects(const struct kg_opt *o, const char *const *v, size_t n, struct kg_json **at, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *j = NULL;

    if (!*at)
        *at = kg_json_array();
    if (v[0][0] == '[' || v[0][0] == '{') {
        if (n > 1)
            return kg_err_set(err, KG_E_USAGE, "--%s takes one document, not %zu", o->name, n);
        if (kg_value_shorthand(v[0], &j, err) < 0)
            return kg_err_wrap(err, "--%s", o->name);
        if (kg_json_type(j) == KG_JSON_OBJECT) {
            kg_json_push(*at, KG_TAKE(j));
            return 0;
        }
        for (const struct kg_json *c = kg_json_first(j); c; c = kg_json_next(c))
            kg_json_push(*at, kg_json_copy(c));
        return 0;
    }
    j = kg_json_object();
    if (set_pairs(o, v, n, j, err) < 0)
        return -(int)err->code;
    kg_json_push(*at, KG_TAKE(j));
    return 0;
}

static void add_words(struct kg_words *w, const char *const *v, size_t n)
{
    w->v = kg_xrealloc_array(w->v, w->n + n, sizeof *w->v);
    for (size_t i = 0; i < n; i++)
        w->v[w->n++] = v[i];
}

static int set(const struct kg_opt *o, void *target, const char *const *v, size_t n, struct kg_err *err)
{
    void *at = (char *)target + o->offset;

    switch (o->type) {
    case KG_OPT_FLAG:
        return kg_parse_bool(v[0], at, err) < 0 ? kg_err_wrap(err, "--%s", o->name) : 0;
    case KG_OPT_STRING:
        *(const char **)at = v[0];
        return 0;
    case KG_OPT_UINT:
        return set_uint(o, v[0], at, err);
    case KG_OPT_CHOICE:
        return set_choice(o, v[0], at, err);
    case KG_OPT_JSON:
        return set_json(o, v[0], at, err);
    case KG_OPT_LIST:
        add_words(at, v, n);
        return 0;
    case KG_OPT_PAIRS:
        if (!*(struct kg_json **)at)
            *(struct kg_json **)at = kg_json_object();
        return set_pairs(o, v, n, *(struct kg_json **)at, err);
    case KG_OPT_OBJECTS:
        return set_objects(o, v, n, at, err);
    }
    return 0;
}

static bool takes_many(const struct kg_opt *o)
{
    return o->type == KG_OPT_LIST || o->type == KG_OPT_PAIRS || o->type == KG_OPT_OBJECTS;
}

/* A flag takes the next word only when it reads as a literal of az's: 0 1 f false n no t true y yes. */
static bool is_literal(const char *word)
{
    static const char *const literals[] = { "0", "1", "f", "false", "n", "no", "t", "true", "y", "yes" };

    return kg_text_index(literals, KG_ARRAY_LEN(literals), word) >= 0;
}

/* Sets o from the words behind it, or from the value attached to it. */
static int set_from(struct parser *p, const struct kg_opt *o, void *target, const char *attached, struct kg_err *err)
{
    static const char *const yes[] = { "true" };
    const char *const *v = p->argv + p->at;
    size_t n = 0;

    if (attached)
        return set(o, target, &attached, 1, err);
    if (o->type == KG_OPT_FLAG && (p->at == p->argc || !is_literal(*v)))
        return set(o, target, yes, 1, err);
    if (takes_many(o))
        while (p->at + (int)n < p->argc && !is_option(v[n]))
            n++;
    else if (p->at < p->argc && !is_option(*v))
        n = 1;
    if (n == 0) {
        kg_err_set(err, KG_E_USAGE, "--%s needs %s", o->name, o->arg ? o->arg : "a value");
        if (p->at < p->argc)
            kg_err_advise(err, "Write --%s=VALUE when the value begins with a dash.", o->name);
        return -(int)err->code;
    }
    p->at += (int)n;
    return set(o, target, v, n, err);
}

static int parse_option(struct parser *p, struct kg_err *err)
{
    const char *arg = p->argv[p->at++];
    const char *attached = NULL;
    const struct kg_opt *o;
    void *target = NULL;

    if (arg[1] == '-') {
        size_t n = strcspn(arg + 2, "=");

        o = find(p, arg + 2, n, 0, &target);
        if (arg[2 + n] == '=')
            attached = arg + 2 + n + 1;
    } else {
        size_t n = strcspn(arg + 1, "=");

        o = n > 1 ? find(p, arg + 1, n, 0, &target) : NULL; /* one dash for two: az's own documents have it */
        if (o && arg[1 + n] == '=')
            attached = arg + 1 + n + 1;
        if (!o) {
            o = find(p, NULL, 0, arg[1], &target);
            if (o && arg[2] && o->type != KG_OPT_FLAG)
                attached = arg + 2;
            else if (arg[2])
                o = NULL;
        }
    }
    if (!o)
        return unknown(p, arg, err);
    return set_from(p, o, target, attached, err);
}

static int parse_word(struct parser *p, const char *positional, struct kg_err *err)
{
    const char *word = p->argv[p->at++];
    void *target = NULL;
    const struct kg_opt *o = positional ? find(p, positional, strlen(positional), 0, &target) : NULL;

    if (!o && p->at >= 2 && strcasecmp(word, p->argv[p->at - 2]) == 0)
        return 0; /* a value written twice, as az's own documents have it: it says nothing new */
    if (!o) {
        kg_err_set(err, KG_E_USAGE, "there is no place for '%s'", word);
        kg_err_advise(err, "Put the option's name in front of it; see --help.");
        return -(int)err->code;
    }
    if (o->type == KG_OPT_STRING && *(const char **)(void *)((char *)target + o->offset))
        return kg_err_set(err, KG_E_USAGE, "one %s too many: '%s'", o->arg, word);
    return set(o, target, &word, 1, err);
}

int kg_opts_parse(const struct kg_opt_set *sets, size_t n_sets, const char *positional, int argc,
                  const char *const *argv, struct kg_err *err)
{
    struct parser p = { .sets = sets, .n_sets = n_sets, .argc = argc, .argv = argv };

    while (p.at < p.argc) {
        int r = is_option(argv[p.at]) ? parse_option(&p, err) : parse_word(&p, positional, err);

        if (r < 0)
            return r;
    }
    return 0;
}

static bool is_set(const struct kg_opt *o, const void *target)
{
    const void *at = (const char *)target + o->offset;

    switch (o->type) {
    case KG_OPT_FLAG:
        return *(const bool *)at;
    case KG_OPT_UINT:
        return *(const uint64_t *)at != 0;
    case KG_OPT_LIST:
        return ((const struct kg_words *)at)->n > 0;
    default:
        return *(void *const *)at != NULL;
    }
}

/* Group, vault and name: what an id says by itself. */
static bool is_address(const struct kg_opt *o)
{
    return o->offset == offsetof(struct kg_at, group) || o->offset == offsetof(struct kg_at, vault) ||
           o->offset == offsetof(struct kg_at, name);
}

/* "--vault-name (-v)" */
static void add_name(struct kg_buf *b, const struct kg_opt *o)
{
    kg_buf_addf(b, "--%s", o->name);
    if (o->letter)
        kg_buf_addf(b, " (-%c)", o->letter);
}

/* All that are missing at once: whoever is told one at a time types the line four times. */
static int missing(const struct kg_cmd *cmd, const struct kg_opt *const *lacking, size_t n, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(500);

    for (size_t i = 0; i < n; i++) {
        kg_buf_adds(&b, i == 0 ? "" : i + 1 == n ? " and " : ", ");
        add_name(&b, lacking[i]);
    }
    kg_err_set(err, KG_E_USAGE, "%s %s required", b.p, n == 1 ? "is" : "are");
    if (cmd->ids_of)
        kg_err_advise(err, "Give names, or --ids with resource ids. Run 'keepgres %s --help' to see an example.",
                      cmd->name);
    else
        kg_err_advise(err, "Run 'keepgres %s --help' to see what it takes, and an example.", cmd->name);
    return -(int)err->code;
}

int kg_opts_check(const struct kg_cmd *cmd, const void *target, bool with_ids, struct kg_err *err)
{
    const struct kg_opt *lacking[16];
    size_t n = 0;

    for (const struct kg_opt *o = cmd->opts; o && o->name; o++) {
        bool there = is_set(o, target);

        if (with_ids && is_address(o)) {
            if (there)
                return kg_err_set(err, KG_E_USAGE, "--%s and --ids exclude each other", o->name);
        } else if (o->required && !there && n < KG_ARRAY_LEN(lacking)) {
            lacking[n++] = o;
        }
    }
    return n ? missing(cmd, lacking, n, err) : 0;
}

void kg_opts_free(const struct kg_opt *rows, void *target)
{
    for (const struct kg_opt *o = rows; o && o->name; o++) {
        void *at = (char *)target + o->offset;

        if (o->type == KG_OPT_LIST) {
            free(((struct kg_words *)at)->v);
            *(struct kg_words *)at = (struct kg_words){ 0 };
        } else if (o->type == KG_OPT_JSON || o->type == KG_OPT_PAIRS || o->type == KG_OPT_OBJECTS) {
            kg_json_free(*(struct kg_json **)at);
            *(struct kg_json **)at = NULL;
        }
    }
}
