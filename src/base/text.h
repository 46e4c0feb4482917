/* base/text.h - UTF-8 and small string helpers. */
#ifndef KG_BASE_TEXT_H
#define KG_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"

/* The character at s (of n bytes): its length in bytes, or 0 where the bytes are broken: overlong forms, surrogates,
 * beyond U+10FFFF, cut off. ret is then untouched. */
size_t kg_utf8_get(const char *s, size_t n, uint32_t *ret);
/* Writes character c (at most U+10FFFF) to out, which holds 4 bytes; returns how many it took. No NUL. */
size_t kg_utf8_put(uint32_t c, char *out);
bool kg_utf8_valid(const char *s, size_t n);
/* Appends s for a person's eyes: control characters and broken UTF-8 become '?', so that a name cannot move a cursor. */
void kg_text_add_printable(struct kg_buf *b, const char *s);
bool kg_starts_with_nocase(const char *s, const char *prefix);
/* Appends s quoted for a POSIX shell ('it'\''s'); plain words stay plain. */
void kg_text_add_shell(struct kg_buf *b, const char *s);
/* Copies with truncation at a whole UTF-8 character; always NUL-terminated. */
void kg_text_copy(char *dst, size_t size, const char *src);
/* How many single edits make a into b, case ignored; at most 8 is told apart. */
unsigned kg_text_distance(const char *a, const char *b);

#endif
