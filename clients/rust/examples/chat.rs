//! A chat: lines typed here are records in a space, and lines typed elsewhere appear at once.
//! `chat <url> <token> <your name>`.

use std::error::Error;
use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::StreamExt;
use syncline_client::{Change, Client, ConnectionState, Record, Value};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [url, token, name] = arguments.as_slice() else {
        return Err("usage: chat <url> <token> <your name>".into());
    };
    let client = Client::builder(url, token).device_name(name).connect()?;
    let space = client.space("chat")?;
    let (mut changes, mut states) = (space.changes_of_collection("lines")?, client.states());
    let mut lines = BufReader::new(stdin()).lines();
    loop {
        tokio::select! {
            line = lines.next_line() => {
                let Some(line) = line? else { break };
                let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
                let key = format!("{now:013}-{}", client.device());
                let (who, text) = (Value::from(name.as_str()), Value::from(line.as_str()));
                space.put("lines", &key, [("who", who), ("text", text)])?;
            }
            change = changes.next() => match change {
                Some(Change::Record { collection, key }) => {
                    space.get(collection.as_str(), key.as_str()).iter().for_each(show);
                }
                Some(Change::Reread) => space.list("lines").iter().for_each(show),
                None => break,
            },
            state = states.next() => match state {
                Some(ConnectionState::Offline { reason, .. }) => {
                    println!("-- offline: {}", reason.unwrap_or_default());
                }
                Some(ConnectionState::NeedsAuth(reject)) => return Err(reject.into()),
                Some(state) => println!("-- {state:?}"),
                None => break,
            },
        }
    }
    client.close().await?;
    Ok(())
}

fn show(line: &Record) {
    let text = |field| line.get(field).and_then(Value::as_str).unwrap_or("?");
    println!("{}: {}", text("who"), text("text"));
}
