/* Words first, then an operator-precedence parser over them. The strengths below are the grammar's; a projection ("[*]",
 * "[?…]", "[]", "*") takes in everything to its right that binds stronger than PROJECTION_ENDS. */
#include "json/jmespath.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/text.h"
#include "json/jmespath_tree.h"

enum word {
    W_END, W_NAME, W_QUOTED, W_LITERAL, W_INT, W_CURRENT, W_REF, W_COMMA, W_COLON, W_RBRACKET, W_RPAREN, W_RBRACE,
    W_PIPE, W_OR, W_AND, W_EQ, W_NE, W_LT, W_LE, W_GT, W_GE, W_FLATTEN, W_STAR, W_FILTER, W_DOT, W_NOT, W_LBRACE,
    W_LBRACKET, W_LPAREN,
};

enum { PROJECTION_ENDS = 10 };
static const unsigned char strength[] = {
    [W_PIPE] = 1, [W_OR] = 2, [W_AND] = 3,
    [W_EQ] = 5, [W_NE] = 5, [W_LT] = 5, [W_LE] = 5, [W_GT] = 5, [W_GE] = 5,
    [W_FLATTEN] = 9, [W_STAR] = 20, [W_FILTER] = 21, [W_DOT] = 40, [W_NOT] = 45, [W_LBRACE] = 50, [W_LBRACKET] = 55,
    [W_LPAREN] = 60,
};

struct token {
    enum word word;
    size_t at;                       /* byte */
    const char *name;                /* W_NAME, W_QUOTED */
    const struct jp_val *literal;
    int64_t number;
};

struct parser {
    struct kg_jmespath *q;
    const char *text;
    struct token *tokens;
    size_t n, cap, i;
    unsigned depth;
    struct kg_err *err;
};

/* ---- complaints ---- */

/* Counted as a person counts. */
static size_t characters(const char *text, size_t bytes)
{
    size_t n = 0;

    for (size_t i = 0; i < bytes; i++)
        n += ((unsigned char)text[i] & 0xC0) != 0x80;
    return n;
}

static int wrong(struct parser *p, size_t at, const char *what)
{
    char rest[25];

    if (p->err->code != KG_E_OK)
        return -(int)p->err->code;
    kg_text_copy(rest, sizeof rest, p->text + at);
    if (*rest)
        kg_err_set(p->err, KG_E_USAGE, "%s at character %zu of the query ('%s%s')", what,
                   characters(p->text, at) + 1, rest, strlen(p->text + at) > strlen(rest) ? "…" : "");
    else
        kg_err_set(p->err, KG_E_USAGE, "%s at the end of the query", what);
    return -(int)p->err->code;
}

static int too_long(struct parser *p)
{
    return kg_err_set(p->err, KG_E_USAGE, "the query is too large: at most %d bytes and %d levels", JP_LENGTH_MAX,
                      JP_DEPTH_MAX);
}

/* ---- words ---- */

static const char *arena_text(struct parser *p, const char *s, size_t n)
{
    char *to = jp_alloc(&p->q->arena, n + 1, 1);

    if (to)
        memcpy(to, s, n);
    else
        (void)too_long(p);
    return to;
}

/* JSON that must live as long as the query. */
static const struct kg_json *keep_json(struct parser *p, const char *s, size_t n)
{
    struct kg_err ignored = { 0 };
    struct kg_json *j = NULL;

    if (kg_json_parse(s, n, &j, &ignored) < 0)
        return NULL;
    KG_GROW(p->q->literals, p->q->n_literals, p->q->cap_literals);
    p->q->literals[p->q->n_literals++] = j;
    return j;
}

static const struct jp_val *literal_of(struct parser *p, const struct kg_json *j)
{
    struct jp_run r = { .arena = p->q->arena, .steps = JP_STEPS_MAX, .err = p->err };
    const struct jp_val *v = jp_import(&r, j);

    p->q->arena = r.arena;
    return v;
}

