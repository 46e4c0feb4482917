/* base/banned.h - calls that have one blessed replacement; using one is a compile error. The Makefile includes this
 * ahead of every file of the product, so the system headers that declare these names are read first. */
#ifndef KG_BASE_BANNED_H
#define KG_BASE_BANNED_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#undef strcpy
#define strcpy(...) kg_banned_use_something_else_than_strcpy
#undef strcat
#define strcat(...) kg_banned_use_something_else_than_strcat
#undef strncpy
#define strncpy(...) kg_banned_use_something_else_than_strncpy
#undef strncat
#define strncat(...) kg_banned_use_something_else_than_strncat
#undef sprintf
#define sprintf(...) kg_banned_use_something_else_than_sprintf
#undef vsprintf
#define vsprintf(...) kg_banned_use_something_else_than_vsprintf
#undef gets
#define gets(...) kg_banned_use_something_else_than_gets
#undef strtok
#define strtok(...) kg_banned_use_something_else_than_strtok
#undef atoi
#define atoi(...) kg_banned_use_something_else_than_atoi
#undef atol
#define atol(...) kg_banned_use_something_else_than_atol
#undef atoll
#define atoll(...) kg_banned_use_something_else_than_atoll
#undef localtime
#define localtime(...) kg_banned_use_something_else_than_localtime
#undef gmtime
#define gmtime(...) kg_banned_use_something_else_than_gmtime
#undef ctime
#define ctime(...) kg_banned_use_something_else_than_ctime
#undef asctime
#define asctime(...) kg_banned_use_something_else_than_asctime
#undef setenv
#define setenv(...) kg_banned_use_something_else_than_setenv
#undef putenv
#define putenv(...) kg_banned_use_something_else_than_putenv
#undef system
#define system(...) kg_banned_use_something_else_than_system
#undef popen
#define popen(...) kg_banned_use_something_else_than_popen
#undef fork
#define fork(...) kg_banned_use_something_else_than_fork
#undef vfork
#define vfork(...) kg_banned_use_something_else_than_vfork
#undef tmpnam
#define tmpnam(...) kg_banned_use_something_else_than_tmpnam
#undef mktemp
#define mktemp(...) kg_banned_use_something_else_than_mktemp
#undef rand
#define rand(...) kg_banned_use_something_else_than_rand

#endif
