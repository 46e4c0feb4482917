/* keepgres/version.h - the version of the product and of its API. */
#ifndef KG_VERSION_H
#define KG_VERSION_H

#define KG_VERSION "0.1.0"
#define KG_API_VERSION "2024-04-01"   /* the ARM api-version whose shapes are spoken */

#endif
