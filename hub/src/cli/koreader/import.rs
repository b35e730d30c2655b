//! Imports on the command line: a file is sent to the hub, which tells of each account as it goes.

use std::path::PathBuf;

use clap::Args;
use serde_json::Value as Json;

use super::super::Failure;
use super::super::print::{Out, note, text};
use super::{Gateway, ROUTES};

/// Bytes of a file at most, as the hub has it.
const FILE_BYTES: u64 = 256 << 20;
/// Bytes of one line of the hub's report at most.
const LINE_BYTES: usize = 16 << 20;

/// `syncline koreader import`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ImportArgs {
    /// KOsync's database.json or a .bak of it, or a dump.rdb of the official server's Redis
    #[arg(required_unless_present = "redis")]
    file: Option<PathBuf>,
    /// The address of the official server's Redis, as the hub's machine reaches it
    #[arg(long, value_name = "URL", conflicts_with = "file")]
    redis: Option<String>,
    /// The number of Redis' database
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    database: u32,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// What becomes of accounts that are here already: `merge` keeps their keys and lets the later
    /// position win; `attach` also gives those without a key the imported one, but no admin's
    #[arg(long, default_value = "merge", value_parser = ["merge", "attach", "skip", "replace"])]
    existing: String,
    /// Give names that no device could send a form that it can
    #[arg(long)]
    rename: bool,
}

const EXAMPLES: &str = "\
Examples:
  syncline koreader import database.json --dry-run
  syncline koreader import 'database_2026-11-20-15:52:13.bak'
  syncline koreader import --redis redis://127.0.0.1:6379
  syncline koreader import dump.rdb

Importing twice changes nothing. Devices go on with the name and password that they have.";

impl ImportArgs {
    pub(super) async fn run(self, gateway: Gateway) -> Result<(), Failure> {
        let (from, sent) = self.source()?;
        let (dry_run, rename) = (self.dry_run.to_string(), self.rename.to_string());
        let remote = gateway
            .remote
            .asking("from", Some(from))
            .asking("dry_run", Some(&dry_run))
            .asking("rename", Some(&rename))
            .asking("existing", Some(&self.existing))
            .asking("database", Some(&self.database.to_string()));
        let mut response = remote.upload(&[ROUTES[0], ROUTES[1], "import"], sent).await?;
        let (mut out, mut line) = (Out::new(), Vec::new());
        let mut failed = false;
        while let Some(chunk) = response.chunk().await.map_err(Failure::because)? {
            for part in chunk.split_inclusive(|byte| *byte == b'\n') {
                line.extend_from_slice(part);
                if line.len() > LINE_BYTES {
                    return Err(Failure::because("the hub's report is no report"));
                }
                if line.ends_with(b"\n") {
                    failed |= tell(&mut out, &line, gateway.json)?;
                    line.clear();
                }
            }
        }
        out.flush()?;
        if failed { Err(Failure::Told) } else { Ok(()) }
    }

    fn source(&self) -> Result<(&'static str, Vec<u8>), Failure> {
        if let Some(address) = &self.redis {
            return Ok(("redis", address.clone().into_bytes()));
        }
        let file = self.file.clone().unwrap_or_default();
        let wrong = |error: std::io::Error| Failure::usage(format!("{}: {error}", file.display()));
        if std::fs::metadata(&file).map_err(wrong)?.len() > FILE_BYTES {
            return Err(Failure::usage(format!("{} is larger than 256 MiB", file.display())));
        }
        let bytes = std::fs::read(&file).map_err(wrong)?;
        let from = if bytes.starts_with(b"REDIS") { "rdb" } else { "kosync" };
        Ok((from, bytes))
    }
}

/// Tells of one line of the report; gives whether something failed.
fn tell(out: &mut Out, line: &[u8], json: bool) -> Result<bool, Failure> {
    let report: Json = serde_json::from_slice(line).map_err(Failure::because)?;
    let failed = report["account"]["failed"].as_str();
    if json {
        out.line(&report)?;
        return Ok(failed.is_some());
    }
    if let Some(found) = report.get("found") {
        for suggestion in found["suggestions"].as_array().into_iter().flatten() {
            let (theirs, ours) = (text(suggestion, "theirs"), text(suggestion, "ours"));
            note(format!("setting there: {theirs}; here: {ours}"));
        }
        passed_over(found);
    }
    if let Some(account) = report.get("account") {
        let done = failed.map_or_else(|| text(account, "done"), |why| format!("failed: {why}"));
        out.line(format!(
            "{} ({}): {done}; {}",
            text(account, "name"),
            text(account, "account"),
            counts(account)
        ))?;
        passed_over(account);
    }
    if let Some(total) = report.get("total") {
        let dry = if total["dry_run"] == Json::Bool(true) { " (nothing was done)" } else { "" };
        let total = &total["total"];
        let accounts = (text(total, "accounts"), text(total, "made"));
        out.line(format!("{} accounts, {} new; {}{dry}", accounts.0, accounts.1, counts(total)))?;
    }
    Ok(failed.is_some())
}

fn counts(of: &Json) -> String {
    let (positions, titles) = (text(of, "positions"), text(of, "titles"));
    format!("{positions} positions and {titles} titles of {} books are news", text(of, "books"))
}

fn passed_over(of: &Json) {
    let passed = of["passed_over"].as_array().into_iter().flatten();
    passed.filter_map(Json::as_str).for_each(|what| note(format!("passed over: {what}")));
}
