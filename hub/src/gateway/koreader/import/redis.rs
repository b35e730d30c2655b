//! The official server's Redis: by its address, or its dump by a server that is started on it.
//!
//! Reads only, and blocks: it belongs off the async threads.

mod layout;
mod server;

use std::time::Duration;

use ::redis::{Client, Connection, RedisError};

use super::source::Source;
use layout::Found;

pub(super) use server::read_dump;

/// Databases that the official server was ever installed in; the first is a container's.
const DATABASES: [i64; 4] = [1, 3, 0, 2];
/// A server that takes no connection, or says nothing, for so long is not there.
const WITHIN: Duration = Duration::from_secs(10);
/// Keys that one request asks for.
const AT_ONCE: u32 = 1000;
/// Keys at most: twice what the largest account may have, for a thousand accounts.
const KEYS_MAX: usize = 10_000_000;

/// Reads a running server.
pub(super) fn read(address: &str, database: i64) -> Result<Source, String> {
    let wrong = |error: RedisError| format!("the Redis server does not answer: {error}");
    let client = Client::open(address).map_err(wrong)?;
    let mut connection = client.get_connection_with_timeout(WITHIN).map_err(wrong)?;
    let patience = Some(WITHIN);
    connection
        .set_read_timeout(patience)
        .and(connection.set_write_timeout(patience))
        .map_err(wrong)?;
    let found = scan(&mut connection, database).map_err(wrong)?;
    if found.has_accounts() {
        return Ok(found.into_source());
    }
    for other in DATABASES.into_iter().filter(|other| *other != database) {
        // A server may have fewer databases than that.
        if scan(&mut connection, other).is_ok_and(|found| found.has_accounts()) {
            return Err(format!("database {database} has no account; database {other} has some"));
        }
    }
    Err(format!("database {database} has no account: there is no `user:*:key` in it"))
}

fn scan(connection: &mut Connection, database: i64) -> Result<Found, RedisError> {
    ::redis::cmd("SELECT").arg(database).query::<()>(connection)?;
    let (mut found, mut cursor) = (Found::default(), 0_u64);
    loop {
        let mut scan = ::redis::cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg("user:*").arg("COUNT").arg(AT_ONCE);
        let (next, keys): (u64, Vec<Vec<u8>>) = scan.query(connection)?;
        for key in keys {
            take(connection, &mut found, &key)?;
        }
        if next == 0 || found.len() > KEYS_MAX {
            return Ok(found);
        }
        cursor = next;
    }
}

fn take(connection: &mut Connection, found: &mut Found, key: &[u8]) -> Result<(), RedisError> {
    let Ok(name) = std::str::from_utf8(key) else {
        found.pass_over("a key that is no text");
        return Ok(());
    };
    let kind: String = ::redis::cmd("TYPE").arg(key).query(connection)?;
    match kind.as_str() {
        "string" => {
            let value: Option<Vec<u8>> = ::redis::cmd("GET").arg(key).query(connection)?;
            found.take_text(name, &value.unwrap_or_default());
        }
        "hash" => {
            let fields: Vec<(Vec<u8>, Vec<u8>)> =
                ::redis::cmd("HGETALL").arg(key).query(connection)?;
            found.take_hash(name, &fields);
        }
        other => found.pass_over(&format!("{name:?}, which is a {other}")),
    }
    Ok(())
}