static const struct jp_val *text_literal(struct parser *p, const char *s, size_t n)
{
    struct jp_run r = { .arena = p->q->arena, .steps = JP_STEPS_MAX, .err = p->err };
    const struct jp_val *v = jp_string(&r, s, n);

    p->q->arena = r.arena;
    return v;
}

/* The text between two marks, at which *s stands on the first: "\m" is the mark m. *s ends up behind the second. */
static int between(struct parser *p, const char **s, struct kg_buf *b, bool keep_backslash, const char *missing)
{
    const char *begin = *s;
    char mark = **s;

    for (++*s; **s && **s != mark; ++*s) {
        if (**s == '\\' && (*s)[1]) {
            if (keep_backslash || (*s)[1] != mark)
                kg_buf_add(b, *s, 1);
            ++*s;
        }
        kg_buf_add(b, *s, 1);
    }
    if (!**s)
        return wrong(p, (size_t)(begin - p->text), missing);
    ++*s;
    return 0;
}

static int quoted_name(struct parser *p, const char **s, struct token *t)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(JP_LENGTH_MAX + 3);
    const struct kg_json *j;

    kg_buf_adds(&b, "\"");
    if (between(p, s, &b, true, "no closing double quote for the one") < 0)
        return -(int)p->err->code;
    kg_buf_adds(&b, "\"");
    j = keep_json(p, b.p, b.len);
    if (!j)
        return wrong(p, t->at, "a name in double quotes that is no JSON string");
    t->word = W_QUOTED;
    t->name = kg_json_value_str(j);
    return 0;
}

static int raw_string(struct parser *p, const char **s, struct token *t)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(JP_LENGTH_MAX + 1);

    if (between(p, s, &b, false, "no closing quote for the one") < 0)
        return -(int)p->err->code;
    t->word = W_LITERAL;
    t->literal = text_literal(p, b.p, b.len);
    return t->literal ? 0 : -(int)p->err->code;
}

static int backtick_literal(struct parser *p, const char **s, struct token *t)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(JP_LENGTH_MAX + 1), quoted = KG_BUF_INIT(JP_LENGTH_MAX + 3);
    const struct kg_json *j;

    if (between(p, s, &b, false, "no closing backtick for the one") < 0)
        return -(int)p->err->code;
    j = keep_json(p, b.p, b.len);
    if (!j) { /* `Running`, as old examples of az have it */
        kg_buf_addf(&quoted, "\"%s\"", b.p + strspn(b.p, " \t\r\n"));
        j = keep_json(p, quoted.p, quoted.len);
    }
    if (!j)
        return wrong(p, t->at, "a literal in backticks that is not JSON");
    t->word = W_LITERAL;
    t->literal = literal_of(p, j);
    return t->literal ? 0 : -(int)p->err->code;
}

static int integer(struct parser *p, const char **s, struct token *t)
{
    char *end;

    errno = 0;
    t->word = W_INT;
    t->number = strtoll(*s, &end, 10);
    *s = end;
    return errno || t->number == INT64_MIN ? wrong(p, t->at, "a number that is too large") : 0;
}

/* The longest first. */
static const struct { const char *text; enum word word; } signs[] = {
    { "||", W_OR }, { "&&", W_AND }, { "==", W_EQ }, { "!=", W_NE }, { "<=", W_LE }, { ">=", W_GE }, { "[?", W_FILTER },
    { "[]", W_FLATTEN }, { "|", W_PIPE }, { "&", W_REF }, { "<", W_LT }, { ">", W_GT }, { "!", W_NOT }, { "[", W_LBRACKET },
    { "]", W_RBRACKET }, { "{", W_LBRACE }, { "}", W_RBRACE }, { "(", W_LPAREN }, { ")", W_RPAREN }, { "*", W_STAR },
    { ".", W_DOT }, { ",", W_COMMA }, { ":", W_COLON }, { "@", W_CURRENT },
};

