//! `syncline backup`, `restore` and `doctor`: a copy of everything, everything out of a copy, and
//! whether everything is well. `restore` and `doctor --data` open a store themselves, and only one
//! that no hub holds.

use std::fs::File;
use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use futures_util::StreamExt as _;
use reqwest::Method;
use serde_json::Value as Json;

use super::Failure;
use super::connection::Connection;
use super::print::{Out, note, text};
use crate::hub::{now_ms, random_u64};
use crate::store::backup::{RestoreOptions, restore};
use crate::store::{self, FILE};

/// `syncline backup`.
#[derive(Debug, Args)]
#[command(after_help = BACKUP_EXAMPLES)]
pub struct BackupArgs {
    /// Where to write it; what is there is replaced once the backup is whole
    file: PathBuf,
    #[command(flatten)]
    connection: Connection,
}

const BACKUP_EXAMPLES: &str = "\
Example:
  syncline backup syncline-$(date +%F).backup

The hub serves on meanwhile; the backup is of one moment. It holds the digests of tokens and
passwords: keep it as safe as the hub.";

/// `syncline restore`.
#[derive(Debug, Args)]
#[command(after_help = RESTORE_EXAMPLES)]
pub struct RestoreArgs {
    /// The backup
    file: PathBuf,
    /// The data folder to make; it must not hold a store
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Replicas give way to the backup, instead of giving back what they have newer
    #[arg(long)]
    authoritative: bool,
}

const RESTORE_EXAMPLES: &str = "\
Examples:
  syncline restore syncline.backup --data ./syncline-data
  syncline restore syncline.backup --data ./syncline-data --authoritative";

/// `syncline doctor`.
#[derive(Debug, Args)]
#[command(after_help = DOCTOR_EXAMPLES)]
pub struct DoctorArgs {
    /// Check the store in this data folder, of a hub that does not run
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    connection: Connection,
}

const DOCTOR_EXAMPLES: &str = "\
Examples:
  syncline doctor                           asks the running hub
  syncline doctor --data ./syncline-data    reads every row of a stopped hub's store";

impl BackupArgs {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let remote = self.connection.remote()?;
        let response = remote.send(Method::GET, &["backup"], None).await?;
        let folder = self.file.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let failed = |error: &dyn std::fmt::Display| {
            Failure::Failed(format!("{} cannot be written: {error}", self.file.display()))
        };
        // Only the owner may read it, and nobody ever sees half of it under its name.
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(|error| failed(&error))?;
        let (mut pieces, mut bytes) = (response.bytes_stream(), 0);
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| {
                Failure::Failed(format!("the backup broke off, nothing was kept: {error}"))
            })?;
            file.write_all(&piece).map_err(|error| failed(&error))?;
            bytes += piece.len() as u64;
        }
        file.as_file().sync_all().map_err(|error| failed(&error))?;
        file.persist(&self.file).map_err(|error| failed(&error))?;
        sync_folder(folder).map_err(|error| failed(&error))?;
        note(format!("{bytes} bytes are in {}", self.file.display()));
        Ok(())
    }
}

impl RestoreArgs {
    pub(super) fn run(self) -> Result<(), Failure> {
        let wrong = |error: &dyn std::fmt::Display| {
            Failure::Failed(format!("{}: {error}", self.file.display()))
        };
        let file = File::open(&self.file).map_err(|error| wrong(&error))?;
        let authoritative = self.authoritative;
        let options = RestoreOptions { authoritative, now_ms: now_ms(), random: &mut random_u64 };
        let is_new = !self.data.exists();
        let report = restore(&mut BufReader::new(file), &self.data, options);
        let report = report.map_err(|error| wrong(&error))?;
        if is_new {
            keep_private(&self.data).map_err(|error| wrong(&error))?;
        }
        let (spaces, records) = (report.spaces, report.records);
        note(format!("{spaces} spaces with {records} records are in {}", self.data.display()));
        if report.tokens.is_empty() {
            return Ok(());
        }
        note("These tokens open the hub again, even if they were revoked after the backup:");
        let mut out = Out::new();
        for token in &report.tokens {
            out.line(format!("{} {} {}", token.id, token.user, token.label).trim_end())?;
        }
        out.flush()
    }
}

impl DoctorArgs {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match &self.data {
            Some(data) => examine(data),
            None => self.ask().await,
        }
    }

    /// What a running hub says of itself.
    async fn ask(&self) -> Result<(), Failure> {
        let remote = self.connection.remote()?;
        let mut out = Out::new();
        let mut well = true;
        for path in ["healthz", "readyz"] {
            let (good, said) = remote.health(path).await?;
            well &= good;
            out.line(format!("{path:<15} {}", said.trim()))?;
        }
        let overview: Json = remote.get(&["overview"]).await?;
        let stats = &overview["stats"];
        for name in stats.as_object().map(|stats| stats.keys()).into_iter().flatten() {
            out.line(format!("{name:<15} {}", text(stats, name)))?;
        }
        for problem in overview["problems"].as_array().into_iter().flatten() {
            out.line(format!("problem: {}", text(problem, "text")))?;
        }
        out.flush()?;
        if well { Ok(()) } else { Err(Failure::Told) }
    }
}

/// Reads all of a store at rest.
fn examine(data: &Path) -> Result<(), Failure> {
    let file = data.join(FILE);
    if !file.exists() {
        let what = format!("{} holds no store ({FILE}); name a hub's data folder", data.display());
        return Err(Failure::Failed(what));
    }
    let report = store::doctor(&file);
    let report = report.map_err(|error| Failure::Failed(format!("{}: {error}", file.display())))?;
    let mut out = Out::new();
    for (what, count) in [
        ("spaces", report.spaces),
        ("records", report.records),
        ("log_entries", report.log_entries),
        ("log_dead", report.log_dead),
        ("conflicts", report.conflicts),
        ("outcomes", report.outcomes),
        ("replicas", report.replicas),
    ] {
        out.line(format!("{what:<15} {count}"))?;
    }
    for fault in &report.faults {
        out.line(format!("fault: {fault}"))?;
    }
    if report.faults_untold > 0 {
        out.line(format!("and {} faults more", report.faults_untold))?;
    }
    if !report.is_sound() {
        out.flush()?;
        return Err(Failure::Told);
    }
    out.line("the store is sound")?;
    out.flush()
}

/// What the hub keeps is its owner's to read.
fn keep_private(folder: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
    }
    let _ = folder;
    Ok(())
}

/// A renamed file is only there for good when its folder is on the disk.
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}
