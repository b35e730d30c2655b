//! `syncline put`, `get` and `delete`: single records, as a replica of the record alone.

use clap::Args;
use serde_json::{Value as Json, json};
use syncline_client::{Client, Record, Space, Value, WriteHandle, json as values};

use super::Failure;
use super::connection::{Connection, filter, interrupted, open};
use super::print::{Out, note};
use super::remote::create_space;

/// `syncline put`.
#[derive(Debug, Args)]
#[command(after_help = PUT_EXAMPLES)]
pub struct PutArgs {
    /// The space
    space: String,
    /// The collection
    collection: String,
    /// The record's key
    key: String,
    /// A field and its value: JSON if it is, else a text
    #[arg(value_name = "FIELD=VALUE", value_parser = parse_field)]
    fields: Vec<(String, Json)>,
    /// Drop a field of the record; more than once for several
    #[arg(long, value_name = "FIELD")]
    drop: Vec<String>,
    /// Make the space if there is none
    #[arg(long)]
    create: bool,
    #[command(flatten)]
    connection: Connection,
}

const PUT_EXAMPLES: &str = "\
Examples:
  syncline put bookmarks links a title='A page' visits=3 tags='[\"x\", \"y\"]'
  syncline put bookmarks links a --drop note
  syncline put notes/alice today list done=false --create";

/// `syncline get`.
#[derive(Debug, Args)]
#[command(after_help = GET_EXAMPLES)]
pub struct GetArgs {
    /// The space
    space: String,
    /// The collection
    collection: String,
    /// The record's key; the whole collection when nothing is said
    key: Option<String>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

const GET_EXAMPLES: &str = "\
Examples:
  syncline get bookmarks links a
  syncline get bookmarks links --json";

/// `syncline delete`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  syncline delete bookmarks links a")]
pub struct DeleteArgs {
    /// The space
    space: String,
    /// The collection
    collection: String,
    /// The record's key
    key: String,
    #[command(flatten)]
    connection: Connection,
}

impl PutArgs {
    pub(super) async fn run(self) -> Result<(), Failure> {
        if self.fields.is_empty() && self.drop.is_empty() {
            return Err(Failure::usage("name at least one FIELD=VALUE, or --drop FIELD"));
        }
        let value = |(name, json): &(String, Json)| match values::to_value(json) {
            Ok(value) => Ok((name.clone(), value)),
            Err(problem) => Err(Failure::usage(format!("{name}: {problem}"))),
        };
        let fields: Vec<(String, Value)> =
            self.fields.iter().map(value).collect::<Result<_, _>>()?;
        if self.create {
            create_space(&self.connection.remote()?, &self.space).await?;
        }
        let client = self.connection.client()?;
        let space = open_record(&client, &self.space, &self.collection, &self.key).await?;
        let write = space.transaction(|write| {
            if !fields.is_empty() {
                let fields = fields.iter().map(|(name, value)| (name.as_str(), value.clone()));
                write.put(&self.collection, &self.key, fields)?;
            }
            if !self.drop.is_empty() {
                let dropped = self.drop.iter().map(String::as_str);
                write.drop_fields(&self.collection, &self.key, dropped)?;
            }
            Ok(())
        });
        acknowledged(&client, write.map_err(Failure::usage)?).await
    }
}

impl GetArgs {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.connection.client()?;
        let prefix = self.key.as_deref().unwrap_or_default();
        let filter = filter(std::slice::from_ref(&self.collection), prefix)?;
        let space = open(&client, &self.space, filter).await?;
        let Some(key) = &self.key else {
            let mut out = Out::new();
            for record in space.list(&self.collection) {
                self.print(&mut out, &record)?;
            }
            return out.flush();
        };
        let record = space.get(&self.collection, key).ok_or_else(|| {
            let Self { space, collection, .. } = &self;
            Failure::Failed(format!("{space} has no record {collection}/{key}"))
        })?;
        let mut out = Out::new();
        self.print(&mut out, &record)?;
        out.flush()
    }

    fn print(&self, out: &mut Out, record: &Record) -> Result<(), Failure> {
        if self.json {
            return out.line(record_json(&self.space, record));
        }
        if self.key.is_none() {
            return out.line(format!("{} {}", record.key, assignments(&record.fields)));
        }
        for (name, value) in &record.fields {
            out.line(format!("{name}={}", values::from_value(value)))?;
        }
        Ok(())
    }
}

impl DeleteArgs {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let Self { space, collection, key, connection } = &self;
        let client = connection.client()?;
        let copy = open_record(&client, space, collection, key).await?;
        if copy.get(collection, key).is_none() {
            note(format!("{space} has no record {collection}/{key}; nothing to delete"));
            return Ok(());
        }
        acknowledged(&client, copy.delete(collection, key).map_err(Failure::usage)?).await
    }
}

/// A copy that holds one record, and those whose keys begin with its key.
async fn open_record(
    client: &Client,
    space: &str,
    collection: &str,
    key: &str,
) -> Result<Space, Failure> {
    open(client, space, filter(&[collection.to_owned()], key)?).await
}

/// Waits until the hub has a write on its disk.
async fn acknowledged(client: &Client, write: WriteHandle) -> Result<(), Failure> {
    tokio::select! {
        biased; // An answer counts even when the connection ends right behind it.
        acked = write.acked() => acked.map(drop).map_err(|error| match error {
            syncline_client::AckError::Rejected(reject) => reject.into(),
            other => Failure::because(other),
        }),
        failure = interrupted(client, true) => Err(Failure::Failed(format!(
            "no answer came ({failure}); the write may have been applied: look with `syncline get`"
        ))),
    }
}

/// A record as one JSON object, by the names that all commands use.
fn record_json(space: &str, record: &Record) -> Json {
    json!({
        "space": space,
        "collection": record.collection.as_str(),
        "key": record.key.as_str(),
        "op": "put",
        "fields": record.to_json(),
        "stamp": record.stamp.map(|stamp| stamp.to_string()),
        "sequence": record.sequence,
    })
}

/// Fields for people: `title="A page" visits=3`.
pub(super) fn assignments<'a, N: std::fmt::Display + 'a>(
    fields: impl IntoIterator<Item = (&'a N, &'a Value)>,
) -> String {
    let field = |(name, value): (&N, &Value)| format!("{name}={}", values::from_value(value));
    fields.into_iter().map(field).collect::<Vec<_>>().join(" ")
}

fn parse_field(argument: &str) -> Result<(String, Json), String> {
    let (name, value) = argument.split_once('=').ok_or("write FIELD=VALUE")?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| Json::String(value.to_owned()));
    Ok((name.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_json_or_else_a_text() {
        let value = |text: &str| parse_field(text).unwrap().1;
        assert_eq!(value("a=3"), json!(3));
        assert_eq!(value("a=[1, \"x\"]"), json!([1, "x"]));
        assert_eq!(value("a=\"3\""), json!("3"));
        assert_eq!(value("a=b=c"), json!("b=c"));
        assert_eq!(value("a="), json!(""));
        assert!(parse_field("a").is_err());
    }
}
