#include "base/parse.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Reads leading digits; returns how many, or 0 when there are none or the value does not fit. */
static size_t digits(const char *s, uint64_t *ret)
{
    uint64_t v = 0;
    size_t n = 0;

    for (; s[n] >= '0' && s[n] <= '9'; n++)
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(s[n] - '0'), &v))
            return 0;
    *ret = v;
    return n;
}

int kg_parse_u64(const char *text, uint64_t *ret, struct kg_err *err)
{
    uint64_t v;
    size_t n = digits(text, &v);

    if (!n || text[n])
        return kg_err_set(err, KG_E_USAGE, "'%.60s' is not a whole number", text);
    *ret = v;
    return 0;
}

int kg_parse_range(const char *text, uint64_t min, uint64_t max, uint64_t *ret, struct kg_err *err)
{
    uint64_t v;
    size_t n = digits(text, &v);

    if (!n || text[n] || v < min || v > max)
        return kg_err_set(err, KG_E_USAGE, "'%.60s' is not a number from %llu to %llu", text,
                          (unsigned long long)min, (unsigned long long)max);
    *ret = v;
    return 0;
}

int kg_parse_size(const char *text, uint64_t *ret, struct kg_err *err)
{
    static const char suffixes[] = "kmgt";
    uint64_t v;
    size_t n = digits(text, &v);
    const char *s = text + n, *at;
    unsigned shift = 0;

    while (n && *s == ' ')
        s++;
    if (n && *s && (at = strchr(suffixes, tolower((unsigned char)*s)))) {
        shift = 10 * (unsigned)(at - suffixes + 1);
        s++;
        if (strcasecmp(s, "b") == 0 || strcasecmp(s, "ib") == 0)
            s += strlen(s);
    }
    if (!n || *s || (shift && v >> (64 - shift)))
        return kg_err_set(err, KG_E_USAGE, "'%.60s' is not a size such as 512M or 2G", text);
    *ret = v << shift;
    return 0;
}

int kg_parse_double(const char *text, double *ret, struct kg_err *err)
{
    bool shaped = text[0] && !text[strspn(text, "0123456789+-.eE")];   /* strtod would take "inf", "0x1p3" and blanks */
    char *end = NULL;
    double v = shaped ? strtod(text, &end) : 0;

    if (!shaped || end == text || *end || !isfinite(v))
        return kg_err_set(err, KG_E_USAGE, "'%.60s' is not a number", text);
    *ret = v;
    return 0;
}

int kg_parse_bool(const char *text, bool *ret, struct kg_err *err)
{
    static const char *const yes[] = { "true", "t", "yes", "y", "on", "1" };
    static const char *const no[] = { "false", "f", "no", "n", "off", "0" };

    if (kg_text_index(yes, 6, text) >= 0)
        *ret = true;
    else if (kg_text_index(no, 6, text) >= 0)
        *ret = false;
    else
        return kg_err_set(err, KG_E_USAGE, "'%.60s' is neither true nor false", text);
    return 0;
}

int kg_text_index(const char *const *table, size_t count, const char *text)
{
    for (size_t i = 0; text && i < count; i++)
        if (table[i] && strcasecmp(table[i], text) == 0)
            return (int)i;
    return -1;
}

void kg_hex(const void *data, size_t n, char *ret_text)
{
    static const char hex[] = "0123456789abcdef";
    const unsigned char *p = data;

    for (size_t i = 0; i < n; i++) {
        ret_text[2 * i] = hex[p[i] >> 4];
        ret_text[2 * i + 1] = hex[p[i] & 15];
    }
    ret_text[2 * n] = '\0';
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 32);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool kg_unhex(const char *text, void *ret_data, size_t n)
{
    unsigned char *out = ret_data;

    for (size_t i = 0; i < 2 * n; i++)
        if (nibble(text[i]) < 0)
            return false;
    if (text[2 * n])
        return false;
    for (size_t i = 0; i < n; i++)
        out[i] = (unsigned char)(nibble(text[2 * i]) << 4 | nibble(text[2 * i + 1]));
    return true;
}

static const char b64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void kg_base64_add(struct kg_buf *b, const void *data, size_t n)
{
    const unsigned char *p = data;

    for (size_t i = 0; i < n; i += 3) {
        size_t left = n - i;
        uint32_t v = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) | (left > 2 ? p[i + 2] : 0);
        char out[4] = { b64[v >> 18], b64[v >> 12 & 63], left > 1 ? b64[v >> 6 & 63] : '=',
                        left > 2 ? b64[v & 63] : '=' };
        kg_buf_add(b, out, 4);
    }
}

bool kg_base64_decode(const char *text, size_t n, struct kg_buf *ret)
{
    if (n % 4)
        return false;
    for (size_t i = 0; i < n; i += 4) {
        uint32_t v = 0;
        size_t keep = 3;
        unsigned char out[3];

        for (size_t k = 0; k < 4; k++) {
            char c = text[i + k];
            const char *at = c ? strchr(b64, c) : NULL;

            if (c == '=' && i + 4 == n && k >= 2 && (k == 3 || text[i + 3] == '=')) {
                keep = k - 1 < keep ? k - 1 : keep;
                v <<= 6;
                continue;
            }
            if (!at)
                return false;
            v = v << 6 | (uint32_t)(at - b64);
        }
        out[0] = (unsigned char)(v >> 16);
        out[1] = (unsigned char)(v >> 8);
        out[2] = (unsigned char)v;
        kg_buf_add(ret, out, keep);
    }
    return true;
}

const char *kg_human_bytes(uint64_t bytes, char *out)
{
    static const char *const unit[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
    double v = (double)bytes;
    size_t u = 0;

    while (v >= 999.5 && u + 1 < sizeof unit / sizeof unit[0]) {
        v /= 1000;
        u++;
    }
    snprintf(out, 16, v < 9.95 && u ? "%.1f %s" : "%.0f %s", v, unit[u]);
    return out;
}
