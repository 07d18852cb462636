#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/store/store_db.h"

#define FREE_TABLE 0 /* LMDB's own list of free pages: transaction -> count, pages */

/* How many pages from `first` on are in the list of free ones. */
static int count_free(MDB_env *env, size_t first, size_t *count)
{
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    MDB_val key, value;
    int rc = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
    if (rc == 0)
        rc = mdb_cursor_open(txn, FREE_TABLE, &cursor);
    *count = 0;
    while (rc == 0 && (rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        for (size_t i = 1; i < value.mv_size / sizeof(size_t); i++) {
            size_t page;
            memcpy(&page, (const uint8_t *)value.mv_data + i * sizeof(page), sizeof(page));
            *count += page >= first;
        }
    }
    if (cursor != NULL)
        mdb_cursor_close(cursor);
    if (txn != NULL)
        mdb_txn_abort(txn);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

int store_check_size(MDB_env *env, bool *is_whole)
{
    MDB_envinfo info;
    MDB_stat stat;
    struct stat file;
    int fd = -1;
    mdb_env_info(env, &info);
    mdb_env_stat(env, &stat);
    mdb_env_get_fd(env, &fd);
    if (fstat(fd, &file) != 0)
        return errno;
    size_t page_size = stat.ms_psize, end = info.me_last_pgno + 1;
    size_t pages = (size_t)file.st_size / page_size;
    *is_whole = pages >= end;
    if (*is_whole)
        return 0;
    /* The list may itself lie in the part that lacks: as zeros it can be read without a signal. */
    if (ftruncate(fd, (off_t)(end * page_size)) != 0)
        return errno;
    size_t free_pages = 0;
    int rc = count_free(env, pages, &free_pages);
    *is_whole = rc == 0 && free_pages == end - pages;
    if (!*is_whole && ftruncate(fd, file.st_size) != 0)
        return errno;
    return 0;
}
