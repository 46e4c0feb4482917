/* client/client.h - the inside of a client; its manual is keepgres/client.h. */
#ifndef KG_CLIENT_CLIENT_H
#define KG_CLIENT_CLIENT_H

#include <curl/curl.h>
#include "base/time.h"
#include "json/json.h"
#include "keepgres/client.h"
#include "sys/paths.h"

struct kg_client {
    struct kg_client_opts opts;
    CURL *easy;
    struct kg_paths paths;
    struct kg_json *error;       /* behind the last reported error */
};

/* Fills c->paths. */
int kg_client_paths(struct kg_client *c, const char *socket, struct kg_err *err) KG_MUST_CHECK;
/* Sleeps, but not through an interruption. */
int kg_client_pause(struct kg_client *c, kg_usec wait, struct kg_err *err) KG_MUST_CHECK;

#endif
