//! `syncline user`: accounts and their passwords. A password is typed unseen or read from standard
//! input; it is never an argument, which every process of the machine could read.

use std::io::{IsTerminal as _, Read as _};

use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};

use super::Failure;
use super::connection::Connection;
use super::print::{moment, note, rows, text};

/// Bytes of a password at most, as the hub has it.
const PASSWORD_BYTES_MAX: u64 = 1024;

/// `syncline user`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct UserArgs {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    connection: Connection,
}

const EXAMPLES: &str = "\
Examples:
  syncline user add alice
  syncline user add bob --admin --password-stdin < password.txt
  syncline user password alice
  syncline user remove alice";

#[derive(Debug, Subcommand)]
enum What {
    /// Make an account; without a password it is used by tokens alone
    #[command(after_help = "Example:\n  syncline user add alice --password-stdin < password.txt")]
    Add {
        /// 1 to 64 of a-z, 0-9, `.`, `_` and `-`
        name: String,
        /// May do everything, everywhere
        #[arg(long)]
        admin: bool,
        /// Read the account's password from standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// List the accounts
    #[command(after_help = "Example:\n  syncline user list --json")]
    List {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Remove an account with its tokens and memberships; its spaces stay
    #[command(after_help = "Example:\n  syncline user remove alice")]
    Remove {
        /// The account
        name: String,
    },
    /// Set an account's password: typed, or read from standard input when that is no terminal
    #[command(after_help = "Example:\n  syncline user password alice < password.txt")]
    Password {
        /// The account
        name: String,
    },
}

impl UserArgs {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let remote = self.connection.remote()?;
        match self.what {
            What::Add { name, admin, password_stdin } => {
                let password = if password_stdin { Some(read_password()?) } else { None };
                let body = json!({ "name": name, "admin": admin, "password": password });
                remote.post::<Json>(&["users"], body).await?;
                note(format!(
                    "{name} is there; a token for it: syncline token create --user {name}"
                ));
                Ok(())
            }
            What::List { json } => {
                let users = remote.list(&["users"]).await?;
                rows(
                    json,
                    &users,
                    &[
                        ("NAME", |row| text(row, "name")),
                        ("ADMIN", |row| text(row, "admin")),
                        ("PASSWORD", |row| text(row, "password")),
                        ("TOKENS", |row| text(row, "tokens")),
                        ("CREATED", |row| moment(row, "created_ms")),
                    ],
                )
            }
            What::Remove { name } => remote.delete(&["users", &name]).await,
            What::Password { name } => {
                let password = ask_password(&name)?;
                remote.put(&["users", &name, "password"], json!({ "password": password })).await
            }
        }
    }
}

pub(super) fn ask_password(name: &str) -> Result<String, Failure> {
    if !std::io::stdin().is_terminal() {
        return read_password();
    }
    let ask = |prompt: String| rpassword::prompt_password(prompt).map_err(Failure::because);
    let password = ask(format!("New password of {name}: "))?;
    if ask("Once more: ".to_owned())? == password {
        Ok(password)
    } else {
        Err(Failure::because("the two are not the same; nothing was changed"))
    }
}

/// All of standard input without its last line end.
fn read_password() -> Result<String, Failure> {
    let mut text = String::new();
    let mut input = std::io::stdin().lock().take(PASSWORD_BYTES_MAX + 2);
    input.read_to_string(&mut text).map_err(|error| {
        Failure::Failed(format!("the password cannot be read from standard input: {error}"))
    })?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.contains('\n') {
        return Err(Failure::usage("the password is one line; standard input has more"));
    }
    Ok(line.to_owned())
}
