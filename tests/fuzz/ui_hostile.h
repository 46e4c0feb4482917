/* Answers that no service of ours would give: errors of every code, documents that are cut, of other types, with parts missing, too
 * long, or made to take a terminal over. Include behind unit/ui_recorded.h. */
#ifndef TESTS_FUZZ_UI_HOSTILE_H
#define TESTS_FUZZ_UI_HOSTILE_H

#include <string.h>
#include "base/alloc.h"
#include "tape.h"
#include "unit/ui_recorded.h"

/* Instead of any value of a document. */
static const char *const hostile_values[] = {
    "null", "true", "false", "0", "-1", "1e308", "-1e308", "4294967296", "9007199254740993", "0.000001", "\"\"", "[]", "{}",
    "[[[[[[]]]]]]", "{\"value\":[{}]}", "[null,1,\"x\",{}]", "\"\\u001b[2J\\u001b]52;c;eA==\\u0007\"", "\"\\u202e\\u200f\\u0645\\u0631\"",
    "\"a\\nb\\r\\tc\"", "\"%s%n%99999d\"", "\"e\\u0301\\u0301\\u0301\\u0301\\u0301\\u0301\\u0301\\u0301\\u0301\\u0301\\u0301\\u0301\"",
    "\"\\u65e5\\u672c\\u8a9e\\u30c7\\u30fc\\u30bf\"", "\"9999-99-99T99:99:99Z\"", "\"0001-01-01T00:00:00Z\"", "\"P99999999999Y\"",
    "\"-PT1S\"", "\"R/2026-11-21T02:00:00+00:00/P0W\"", "\"InProgress\"", "\"Failed\"", "\"Succeeded\"", "\"NobodyKnowsThis\"",
    "\"/subscriptions/x/resourceGroups/y/providers/Microsoft.DataProtection/backupVaults/z\"", "\"/\"", "\"////\"", "\"../../..\"",
    "\"https://h/subscriptions/x?$skiptoken=1\"", "\"\\ud83d\\ude00\\u200d\\ud83d\\ude00\"", "\"'\\\"\\\\`$(id);\"",
};

static const enum kg_code hostile_codes[] = {
    KG_E_BUG, KG_E_USAGE, KG_E_NOT_FOUND, KG_E_BUSY, KG_E_LIMIT, KG_E_EXISTS, KG_E_DENIED, KG_E_CONFLICT, KG_E_CANCELLED, KG_E_TIMEOUT,
    KG_E_NO_SERVICE, KG_E_BAD_JSON, KG_E_NO_REPLY, KG_E_PRECONDITION, KG_E_DISK_FULL,
};

/* The value that begins at or after p: its length goes to *ret_n; NULL: there is none. Whole arrays and objects are values too. */
static inline const char *hostile_value_at(const char *p, size_t *ret_n)
{
    const char *end;
    int depth = 0;

    p = strpbrk(p, ":[,");                   /* a value follows one of them, wherever it stands */
    if (!p)
        return NULL;
    p += 1 + strspn(p + 1, " \n");
    end = p;
    do {
        if (*end == '"')
            for (end++; *end && *end != '"'; end++)
                end += *end == '\\' && end[1];
        depth += *end == '[' || *end == '{';
        depth -= *end == ']' || *end == '}';
    } while (*end && *++end && (depth > 0 || !strchr(",]} \n", *end)));
    *ret_n = (size_t)(end - p);
    return depth < 0 ? NULL : p;
}

/* One change to a document. */
static inline void hostile_change(struct tape *t, struct kg_buf *doc)
{
    KG_AUTO_BUF struct kg_buf was = KG_BUF_INIT(32u << 20);
    unsigned how = tape_byte(t);
    size_t at = doc->len ? tape_word(t) % doc->len : 0, n = 0;
    const char *v;

    kg_buf_add(&was, doc->p, doc->len);
    v = was.len ? hostile_value_at(was.p + at, &n) : NULL;
    kg_buf_reset(doc);
    if (how % 8 == 0 || !v) {                /* cut */
        kg_buf_add(doc, was.p, at);
        return;
    }
    kg_buf_add(doc, was.p, (size_t)(v - was.p));
    if (how % 8 == 1) {                      /* very long */
        kg_buf_adds(doc, "\"");
        for (unsigned i = 0; i < 1u << (2 + how / 8 % 11); i++)
            kg_buf_adds(doc, i % 3 ? "a long text" : " \xe6\x97\xa5");
        kg_buf_adds(doc, "\"");
    } else if (how % 8 == 2) {               /* twice */
        kg_buf_add(doc, v, n);
        kg_buf_adds(doc, ",");
        kg_buf_add(doc, v, n);
    } else {
        kg_buf_adds(doc, hostile_values[how / 8 * 5 % KG_ARRAY_LEN(hostile_values)]);
    }
    kg_buf_adds(doc, v + n);
    if (how % 8 == 3 && v[-1] == ':')        /* under another name */
        doc->p[v - was.p - 3] ^= 1;
}

static inline void hostile_error(struct tape *t, struct recorded_call *at)
{
    struct recorded_call was = *at, *c = &was;
    static const char odd[] = "{\"code\":7,\"innerError\":[1],\"details\":{\"a\":null}}";
    unsigned how = tape_byte(t);
    struct kg_err err = { 0 }, ignored = { 0 };
    struct kg_json *detail = NULL;

    (void)kg_err_set(&err, hostile_codes[how % KG_ARRAY_LEN(hostile_codes)], "%s",
                     how & 64 ? "\033[31mred\r\n\001 'x' %s \xff" : "something did not go well");
    if (how & 128 && kg_json_parse(odd, strlen(odd), &detail, &ignored) < 0)
        fail_msg("%s", ignored.msg);
    at->waits = false;
    c->fn(c->ctx, c->id, &(struct kg_answer){ .err = &err, .detail = detail });
    kg_json_free(detail);
}

/* What the file says, changed a few times; what is no document any more is the error that the client makes of it. */
static inline void hostile_answer(struct tape *t, struct recorded_call *at)
{
    struct recorded_call was = *at, *c = &was;
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(32u << 20);
    struct kg_reply reply = { .status = 200 };
    struct kg_err err = { 0 };
    unsigned how = tape_byte(t);

    if (how % 4 == 0 || !recorded_text(c, &text)) {
        hostile_error(t, at);
        return;
    }
    for (unsigned i = 0; i <= how / 4 % 4; i++)
        hostile_change(t, &text);
    if (how / 16 == 1)
        kg_buf_reset(&text);
    at->waits = false;
    if (!c->text && text.len && kg_json_parse(text.p, text.len, &reply.json, &err) < 0) {
        c->fn(c->ctx, c->id, &(struct kg_answer){ .err = &err });
        return;
    }
    reply.text = text.p;
    reply.len = text.len;
    c->fn(c->ctx, c->id, &(struct kg_answer){ .reply = &reply });
    kg_json_free(reply.json);
}

#endif
