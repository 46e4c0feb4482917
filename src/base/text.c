#include "base/text.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

/* Length of the valid UTF-8 character at s (of n bytes), or 0. Refuses overlong forms, surrogates, beyond U+10FFFF. */
static size_t utf8_len(const unsigned char *s, size_t n)
{
    size_t len = s[0] < 0x80 ? 1 : s[0] >= 0xC2 && s[0] < 0xE0 ? 2 : s[0] >= 0xE0 && s[0] < 0xF0 ? 3
               : s[0] >= 0xF0 && s[0] < 0xF5 ? 4 : 0;

    if (!len || len > n)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F) || (s[0] == 0xF0 && s[1] < 0x90) ||
        (s[0] == 0xF4 && s[1] > 0x8F))
        return 0;
    return len;
}

bool kg_utf8_valid(const char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t len = utf8_len((const unsigned char *)s + i, n - i);

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
        const unsigned char *p = (const unsigned char *)s + i;
        size_t len = utf8_len(p, n - i);
        bool control = p[0] < 0x20 || p[0] == 0x7f || (len == 2 && p[0] == 0xC2 && p[1] < 0xA0);

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