static int sign(struct parser *p, const char **s, struct token *t)
{
    for (size_t i = 0; i < KG_ARRAY_LEN(signs); i++)
        if (strncmp(*s, signs[i].text, strlen(signs[i].text)) == 0) {
            t->word = signs[i].word;
            *s += strlen(signs[i].text);
            return 0;
        }
    if (**s == '=')
        return wrong(p, t->at, "'==' is what compares, not '=',");
    if (**s == '-')
        return wrong(p, t->at, "a name with a dash stands in double quotes, \"a-b\",");
    return wrong(p, t->at, "there is something that no query has");
}

static int one_word(struct parser *p, const char **s, struct token *t)
{
    size_t n = 0;

    if (**s == '"')
        return quoted_name(p, s, t);
    if (**s == '\'')
        return raw_string(p, s, t);
    if (**s == '`')
        return backtick_literal(p, s, t);
    if (isdigit((unsigned char)**s) || (**s == '-' && isdigit((unsigned char)(*s)[1])))
        return integer(p, s, t);
    while (isalpha((unsigned char)(*s)[n]) || (*s)[n] == '_' || (n && isdigit((unsigned char)(*s)[n])))
        n++;
    if (!n)
        return sign(p, s, t);
    t->word = W_NAME;
    t->name = arena_text(p, *s, n);
    *s += n;
    return t->name ? 0 : -(int)p->err->code;
}

static int words(struct parser *p)
{
    const char *s = p->text;

    for (;;) {
        struct token t = { .word = W_END };

        s += strspn(s, " \t\r\n");
        t.at = (size_t)(s - p->text);
        if (*s && one_word(p, &s, &t) < 0)
            return -(int)p->err->code;
        KG_GROW(p->tokens, p->n, p->cap);
        p->tokens[p->n++] = t;
        if (t.word == W_END)
            return 0;
    }
}

/* ---- nodes ---- */

static const struct token *now(const struct parser *p) { return &p->tokens[p->i]; }
static enum word ahead(const struct parser *p) { return p->i + 1 < p->n ? p->tokens[p->i + 1].word : W_END; }

static bool accept(struct parser *p, enum word w)
{
    if (now(p)->word != w)
        return false;
    p->i += w != W_END;
    return true;
}

static void *expected(struct parser *p, const char *what)
{
    KG_AUTO_FREE char *text = kg_xprintf("expected %s", what);

    (void)wrong(p, now(p)->at, text);
    return NULL;
}

static void deepen(struct jp_node *n, const struct jp_node *child)
{
    if (child && child->depth >= n->depth)
        n->depth = child->depth + 1;
}

static struct jp_node *checked(struct parser *p, struct jp_node *n)
{
    if (n && n->depth <= JP_DEPTH_MAX)
        return n;
    if (p->err->code == KG_E_OK)
        (void)too_long(p);
    return NULL;
}

static struct jp_node *node(struct parser *p, enum jp_kind kind, const struct jp_node *left,
                            const struct jp_node *right)
{
    struct jp_node *n = jp_alloc(&p->q->arena, 1, sizeof *n);

    if (n) {
        n->kind = kind;
        n->left = left;
        n->right = right;
        n->at = characters(p->text, now(p)->at) + 1;
        deepen(n, left);
        deepen(n, right);
    }
    return checked(p, n);
}

static const struct jp_node *expression(struct parser *p, unsigned floor);

