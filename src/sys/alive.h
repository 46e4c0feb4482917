/* sys/alive.h - a mark that says which process wrote it, so that another process can tell, later, whether that one still
 * lives. Process numbers are used again, machines restart, containers have numbers of their own: a mark names the machine's
 * boot, the namespace, the number and the second the process began in. */
#ifndef KG_SYS_ALIVE_H
#define KG_SYS_ALIVE_H

#include <stdbool.h>

enum { KG_MARK_ROOM = 192 };

/* This process's mark. out has KG_MARK_ROOM bytes; returns out. */
const char *kg_mark_self(char *out);

enum kg_life_of { KG_LIVES, KG_IS_DEAD, KG_LIVES_ELSEWHERE };
/* KG_LIVES_ELSEWHERE: another machine's, another namespace's, or no mark of ours: nothing can be said. A process that
 * was stopped lives. */
enum kg_life_of kg_mark_alive(const char *mark);

/* The machine's boot: the same until it is started anew. False where the system does not tell. */
enum { KG_BOOT_ROOM = 48 };
bool kg_boot_id(char out[KG_BOOT_ROOM]);

#endif
