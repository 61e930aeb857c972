// What the ledger needs from SQLite and Swift cannot call: a variadic function.
#pragma once
#include <sqlite3.h>

/// Stops SQLite from copying the write-ahead log into the database when the connection closes. Closing a ledger that is broken
/// must not repeat a failed fsync, let alone delete the log (https://www.sqlite.org/c3ref/c_dbconfig_defensive.html).
static inline int pl_no_checkpoint_on_close(sqlite3 *connection) {
  return sqlite3_db_config(connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)0);
}
