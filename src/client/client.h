/* client/client.h - the inside of a client; its manual is keepgres/client.h. */
#ifndef KG_CLIENT_CLIENT_H
#define KG_CLIENT_CLIENT_H

#include <curl/curl.h>
#include "json/json.h"
#include "keepgres/client.h"
#include "sys/paths.h"

struct kg_client {
    struct kg_client_opts opts;
    CURL *easy;
    struct kg_paths paths;
    struct kg_json *error;       /* behind the last reported error */
};

#endif
