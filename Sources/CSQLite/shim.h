// What the ledger needs from SQLite and the kernel, and Swift cannot call: a variadic function, and one that only GNU's headers declare.
#pragma once
#include <linux/falloc.h>
#include <sqlite3.h>
#include <sys/types.h>

/// Stops SQLite from copying the write-ahead log into the database when the connection closes. Closing a ledger that is broken
/// must not repeat a failed fsync, let alone delete the log (https://www.sqlite.org/c3ref/c_dbconfig_defensive.html).
static inline int pl_no_checkpoint_on_close(sqlite3 *connection) {
  return sqlite3_db_config(connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)0);
}

int fallocate(int descriptor, int mode, off_t offset, off_t length);

/// Has the disk keep room for the first `length` bytes of a file, whose size stays as it is (fallocate(2)).
///
/// - Returns: 0, or -1 and errno.
static inline int pl_set_aside(int descriptor, off_t length) { return fallocate(descriptor, FALLOC_FL_KEEP_SIZE, 0, length); }