/* Expressions divided by commas up to end, which is taken; with keys, "name: expression". None only for a call. */
static bool arguments(struct parser *p, struct jp_node *n, enum word end, const char *end_text)
{
    size_t cap = 0;

    if (n->kind == JP_CALL && accept(p, end))
        return true;
    do {
        const struct jp_node *arg;

        if (n->n_args == cap) {
            const struct jp_node **args = jp_alloc(&p->q->arena, cap * 2 + 4, sizeof *args);
            const char **keys = jp_alloc(&p->q->arena, cap * 2 + 4, sizeof *keys);

            if (!args || !keys)
                return too_long(p) == 0;
            if (cap) {
                memcpy(args, n->args, cap * sizeof *args);
                memcpy(keys, n->keys, cap * sizeof *keys);
            }
            n->args = args;
            n->keys = keys;
            cap = cap * 2 + 4;
        }
        if (n->kind == JP_HASH) {
            n->keys[n->n_args] = now(p)->name;
            if (!accept(p, W_NAME) && !accept(p, W_QUOTED))
                return expected(p, "a name for a column") != NULL;
            if (!accept(p, W_COLON))
                return expected(p, "':' behind the name of a column") != NULL;
        }
        arg = expression(p, 0);
        if (!arg)
            return false;
        n->args[n->n_args++] = arg;
        deepen(n, arg);
    } while (accept(p, W_COMMA));
    return accept(p, end) || expected(p, end_text) != NULL;
}

static const struct jp_node *multi(struct parser *p, enum jp_kind kind)
{
    struct jp_node *n = node(p, kind, NULL, NULL);

    if (!n || !arguments(p, n, kind == JP_HASH ? W_RBRACE : W_RBRACKET, kind == JP_HASH ? "',' or '}'" : "',' or ']'"))
        return NULL;
    return checked(p, n);
}

static const struct jp_node *after_dot(struct parser *p, unsigned floor)
{
    if (now(p)->word == W_NAME || now(p)->word == W_QUOTED || now(p)->word == W_STAR)
        return expression(p, floor);
    if (accept(p, W_LBRACKET))
        return multi(p, JP_LIST);
    if (accept(p, W_LBRACE))
        return multi(p, JP_HASH);
    return expected(p, "a name, '*', '[' or '{' behind the dot");
}

/* What is done to each item of a projection. */
static const struct jp_node *projected(struct parser *p, unsigned floor)
{
    enum word w = now(p)->word;

    if (strength[w] < PROJECTION_ENDS)
        return node(p, JP_CURRENT, NULL, NULL);
    if (w == W_LBRACKET || w == W_FILTER)
        return expression(p, floor);
    if (accept(p, W_DOT))
        return after_dot(p, floor);
    return expected(p, "a dot, a bracket or a pipe");
}

static const struct jp_node *project(struct parser *p, enum jp_kind kind, const struct jp_node *left, unsigned floor)
{
    const struct jp_node *right = left ? projected(p, floor) : NULL;

    return right ? node(p, kind, left, right) : NULL;
}

/* "[3]", "[1:5:2]", behind the opening bracket. */
static const struct jp_node *index_or_slice(struct parser *p, const struct jp_node *left)
{
    struct jp_node *n = left ? node(p, JP_INDEX, left, NULL) : NULL;
    size_t part = 0;

    if (!n)
        return NULL;
    for (;;) {
        if (now(p)->word == W_INT) {
            n->number[part] = now(p)->number;
            n->given[part] = accept(p, W_INT);
        }
        if (accept(p, W_RBRACKET))
            break;
        if (++part == KG_ARRAY_LEN(n->number) || !accept(p, W_COLON))
            return expected(p, part == 1 ? "':' or ']'" : part == 2 ? "a number, ':' or ']'" : "']'");
        n->kind = JP_SLICE;
    }
    if (n->kind == JP_SLICE && n->given[2] && n->number[2] == 0) {
        kg_err_set(p->err, KG_E_USAGE, "the step of a slice cannot be 0, at character %zu of the query", n->at);
        return NULL;
    }
    return n->kind == JP_SLICE ? project(p, JP_PROJECT, n, strength[W_STAR]) : n;
}

static const struct jp_node *filter(struct parser *p, const struct jp_node *left)
{
    const struct jp_node *condition = left ? expression(p, 0) : NULL, *right;
    struct jp_node *n;

    if (!condition)
        return NULL;
    if (!accept(p, W_RBRACKET))
        return expected(p, "an operator or ']'");
    right = projected(p, strength[W_FILTER]);
    n = right ? node(p, JP_FILTER, left, right) : NULL;
    if (!n)
        return NULL;
    n->condition = condition;
    deepen(n, condition);
    return checked(p, n);
}

