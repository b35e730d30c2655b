//! A Redis dump, read by a redis-server of this machine that is started on it: in a folder that
//! only this user can enter, on a socket in that folder, without a port, and ended when it is read.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ::redis::Client;

use super::super::source::Source;

/// The program; `gateways.koreader` has no setting for it, since the path of the system finds it.
const PROGRAM: &str = "redis-server";
/// A large dump takes a while to load.
const READY_WITHIN: Duration = Duration::from_secs(120);
/// How often to look whether it is ready.
const PAUSE: Duration = Duration::from_millis(20);
/// Redis listens on no path that is longer.
const SOCKET_BYTES_MAX: usize = 100;

/// Reads a dump.
pub(in super::super) fn read_dump(bytes: &[u8], database: i64) -> Result<Source, String> {
    if !bytes.starts_with(b"REDIS") {
        return Err("this is no dump of Redis (dump.rdb); an append-only file is imported from a \
                    redis-server that runs on it, by its address"
            .to_owned());
    }
    let wrong = |error: std::io::Error| format!("the dump cannot be read here: {error}");
    let folder = tempfile::Builder::new().prefix("syncline-").tempdir().map_err(wrong)?;
    std::fs::write(folder.path().join("dump.rdb"), bytes).map_err(wrong)?;
    let socket = folder.path().join("redis.sock");
    let address = match socket.to_str() {
        Some(path) if path.len() <= SOCKET_BYTES_MAX => format!("redis+unix://{path}"),
        _ => return Err("the path of the system's temporary folder is too long".to_owned()),
    };
    let mut server = Server::start(folder.path(), &socket)?;
    server.wait_until_ready(&address)?;
    super::read(&address, database)
}

/// A server that ends with this value.
struct Server(Child);

impl Server {
    fn start(folder: &Path, socket: &Path) -> Result<Self, String> {
        let mut command = Command::new(PROGRAM);
        command.arg("--port").arg("0").arg("--dir").arg(folder);
        command.arg("--unixsocket").arg(socket).arg("--unixsocketperm").arg("700");
        command.args(["--dbfilename", "dump.rdb", "--save", "", "--appendonly", "no"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let started = command.spawn().map_err(|error| {
            format!(
                "{PROGRAM} is not to be had on the hub's machine ({error}): install it, or start \
                 it on the dump elsewhere and import from its address"
            )
        });
        started.map(Self)
    }

    fn wait_until_ready(&mut self, address: &str) -> Result<(), String> {
        let until = Instant::now() + READY_WITHIN;
        let client = Client::open(address).map_err(|error| error.to_string())?;
        let is_ready = || {
            let mut connection = client.get_connection().ok()?;
            ::redis::cmd("PING").query::<String>(&mut connection).ok()
        };
        while is_ready().is_none() {
            if let Ok(Some(status)) = self.0.try_wait() {
                return Err(format!("{PROGRAM} does not take the dump ({status}): is it whole?"));
            }
            if Instant::now() > until {
                return Err(format!("{PROGRAM} does not become ready"));
            }
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is gone afterwards.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
