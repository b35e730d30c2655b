//! `syncline demo linkora`: folders, links and tags, made one by one over the API that the app
//! itself uses, so that one can watch apps and pages fill.

use std::collections::HashMap;
use std::path::PathBuf;

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::cli::Failure;
use crate::cli::connection::Connection;
use crate::cli::print::note;
use crate::cli::remote::Remote;

/// `syncline demo linkora`.
#[derive(Debug, Args)]
pub(super) struct LinkoraArgs {
    /// One JSON object a line: title, url, note, folder, tags
    #[arg(value_name = "FILE.ndjson")]
    file: PathBuf,
    /// So many links at most
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Line {
    title: String,
    url: String,
    note: String,
    folder: String,
    tags: Vec<String>,
}

impl LinkoraArgs {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let file = self.file.display();
        let unreadable = |error| Failure::Failed(format!("{file} cannot be read: {error}"));
        let text = std::fs::read_to_string(&self.file).map_err(unreadable)?;
        let mut lines = Vec::new();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let line: Line = serde_json::from_str(line)
                .map_err(|error| Failure::Failed(format!("{file}:{}: {error}", number + 1)))?;
            lines.push(line);
        }
        lines.truncate(self.limit.unwrap_or(usize::MAX));
        let bar = progress(lines.len() as u64);
        let remote = self.connection.remote()?;
        let mut demo = Maker { remote, folders: HashMap::new(), tags: HashMap::new() };
        for line in &lines {
            demo.link(line).await?;
            bar.inc(1);
        }
        bar.finish_and_clear();
        let (folders, tags) = (demo.folders.len(), demo.tags.len());
        note(format!("{} links in {folders} folders with {tags} tags", lines.len()));
        Ok(())
    }
}

fn progress(links: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(links), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} links {per_sec} {eta}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Makes rows, each folder and each tag once.
struct Maker {
    remote: Remote,
    folders: HashMap<String, i64>,
    tags: HashMap<String, i64>,
}

impl Maker {
    async fn link(&mut self, line: &Line) -> Result<(), Failure> {
        let folder = match line.folder.as_str() {
            "" => None,
            name => Some(self.folder(name).await?),
        };
        let mut tags = Vec::with_capacity(line.tags.len());
        for name in &line.tags {
            tags.push(self.tag(name).await?);
        }
        let rest = line.url.split_once("://").map_or(line.url.as_str(), |(_, rest)| rest);
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let body = json!({
            "linkType": if folder.is_some() { "FOLDER_LINK" } else { "SAVED_LINK" },
            "title": line.title, "url": line.url, "baseURL": host, "imgURL": "",
            "note": line.note, "idOfLinkedFolder": folder, "userAgent": null,
            "markedAsImportant": false, "mediaType": "IMAGE", "tags": tags,
        });
        self.make("CREATE_A_NEW_LINK", body).await.map(drop)
    }

    async fn folder(&mut self, name: &str) -> Result<i64, Failure> {
        if let Some(id) = self.folders.get(name) {
            return Ok(*id);
        }
        let body = json!({
            "name": name, "note": "", "parentFolderId": null, "isArchived": false,
        });
        let id = self.make("CREATE_FOLDER", body).await?;
        self.folders.insert(name.to_owned(), id);
        Ok(id)
    }

    async fn tag(&mut self, name: &str) -> Result<i64, Failure> {
        if let Some(id) = self.tags.get(name) {
            return Ok(*id);
        }
        let id = self.make("CREATE_TAG", json!({ "name": name })).await?;
        self.tags.insert(name.to_owned(), id);
        Ok(id)
    }

    async fn make(&self, route: &str, mut body: Json) -> Result<i64, Failure> {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        body["eventTimestamp"] = json!(now.map_or(0, |now| now.as_secs()));
        body["correlation"] = json!({ "id": "syncline-demo", "clientName": "Syncline Demo" });
        let made: Json = self.remote.post_at(&["linkora", route], body).await?;
        let id = made["id"].as_i64();
        id.ok_or_else(|| Failure::Failed(format!("{route} was answered without an id")))
    }
}
