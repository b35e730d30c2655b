//! A hub in a process and a folder of its own, and the program to talk to it with.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::Value as Json;

/// Nothing takes so long, on the slowest machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// The program under test.
const SYNCLINE: &str = env!("CARGO_BIN_EXE_syncline");

/// The program, with nothing of the surroundings that could lead it astray.
pub(crate) fn program(folder: &Path) -> Command {
    undisturbed(folder, SYNCLINE)
}

fn undisturbed(folder: &Path, program: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).stdin(Stdio::null());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SYNCLINE_")) {
        command.env_remove(name);
    }
    command
}

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Outcome {
    pub(crate) fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The output as one JSON object a line.
    pub(crate) fn json(&self) -> Vec<Json> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// A hub that runs.
pub(crate) struct House {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) url: String,
    /// What it printed before it was ready.
    pub(crate) greeting: String,
    process: Option<Child>,
}

impl House {
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    /// A hub with variables in its environment.
    pub(crate) fn with(env: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut house = Self { folder, url: String::new(), greeting: String::new(), process: None };
        house.start("127.0.0.1:0", env);
        house
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("syncline-data")
    }

    pub(crate) fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    fn start(&mut self, listen: &str, env: &[(&str, &str)]) {
        let mut command = program(self.folder.path());
        command.args(["serve", "--listen", listen]).envs(env.iter().copied());
        self.begin(command);
    }

    fn begin(&mut self, mut command: Command) {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().join("log"))
            .unwrap();
        let mut process = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let lines = Lines::of(process.stdout.take().unwrap());
        self.process = Some(process);
        let first = lines.next();
        let address = first.strip_prefix("Syncline listens on ").unwrap();
        self.url = address.split(' ').next().unwrap().to_owned();
        assert!(self.is_ready(), "the port is open, but the hub is not ready");
        self.greeting =
            std::iter::once(first).chain(lines.waiting()).collect::<Vec<_>>().join("\n");
    }

    /// A hub that may write files of a few megabytes at most, as if its disk were as small.
    pub(crate) fn with_space_for_the_store() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The signal that a file is too large would end the process before it saw the error.
        let limited = "trap '' XFSZ; ulimit -f 8192; exec \"$0\" \"$@\"";
        let mut shell = undisturbed(folder.path(), "sh");
        shell.args(["-c", limited, SYNCLINE, "serve", "--listen", "127.0.0.1:0"]);
        let mut house = Self { folder, url: String::new(), greeting: String::new(), process: None };
        house.begin(shell);
        house
    }

    /// Waits for the process to end by itself, and gives its exit code.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        self.process.take().unwrap().wait().unwrap().code()
    }

    /// Starts again on the same port, with what was kept.
    pub(crate) fn restart(&mut self) {
        self.kill();
        let address = self.address().to_owned();
        self.start(&address, &[]);
    }

    /// Ends the process as a loss of power would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Asks the process to end, and gives its exit code.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        let mut process = self.process.take().unwrap();
        terminate(&process);
        process.wait().unwrap().code()
    }

    /// The answer waits until the hub serves, since the port is open already.
    fn is_ready(&self) -> bool {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        write!(stream, "GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.starts_with("HTTP/1.1 200")
    }

    /// The program, talking to this hub as its admin.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = program(self.folder.path());
        command.args(args).env("SYNCLINE_URL", &self.url);
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Outcome {
        Outcome::of(&mut self.command(args))
    }

    /// The same as somebody else.
    pub(crate) fn run_as(&self, token: &str, args: &[&str]) -> Outcome {
        Outcome::of(self.command(args).env("SYNCLINE_TOKEN", token))
    }

    /// Runs a command that is to succeed.
    pub(crate) fn done(&self, args: &[&str]) -> Outcome {
        let outcome = self.run(args);
        assert_eq!(outcome.code, 0, "{args:?}: {outcome:?}");
        outcome
    }

    /// Follows with `syncline tail`.
    pub(crate) fn tail(&self, args: &[&str]) -> Tail {
        let args = [&["tail"], args].concat();
        Tail::of(&mut self.command(&args))
    }

    /// A user's token.
    pub(crate) fn user(&self, name: &str, order: &[&str]) -> String {
        self.done(&["user", "add", name]);
        self.token(name, order)
    }

    pub(crate) fn token(&self, name: &str, order: &[&str]) -> String {
        let args = [&["token", "create", "--user", name], order].concat();
        self.done(&args).out.trim_end().to_owned()
    }

    /// Writes a file into the folder, and gives its path.
    pub(crate) fn file(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A process that prints lines until it is ended.
pub(crate) struct Tail {
    process: Child,
    lines: Lines,
    notes: Lines,
}

impl Tail {
    pub(crate) fn of(command: &mut Command) -> Self {
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let lines = Lines::of(process.stdout.take().unwrap());
        let notes = Lines::of::<ChildStderr>(process.stderr.take().unwrap());
        Self { process, lines, notes }
    }

    /// The next line of output.
    pub(crate) fn next(&self) -> String {
        self.lines.next()
    }

    pub(crate) fn take(&self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.next()).collect()
    }

    /// The next note for people.
    pub(crate) fn note(&self) -> String {
        self.notes.next()
    }

    /// Waits for the process to end by itself.
    pub(crate) fn ended(mut self) -> (Option<i32>, Vec<String>) {
        let rest = self.notes.rest();
        (self.process.wait().unwrap().code(), rest)
    }

    /// Ends it, and gives what it had printed beyond what was read.
    pub(crate) fn end(mut self) -> Vec<String> {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.lines.rest()
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The lines of a pipe, each with a deadline.
struct Lines(Receiver<String>);

impl Lines {
    fn of<R: std::io::Read + Send + 'static>(pipe: R) -> Self {
        let (send, receive) = channel();
        std::thread::spawn(move || {
            let lines = BufReader::new(pipe).lines().map_while(Result::ok);
            lines.map(|line| send.send(line)).take_while(Result::is_ok).for_each(drop);
        });
        Self(receive)
    }

    fn next(&self) -> String {
        self.0.recv_timeout(DEADLINE).expect("a line in time")
    }

    /// What is there already.
    fn waiting(&self) -> Vec<String> {
        self.0.try_iter().collect()
    }

    /// Everything until the pipe is closed.
    fn rest(&self) -> Vec<String> {
        let (until, mut lines) = (Instant::now() + DEADLINE, Vec::new());
        loop {
            match self.0.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => lines.push(line),
                Err(RecvTimeoutError::Disconnected) => return lines,
                Err(RecvTimeoutError::Timeout) => panic!("the pipe was not closed in time"),
            }
        }
    }
}

/// Asks a process to end.
fn terminate(process: &Child) {
    let id = process.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
}
