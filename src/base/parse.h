/* base/parse.h - text to numbers: the whole string or nothing, no locale, no sign surprises. All fail with KG_E_USAGE
 * and leave *ret alone. Also enum <-> text by one table per enum, hex and base64. */
#ifndef KG_BASE_PARSE_H
#define KG_BASE_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "keepgres/err.h"

int kg_parse_u64(const char *text, uint64_t *ret, struct kg_err *err) KG_MUST_CHECK;
int kg_parse_range(const char *text, uint64_t min, uint64_t max, uint64_t *ret, struct kg_err *err) KG_MUST_CHECK;
/* "16M", "1 GiB", "4096": powers of 1024; suffixes k M G T with optional B or iB, case ignored. */
int kg_parse_size(const char *text, uint64_t *ret, struct kg_err *err) KG_MUST_CHECK;
/* "12", "-3.5", "1e+20": finite, as JSON writes numbers. */
int kg_parse_double(const char *text, double *ret, struct kg_err *err) KG_MUST_CHECK;
/* true/t/yes/y/on/1 and their opposites, case ignored. */
int kg_parse_bool(const char *text, bool *ret, struct kg_err *err) KG_MUST_CHECK;

/* Index of text in a NULL-ended or counted table, case ignored; -1 when it is not there. */
int kg_text_index(const char *const *table, size_t count, const char *text);

/* Defines name_to_text() (never NULL) and name_from_text() (-1 when unknown) over a designated-initialiser table. */
#define KG_DEFINE_ENUM_TEXT(name, type, table)                                                       \
    const char *name##_to_text(type v)                                                               \
    {                                                                                                \
        return (size_t)v < sizeof(table) / sizeof((table)[0]) && (table)[v] ? (table)[v] : "?";      \
    }                                                                                                \
    int name##_from_text(const char *text)                                                           \
    {                                                                                                \
        return kg_text_index(table, sizeof(table) / sizeof((table)[0]), text);                       \
    }

void kg_hex(const void *data, size_t n, char *ret_text);            /* writes 2n digits and a NUL */
bool kg_unhex(const char *text, void *ret_data, size_t n);          /* exactly 2n digits, or false */
void kg_base64_add(struct kg_buf *b, const void *data, size_t n);
bool kg_base64_decode(const char *text, size_t n, struct kg_buf *ret);  /* standard alphabet, padded */

/* "12.3 GB" (powers of 1000, as disks and networks count), for people. out holds at least 16 bytes; returns out. */
const char *kg_human_bytes(uint64_t bytes, char *out);

#endif
