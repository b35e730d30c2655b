//! Starts the program, watches it, kills it.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A start takes a fraction of this unless it is broken.
const START_WITHIN: Duration = Duration::from_secs(30);

/// A hub in a process of its own.
pub(crate) struct Program {
    child: Child,
    folder: PathBuf,
    settings: Vec<(String, String)>,
    pub(crate) address: SocketAddr,
    _temporary: Option<TempDir>,
}

impl Program {
    /// Starts a hub on a folder that goes with it.
    pub(crate) fn start(settings: &[(&str, &str)]) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let mut program = Self::start_in(temporary.path(), settings);
        program._temporary = Some(temporary);
        program
    }

    /// Starts a hub on a folder that stays.
    pub(crate) fn start_in(folder: &Path, settings: &[(&str, &str)]) -> Self {
        let own = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        let settings: Vec<_> = settings.iter().map(own).collect();
        let address = free_address();
        let child = spawn(folder, address, &settings);
        let folder = folder.to_owned();
        let program = Self { child, folder, settings, address, _temporary: None };
        program.wait_until_ready();
        program
    }

    /// Starts a hub on what a backup holds.
    pub(crate) fn restored(folder: &Path, backup: &Path, token: &str) -> Self {
        restore(&folder.join("data"), backup, false);
        std::fs::write(folder.join("data").join("admin-token"), token).unwrap();
        Self::start_in(folder, &[])
    }

    /// Kills the process as a crash would, and starts it again on the same address.
    pub(crate) fn kill_and_restart(&mut self) -> Duration {
        self.kill();
        self.restart()
    }

    /// Starts a killed hub again; gives how long it took to get ready.
    pub(crate) fn restart(&mut self) -> Duration {
        let begun = Instant::now();
        self.child = spawn(&self.folder, self.address, &self.settings);
        self.wait_until_ready();
        begun.elapsed()
    }

    /// Puts what a backup holds in the place of a killed hub's data.
    pub(crate) fn replace_data(&self, backup: &Path, authoritative: bool) {
        let token = self.token();
        std::fs::remove_dir_all(self.data()).unwrap();
        restore(&self.data(), backup, authoritative);
        std::fs::write(self.data().join("admin-token"), token).unwrap();
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn token(&self) -> String {
        let token = std::fs::read_to_string(self.folder.join("data").join("admin-token"));
        token.unwrap().trim().to_owned()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Runs a command of the program against this hub; gives what it printed.
    pub(crate) fn command(&self, arguments: &[&str]) -> String {
        let output = syncline()
            .args(arguments)
            .env("SYNCLINE_URL", format!("http://{}", self.address))
            .env("SYNCLINE_TOKEN", self.token())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {text}{errors}");
        text
    }

    /// Memory that the process holds now, in bytes.
    pub(crate) fn resident(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// The most memory that the process has held, in bytes.
    pub(crate) fn resident_peak(&self) -> u64 {
        self.status("VmHWM:")
    }

    fn status(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }

    fn wait_until_ready(&self) {
        let until = Instant::now() + START_WITHIN;
        while !is_ready(self.address) {
            assert!(Instant::now() < until, "the hub did not get ready");
            std::thread::yield_now();
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // A hub that a test has killed is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program, without the variables that set the sizes of these tests: it takes every variable
/// that begins with its name for a setting.
fn syncline() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_syncline"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SYNCLINE_")) {
        command.env_remove(name);
    }
    command
}

fn restore(data: &Path, backup: &Path, authoritative: bool) {
    let output = syncline()
        .arg("restore")
        .arg(backup)
        .arg("--data")
        .arg(data)
        .args(authoritative.then_some("--authoritative"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn spawn(folder: &Path, address: SocketAddr, settings: &[(String, String)]) -> Child {
    syncline()
        .args(["serve", "--data"])
        .arg(folder.join("data"))
        .args(["--listen", &address.to_string()])
        .envs(settings.iter().cloned())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

/// A port that nothing holds now; the hub takes it a moment later.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn is_ready(address: SocketAddr) -> bool {
    use std::io::{Read, Write};
    let pause = Duration::from_millis(5);
    let Ok(mut stream) = std::net::TcpStream::connect_timeout(&address, Duration::from_secs(1))
    else {
        std::thread::park_timeout(pause);
        return false;
    };
    let request = "GET /readyz HTTP/1.1\r\nhost: hub\r\nconnection: close\r\n\r\n";
    let mut answer = String::new();
    let asked =
        stream.write_all(request.as_bytes()).and_then(|()| stream.read_to_string(&mut answer));
    asked.is_ok() && answer.starts_with("HTTP/1.1 200")
}
