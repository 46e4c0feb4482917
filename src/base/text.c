#include "base/text.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

size_t kg_utf8_get(const char *text, size_t n, uint32_t *ret)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t len = n == 0 ? 0 : s[0] < 0x80 ? 1 : s[0] >= 0xC2 && s[0] < 0xE0 ? 2 : s[0] >= 0xE0 && s[0] < 0xF0 ? 3
               : s[0] >= 0xF0 && s[0] < 0xF5 ? 4 : 0;
    uint32_t c;

    if (!len || len > n)
        return 0;
    c = len == 1 ? s[0] : s[0] & (0x7Fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3F);
    }
    if ((len == 3 && c < 0x800) || (c >= 0xD800 && c < 0xE000) || (len == 4 && c < 0x10000) || c > 0x10FFFF)
        return 0;
    *ret = c;
    return len;
}

size_t kg_utf8_put(uint32_t c, char *out)
{
    size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

    if (len == 1) {
        out[0] = (char)c;
        return 1;
    }
    for (size_t i = len - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3F));
    out[0] = (char)((0xF00u >> len) | c);
    return len;
}

bool kg_utf8_valid(const char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        uint32_t c;
        size_t len = kg_utf8_get(s + i, n - i, &c);

        if (!len)
            return false;
        i += len;
    }
    return true;
}

void kg_text_add_printable(struct kg_buf *b, const char *s)
{
    size_t n = strlen(s);

    for (size_t i = 0; i < n;) {
        uint32_t c = 0;
        size_t len = kg_utf8_get(s + i, n - i, &c);
        bool control = c < 0x20 || (c >= 0x7f && c < 0xA0);

        if (!len || control)
            kg_buf_add(b, "?", 1);
        else
            kg_buf_add(b, s + i, len);
        i += len ? len : 1;
    }
}

bool kg_starts_with_nocase(const char *s, const char *prefix) { return strncasecmp(s, prefix, strlen(prefix)) == 0; }

void kg_text_add_shell(struct kg_buf *b, const char *s)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./:=@%+,";

    if (*s && s[strspn(s, plain)] == '\0') {
        kg_buf_adds(b, s);
        return;
    }
    kg_buf_adds(b, "'");
    for (; *s; s++) {
        if (*s == '\'')
            kg_buf_adds(b, "'\\''");
        else
            kg_buf_add(b, s, 1);
    }
    kg_buf_adds(b, "'");
}

void kg_text_copy(char *dst, size_t size, const char *src)
{
    size_t n = strlen(src);

    if (n >= size) {
        n = size - 1;
        while (n > 0 && ((unsigned char)src[n] & 0xC0) == 0x80)
            n--;
    }
    memcpy(dst, src, n);
    dst[n] = '\0';
}

unsigned kg_text_distance(const char *a, const char *b)
{
    enum { LONGEST = 64 };
    unsigned row[LONGEST + 1];
    size_t n = strlen(b);

    if (n > LONGEST || strlen(a) > LONGEST)
        return 8;
    for (size_t j = 0; j <= n; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; a[i - 1]; i++) {
        unsigned diagonal = row[0];

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= n; j++) {
            unsigned change = diagonal + (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]));
            unsigned best = row[j] + 1 < row[j - 1] + 1 ? row[j] + 1 : row[j - 1] + 1;

            diagonal = row[j];
            row[j] = change < best ? change : best;
        }
    }
    return row[n] < 8 ? row[n] : 8;
}
