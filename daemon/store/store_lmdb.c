#include "daemon/store/store_lmdb.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/store/store_db.h"

#define MAP_FACTOR   4u            /* copy-on-write and half-full pages, with room to delete */
#define MAP_SPARE    (64ull << 20) /* so that a small quota, or a lowered one, has room too */
#define READERS_MAX  4             /* the loop's, and a person's mdb_stat */
#define KEPT_DIVISOR 2u /* KEPT may have half the quota: own puts are few, and never evicted */

static const struct {
    const char *name;
    unsigned flags;
} tables[TABLE_COUNT] = {
    [TABLE_META] = {"meta", 0},
    [TABLE_RECORDS] = {"records", MDB_INTEGERKEY},
    [TABLE_TARGETS] = {"targets", 0},
    [TABLE_DUE] = {"due", MDB_INTEGERKEY | MDB_DUPSORT | MDB_DUPFIXED | MDB_INTEGERDUP},
    [TABLE_PUTTERS] = {"putters", MDB_INTEGERKEY | MDB_DUPSORT | MDB_DUPFIXED},
    [TABLE_TOTALS] = {"totals", MDB_INTEGERKEY},
    [TABLE_HEAVY] = {"heavy", MDB_INTEGERKEY | MDB_DUPSORT | MDB_DUPFIXED | MDB_INTEGERDUP},
    [TABLE_PLACES] = {"places", 0},
    [TABLE_MULTIS] = {"multis", 0},
};

static MDB_val text_val(const char *text)
{
    return (MDB_val){.mv_size = strlen(text), .mv_data = (void *)(uintptr_t)text};
}

static int meta_put(MDB_txn *txn, const struct store *s, const char *name, const void *data,
                    size_t size)
{
    MDB_val key = text_val(name);
    MDB_val value = {.mv_size = size, .mv_data = (void *)(uintptr_t)data};
    return mdb_put(txn, s->table[TABLE_META], &key, &value, 0);
}

/* MDB_CORRUPTED when it is not there, or of another size. */
static int meta_get(MDB_txn *txn, const struct store *s, const char *name, void *data, size_t size)
{
    MDB_val key = text_val(name), value;
    int rc = mdb_get(txn, s->table[TABLE_META], &key, &value);
    if (rc == MDB_NOTFOUND || (rc == 0 && value.mv_size != size))
        return MDB_CORRUPTED;
    if (rc == 0)
        memcpy(data, value.mv_data, size);
    return rc;
}

/* Those from `made` on need not be there: they are made. */
static int open_tables(MDB_txn *txn, struct store *s, size_t made)
{
    int rc = 0;
    for (size_t i = 0; i < TABLE_COUNT && rc == 0; i++) {
        unsigned flags = tables[i].flags | (i >= made ? MDB_CREATE : 0);
        rc = mdb_dbi_open(txn, tables[i].name, flags, &s->table[i]);
    }
    return rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc;
}

static int write_format(MDB_txn *txn, const struct store *s)
{
    uint32_t format = STORE_FORMAT;
    return meta_put(txn, s, "format", &format, sizeof(format));
}

static int make_tables(MDB_txn *txn, struct store *s)
{
    struct store_totals totals = {.next_serial = 1};
    int rc = open_tables(txn, s, 0);
    if (rc == 0)
        rc = write_format(txn, s);
    if (rc == 0)
        rc = meta_put(txn, s, "self", &s->self, sizeof(s->self));
    if (rc == 0)
        rc = meta_put(txn, s, "totals", &totals, sizeof(totals));
    return rc;
}

/* The distances in TABLE_PUTTERS are from another id: all are made anew. */
static int reorder_putters(MDB_txn *txn, struct store *s)
{
    struct store_txn t = {.store = s, .txn = txn};
    MDB_val key, value;
    int rc = mdb_drop(txn, s->table[TABLE_PUTTERS], 0);
    if (rc == 0)
        rc = mdb_cursor_open(txn, s->table[TABLE_PUTTERS], &t.cursor[TABLE_PUTTERS]);
    if (rc == 0)
        rc = mdb_cursor_open(txn, s->table[TABLE_RECORDS], &t.cursor[TABLE_RECORDS]);
    while (rc == 0 && (rc = mdb_cursor_get(t.cursor[TABLE_RECORDS], &key, &value, MDB_NEXT)) == 0) {
        struct store_entry entry;
        if (key.mv_size != sizeof(entry.serial) || !store_entry_read(0, value, &entry))
            return MDB_CORRUPTED;
        memcpy(&entry.serial, key.mv_data, sizeof(entry.serial));
        if (entry.header.space == STORE_HELD)
            rc = store_putter_add(&t, entry.header.prefix, &entry.record.target, entry.serial);
    }
    return rc == MDB_NOTFOUND ? meta_put(txn, s, "self", &s->self, sizeof(s->self)) : rc;
}

/* One of an older format gets the tables that it lacks, which would be empty. */
static int open_format(MDB_txn *txn, struct store *s, uint32_t format)
{
    if (format > STORE_FORMAT)
        return MDB_VERSION_MISMATCH;
    if (format < 1)
        return MDB_CORRUPTED;
    int rc = open_tables(txn, s, format == 1 ? TABLES_OF_FORMAT_1 : TABLE_COUNT);
    return rc == 0 && format < STORE_FORMAT ? write_format(txn, s) : rc;
}