static const struct jp_node *flatten(struct parser *p, const struct jp_node *left)
{
    const struct jp_node *n = left ? node(p, JP_FLATTEN, left, NULL) : NULL;

    return project(p, JP_PROJECT, n, strength[W_FLATTEN]);
}

static const struct jp_node *call(struct parser *p, const char *name, size_t at)
{
    struct jp_node *n = node(p, JP_CALL, NULL, NULL);
    const struct jp_function *f = jp_function_find(name);

    if (!n)
        return NULL;
    if (!f) {
        kg_err_set(p->err, KG_E_USAGE, "there is no function '%.60s', at character %zu of the query", name,
                   characters(p->text, at) + 1);
        return NULL;
    }
    n->function = f;
    n->at = characters(p->text, at) + 1;
    if (!arguments(p, n, W_RPAREN, "',' or ')'"))
        return NULL;
    if (n->n_args >= f->min && (n->n_args <= f->max || !f->max))
        return checked(p, n);
    kg_err_set(p->err, KG_E_USAGE, "%s() takes %s%u argument%s, not %zu, at character %zu of the query", name,
               f->max ? "" : "at least ", f->min, f->min == 1 ? "" : "s", n->n_args, n->at);
    return NULL;
}

static const struct jp_node *field(struct parser *p, const char *name)
{
    struct jp_node *n = node(p, JP_FIELD, NULL, NULL);

    if (n)
        n->name = name;
    return n;
}

/* "(…)" */
static const struct jp_node *in_parentheses(struct parser *p)
{
    const struct jp_node *n = expression(p, 0);

    return n && !accept(p, W_RPAREN) ? expected(p, "an operator or ')'") : n;
}

static const struct jp_node *one_operand(struct parser *p, enum jp_kind kind, enum word w)
{
    const struct jp_node *of = expression(p, strength[w]);

    return of ? node(p, kind, of, NULL) : NULL;
}

static const struct jp_node *literal(struct parser *p, const struct jp_val *v)
{
    struct jp_node *n = node(p, JP_LITERAL, NULL, NULL);

    if (n)
        n->literal = v;
    return n;
}

static const struct jp_node *at_bracket(struct parser *p)
{
    if (now(p)->word == W_INT || now(p)->word == W_COLON)
        return index_or_slice(p, node(p, JP_CURRENT, NULL, NULL));
    if (now(p)->word == W_STAR && ahead(p) == W_RBRACKET) {
        p->i += 2;
        return project(p, JP_PROJECT, node(p, JP_CURRENT, NULL, NULL), strength[W_STAR]);
    }
    return multi(p, JP_LIST);
}

/* What an expression can begin with. */
static const struct jp_node *beginning(struct parser *p)
{
    const struct token *t = now(p);

    p->i += t->word != W_END;
    switch (t->word) {
    case W_LITERAL:
        return literal(p, t->literal);
    case W_NAME:
        return accept(p, W_LPAREN) ? call(p, t->name, t->at) : field(p, t->name);
    case W_QUOTED:
        return field(p, t->name);
    case W_CURRENT:
        return node(p, JP_CURRENT, NULL, NULL);
    case W_STAR:
        return project(p, JP_VALUES, node(p, JP_CURRENT, NULL, NULL), strength[W_STAR]);
    case W_FILTER:
        return filter(p, node(p, JP_CURRENT, NULL, NULL));
    case W_FLATTEN:
        return flatten(p, node(p, JP_CURRENT, NULL, NULL));
    case W_LBRACKET:
        return at_bracket(p);
    case W_LBRACE:
        return multi(p, JP_HASH);
    case W_LPAREN:
        return in_parentheses(p);
    case W_NOT:
        return one_operand(p, JP_NOT, W_NOT);
    case W_REF:
        return one_operand(p, JP_REF, W_REF);
    default:
        p->i -= t->word != W_END;
        return expected(p, "a name, a literal, '[', '{', '(', '*' or '@'");
    }
}

