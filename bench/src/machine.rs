//! What a run ran on: read from Linux' `/proc` and from git, left empty where there is neither.

use std::fs;
use std::path::Path;
use std::process::Command;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::book::Run;
use crate::settings::Settings;

/// Everything about this machine and this call.
pub(crate) fn run(settings: &Settings) -> Run {
    let folder = settings.folder.clone().unwrap_or_else(std::env::temp_dir);
    Run {
        began: OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default(),
        command: command(),
        commit: said("git", &["describe", "--always", "--dirty", "--abbrev=12"]),
        processor: named("/proc/cpuinfo", "model name"),
        processors: std::thread::available_parallelism().map_or(0, usize::from),
        memory: kilobytes(&named("/proc/meminfo", "MemTotal")) * 1024,
        kernel: said("uname", &["-sr"]),
        disk: disk(&folder),
        rounds: settings.rounds,
        seed: settings.seed,
    }
}

/// The command line without what is secret.
fn command() -> String {
    let mut arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|it| it == "--token")
        && let Some(token) = arguments.get_mut(at + 1)
    {
        "...".clone_into(token);
    }
    for argument in arguments.iter_mut().filter(|it| it.starts_with("--token=")) {
        "--token=...".clone_into(argument);
    }
    if let Some(program) = arguments.first_mut() {
        let name = Path::new(&*program).file_name().unwrap_or_default().to_string_lossy();
        *program = name.into_owned();
    }
    arguments.join(" ")
}

fn disk(folder: &Path) -> String {
    let folder = folder.to_string_lossy();
    said("stat", &["--file-system", "--format=%T", &folder])
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.unwrap_or_default()
}

fn named(file: &str, name: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name));
    let value = line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim());
    value.unwrap_or_default().to_owned()
}

fn kilobytes(text: &str) -> u64 {
    text.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
}