static int read_tables(MDB_txn *txn, struct store *s)
{
    uint32_t format = 0;
    struct id self;
    int rc = meta_get(txn, s, "format", &format, sizeof(format));
    if (rc == 0)
        rc = open_format(txn, s, format);
    if (rc == 0)
        rc = meta_get(txn, s, "self", &self, sizeof(self));
    if (rc == 0 && !id_equal(&self, &s->self))
        rc = reorder_putters(txn, s);
    return rc;
}

/* One transaction, aborted when anything is not as it must be: then nothing is changed on disk. */
static int open_or_make(struct store *s)
{
    MDB_txn *txn = NULL;
    MDB_dbi main_table;
    MDB_stat stat;
    int rc = mdb_txn_begin(s->env, NULL, 0, &txn);
    if (rc != 0)
        return rc;
    rc = mdb_dbi_open(txn, NULL, 0, &main_table);
    if (rc == 0)
        rc = mdb_stat(txn, main_table, &stat);
    if (rc == 0 && stat.ms_entries == 0) {
        rc = make_tables(txn, s);
    } else if (rc == 0) {
        rc = mdb_dbi_open(txn, tables[TABLE_META].name, 0, &s->table[TABLE_META]);
        rc = rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc == 0 ? read_tables(txn, s) : rc;
    }
    if (rc == 0)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return rc;
}

static int sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int rc = fsync(fd) == 0 ? 0 : errno;
    close(fd);
    return rc;
}

/* The directory's entries and the directory's own entry in its parent. */
static int sync_names(const char *path)
{
    char parent[4096];
    int length = snprintf(parent, sizeof(parent), "%s/..", path);
    if (length < 0 || (size_t)length >= sizeof(parent))
        return ENAMETOOLONG;
    int rc = sync_directory(path);
    return rc == 0 ? sync_directory(parent) : rc;
}

static int open_env(struct store *s, const char *path)
{
    char file[4096];
    struct stat existing = {0};
    int length = snprintf(file, sizeof(file), "%s/data.mdb", path);
    if (length < 0 || (size_t)length >= sizeof(file))
        return ENAMETOOLONG;
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return errno;
    if (stat(file, &existing) != 0 && errno != ENOENT)
        return errno;
    uint64_t map = MAP_FACTOR * s->limits.quota_bytes, used = (uint64_t)existing.st_size;
    int rc = mdb_env_create(&s->env);
    if (rc == 0)
        rc = mdb_env_set_maxdbs(s->env, TABLE_COUNT);
    if (rc == 0)
        rc = mdb_env_set_maxreaders(s->env, READERS_MAX);
    if (rc == 0)
        rc = mdb_env_set_mapsize(s->env, (size_t)((map > used ? map : used) + MAP_SPARE));
    if (rc == 0)
        rc = mdb_env_open(s->env, path, MDB_NOTLS | MDB_NORDAHEAD, 0600);
    return rc;
}

static int open_all(struct store *s, const char *path)
{
    bool is_whole = false;
    int rc = open_env(s, path);
    if (rc == 0)
        rc = store_check_size(s->env, &is_whole);
    if (rc == 0 && !is_whole)
        rc = MDB_CORRUPTED;
    if (rc == 0)
        rc = open_or_make(s);
    if (rc == 0)
        rc = sync_names(path);
    return rc;
}

static void describe(const char *path, int code, enum err err, char *detail)
{
    const char *advice = "check the disk and the permissions";
    if (err == ERR_NEWER)
        advice = "it was written by a newer version: use that, or another data directory";
    else if (err == ERR_CORRUPT)
        advice = "it is damaged: restore a copy, or move it away to start with an empty store";
    else if (err == ERR_STORAGE_FULL)
        advice = "make room on the disk";
    else if (err == ERR_NO_MEMORY)
        advice = "free memory, or lower the quota";
    snprintf(detail, STORE_DETAIL_SIZE, "%.100s/data.mdb: %.60s; %s", path,
             err == ERR_NEWER ? "unknown format" : mdb_strerror(code), advice);
}

enum err store_open(const char *path, const struct store_limits *limits, const struct id *self,
                    struct store **out, char *detail)
{
    *out = NULL;
    struct store *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        describe(path, ENOMEM, ERR_NO_MEMORY, detail);
        return ERR_NO_MEMORY;
    }
    s->limits = *limits;
    randombytes_buf(&s->secret, sizeof(s->secret));
    s->self = *self;
    int rc = open_all(s, path);
    if (rc != 0) {
        enum err err = store_err(rc);
        describe(path, rc, err, detail);
        store_close(s);
        return err;
    }
    *out = s;
    return ERR_OK;
}

void store_close(struct store *s)
{
    if (s == NULL)
        return;
    if (s->reader != NULL)
        mdb_txn_abort(s->reader);
    if (s->env != NULL)
        mdb_env_close(s->env);
    free(s);
}

uint64_t store_quota(const struct store *s, enum store_space space)
{
    uint64_t quota_bytes = s->limits.quota_bytes;
    return space == STORE_KEPT ? quota_bytes / KEPT_DIVISOR : quota_bytes;
}