static const struct jp_node *binary(struct parser *p, enum jp_kind kind, enum word w, const struct jp_node *left)
{
    const struct jp_node *right = expression(p, strength[w]);

    return right ? node(p, kind, left, right) : NULL;
}

static const struct jp_node *behind_dot(struct parser *p, const struct jp_node *left)
{
    const struct jp_node *right;

    if (accept(p, W_STAR))
        return project(p, JP_VALUES, left, strength[W_DOT]);
    right = after_dot(p, strength[W_DOT]);
    return right ? node(p, JP_SUB, left, right) : NULL;
}

static const struct jp_node *behind_bracket(struct parser *p, const struct jp_node *left)
{
    if (now(p)->word == W_INT || now(p)->word == W_COLON)
        return index_or_slice(p, left);
    if (!accept(p, W_STAR) || !accept(p, W_RBRACKET))
        return expected(p, "a number, ':', '*]', '?' or ']'");
    return project(p, JP_PROJECT, left, strength[W_STAR]);
}

static const enum jp_kind operators[] = {
    [W_PIPE] = JP_PIPE, [W_OR] = JP_OR, [W_AND] = JP_AND, [W_EQ] = JP_EQ, [W_NE] = JP_NE, [W_LT] = JP_LT, [W_LE] = JP_LE,
    [W_GT] = JP_GT, [W_GE] = JP_GE,
};

/* What goes on behind left. */
static const struct jp_node *going_on(struct parser *p, const struct jp_node *left)
{
    enum word w = now(p)->word;

    if (w < KG_ARRAY_LEN(operators) && operators[w] != 0) {
        p->i++;
        return binary(p, operators[w], w, left);
    }
    if (accept(p, W_DOT))
        return behind_dot(p, left);
    if (accept(p, W_LBRACKET))
        return behind_bracket(p, left);
    if (accept(p, W_FILTER))
        return filter(p, left);
    if (accept(p, W_FLATTEN))
        return flatten(p, left);
    return expected(p, w == W_LPAREN ? "an operator; only a plain name can be called:" : "an operator");
}

static const struct jp_node *expression(struct parser *p, unsigned floor)
{
    const struct jp_node *left;

    if (++p->depth > JP_DEPTH_MAX) {
        (void)too_long(p);
        return NULL;
    }
    left = beginning(p);
    while (left && floor < strength[now(p)->word])
        left = going_on(p, left);
    p->depth--;
    return left;
}

int kg_jmespath_compile(const char *expression_text, struct kg_jmespath **ret, struct kg_err *err)
{
    KG_AUTO_JMESPATH struct kg_jmespath *q = kg_xalloc(sizeof *q);
    struct parser p = { .q = q, .text = expression_text, .err = err };
    size_t length = strlen(expression_text);

    q->arena.max = (size_t)4 << 20;
    if (length > JP_LENGTH_MAX)
        return too_long(&p);
    if (!kg_utf8_valid(expression_text, length))
        return kg_err_set(err, KG_E_USAGE, "the query is not valid UTF-8 text");
    if (words(&p) == 0) {
        q->root = expression(&p, 0);
        if (q->root && now(&p)->word != W_END)
            (void)wrong(&p, now(&p)->at, "expected an operator");
    }
    free(p.tokens);
    if (err->code != KG_E_OK)
        return -(int)err->code;
    *ret = KG_TAKE(q);
    return 0;
}

void kg_jmespath_free(struct kg_jmespath *q)
{
    if (!q)
        return;
    for (size_t i = 0; i < q->n_literals; i++)
        kg_json_free(q->literals[i]);
    free(q->literals);
    jp_arena_done(&q->arena);
    free(q);
}
