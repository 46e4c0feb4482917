/* base/assert.h - checks for programming errors, on in release builds too. Never for outside data. */
#ifndef KG_BASE_ASSERT_H
#define KG_BASE_ASSERT_H

#define KG_ASSERT(cond) ((cond) ? (void)0 : kg_bug(__FILE__, __LINE__, #cond))
#define KG_BUG(what)    kg_bug(__FILE__, __LINE__, what)

/* Writes the place to descriptor 2 and aborts. */
void kg_bug(const char *file, int line, const char *what) __attribute__((noreturn, cold));

#endif
