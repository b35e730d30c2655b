//! Writes while offline, and connects later: `offline <url> <token> <file> [text]`.
//!
//! With a text it writes it as a note and stops at once, whether there is a hub or not; without one
//! it waits until everything has arrived, and shows the notes of all devices.

use std::error::Error;
use std::time::{SystemTime, UNIX_EPOCH};

use syncline_client::{Client, Value};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [url, token, file, text @ ..] = arguments.as_slice() else {
        return Err("usage: offline <url> <token> <file> [text]".into());
    };
    let client =
        Client::builder(url, token).device_name("offline example").store(file).connect()?;
    let notes = client.space("notes")?;
    if let Some(text) = text.first() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        let key = format!("{now:013}-{}", client.device());
        let mut write = notes.put("notes", &key, [("text", Value::from(text.as_str()))])?;
        write.saved().await?;
        println!("noted; {} writes wait for the hub", client.waiting());
    } else {
        notes.synced().await?;
        for note in notes.list("notes") {
            println!("{}: {}", note.key, note.get("text").and_then(Value::as_str).unwrap_or("?"));
        }
    }
    client.close().await?;
    Ok(())
}
