/* api/limits.h - how much a caller may ask for. Everything beyond is refused with KG_E_LIMIT or KG_E_USAGE and advice. */
#ifndef KG_API_LIMITS_H
#define KG_API_LIMITS_H

enum {
    KG_API_URI_MAX = 8192,             /* path and query as sent, percent-encoded */
    KG_API_PATH_MAX = 2048,            /* the path, decoded */
    KG_API_NAME_MAX = 260,             /* one name in it, decoded */
    KG_API_SEGMENTS = 32,
    KG_API_QUERY_MAX = 2048,           /* one value of the query, decoded */
    KG_API_QUERY_COUNT = 16,
    KG_API_BODY_NONE = 4 << 10,        /* where no body is expected: az sends "{}" or nothing */
    KG_API_BODY_MAX = 1 << 20,
    KG_API_BODY_MANY = 4 << 20,        /* 500 backup instances with long names */
    KG_API_BODY_SECRET = 256 << 10,    /* 25 KiB of value, escaped at its worst, and what stands around it */
    KG_API_SWALLOW_MAX = 16 << 20,     /* a body too large is read up to here so that the answer can be read; then closed */
    KG_API_PAGE_MAX = 1000,            /* items in one answer; $top beyond it gets this many */
    KG_API_CONNECTIONS = 64,           /* at a time; the others wait */
    KG_API_CONNECTIONS_USER = 16,      /* of one user who is not the service's own; more are refused */
    KG_API_CONNECTIONS_OWNER = 16,     /* that only the service's own user gets */
    KG_API_CONNECTION_MEMORY = 64 << 10, /* line and headers of a request */
    KG_API_FIRST_SECONDS = 10,         /* a connection on which nothing happens before its first request is complete is closed */
    KG_API_IDLE_SECONDS = 120,         /* and one after that */
    KG_API_ANSWER_MAX = 64 << 20,
};

#endif
