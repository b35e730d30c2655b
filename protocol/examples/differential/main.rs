//! Plays histories to this crate's session and replica, and tells call by call what came of them.
//!
//! A client in another language reads the answers, makes the same calls on its own replica, and
//! compares: every action, every byte sent and saved, every record and digest. One history a line
//! on standard input, one transcript a line on standard output, both JSON. The TypeScript client's
//! tests start this program; it decides nothing by itself.
//!
//! - `world`: a hub in miniature, a wire that a history can spoil, and the calls that come of it.
//! - `forms`: what sessions do and replicas hold, as JSON.

#![allow(clippy::unwrap_used, reason = "a history that cannot be played should stop the program")]

mod forms;
#[path = "../../tests/golden/json.rs"]
#[allow(dead_code, reason = "the golden vectors use the rest")]
mod json;
#[path = "../../tests/model/mod.rs"]
mod model;
mod world;

use std::io::{BufRead, Write};

use serde_json::Value as Json;

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let steps: Vec<Json> = serde_json::from_str(&line?)?;
        let transcript = world::play(&steps);
        serde_json::to_writer(&mut out, &transcript)?;
        out.write_all(b"\n")?;
        out.flush()?;
    }
    Ok(())
}
