/* catalog/migrations.h - for this room only: the schema's numbered steps. */
#ifndef KG_CATALOG_MIGRATIONS_H
#define KG_CATALOG_MIGRATIONS_H

extern const char *const kg_migrations[]; /* [i] leads from step i to step i + 1 */
extern const int kg_migration_count;

#endif
