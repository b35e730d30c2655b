//! `syncline koreader`: books and their history, devices, accounts, settings of the gateway, and
//! imports. It speaks to the gateway's routes and knows nothing of its records.

mod books;
mod digest;
mod import;

use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};

use super::Failure;
use super::connection::Connection;
use super::print::{moment, note, rows, say, text};
use super::remote::Remote;
use super::user::ask_password;

/// The gateway's routes.
const ROUTES: [&str; 2] = ["gateways", "koreader"];

/// `syncline koreader`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct KoreaderArgs {
    #[command(subcommand)]
    what: What,
    /// Another account than one's own
    #[arg(long, global = true, value_name = "NAME")]
    account: Option<String>,
    /// One JSON object a line, where a list is shown
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

const EXAMPLES: &str = "\
Examples:
  syncline koreader info
  syncline koreader books --account alice
  syncline koreader import database.json --dry-run
  syncline koreader registration closed";

#[derive(Debug, Subcommand)]
enum What {
    /// Where devices find this hub, and whether they may register
    #[command(after_help = "Example:\n  syncline koreader info")]
    Info,
    #[command(flatten)]
    Books(books::What),
    /// List the devices that were seen
    #[command(after_help = "Example:\n  syncline koreader devices --account alice")]
    Devices,
    /// Show what the account chooses, or choose
    #[command(after_help = "Example:\n  syncline koreader settings --policy furthest")]
    Settings {
        /// Which position is current: the `latest`, or the `furthest` into the book
        #[arg(long, value_parser = ["latest", "furthest"])]
        policy: Option<String>,
        /// Whether a replayed queue leaves newer positions of other devices alone
        #[arg(long, value_name = "BOOL")]
        protect: Option<bool>,
    },
    /// List the passwords that are for one device each
    #[command(after_help = "Example:\n  syncline koreader passwords")]
    Passwords,
    /// Draw a password for one device, and show it once
    #[command(after_help = "Example:\n  syncline koreader add-password 'Kobo Clara'")]
    AddPassword {
        /// What the device is called
        label: String,
    },
    /// Revoke a device's password
    #[command(after_help = "Example:\n  syncline koreader revoke-password 0123456789ab")]
    RevokePassword {
        /// Its id
        id: String,
    },
    /// List the accounts that devices can open
    #[command(after_help = "Example:\n  syncline koreader accounts")]
    Accounts,
    /// Make an account for devices, by a typed password or one from standard input
    #[command(after_help = "Example:\n  syncline koreader add-account alice < password.txt")]
    AddAccount {
        /// The name that devices will send
        name: String,
    },
    /// Open or close registration while the hub runs
    #[command(after_help = "Example:\n  syncline koreader registration closed")]
    Registration {
        /// `setting` leaves it to the hub's setting again
        #[arg(value_parser = ["first", "open", "closed", "setting"])]
        mode: String,
    },
    /// Take in what another server kept
    Import(import::ImportArgs),
    /// Print the ids that KOReader may give to a file: by its content, and by its name
    #[command(after_help = "Example:\n  syncline koreader digest leaves.epub")]
    Digest {
        /// The book
        file: std::path::PathBuf,
    },
}

/// The routes of the gateway, about one account.
struct Gateway {
    remote: Remote,
    json: bool,
}

impl Gateway {
    fn path<'p>(&self, path: &[&'p str]) -> Vec<&'p str> {
        ROUTES.into_iter().chain(path.iter().copied()).collect()
    }

    async fn get(&self, path: &[&str]) -> Result<Json, Failure> {
        self.remote.get(&self.path(path)).await
    }

    async fn list(&self, path: &[&str]) -> Result<Vec<Json>, Failure> {
        self.remote.list(&self.path(path)).await
    }

    async fn post(&self, path: &[&str], body: Json) -> Result<Json, Failure> {
        self.remote.post(&self.path(path), body).await
    }

    async fn put(&self, path: &[&str], body: Json) -> Result<(), Failure> {
        self.remote.put(&self.path(path), body).await
    }

    async fn delete(&self, path: &[&str]) -> Result<(), Failure> {
        self.remote.delete(&self.path(path)).await
    }
}

impl KoreaderArgs {
    pub(super) async fn run(self) -> Result<(), Failure> {
        if let What::Digest { file } = &self.what {
            return digest::print(file);
        }
        let remote = self.connection.remote()?.asking("account", self.account.as_deref());
        let gateway = Gateway { remote, json: self.json };
        match self.what {
            What::Info => gateway.info().await,
            What::Books(what) => what.run(&gateway).await,
            What::Devices => gateway.devices().await,
            What::Settings { policy, protect } => gateway.settings(policy, protect).await,
            What::Passwords => gateway.passwords().await,
            What::AddPassword { label } => gateway.add_password(&label).await,
            What::RevokePassword { id } => gateway.delete(&["passwords", &id]).await,
            What::Accounts => gateway.accounts().await,
            What::AddAccount { name } => {
                let password = ask_password(&name)?;
                let body = json!({ "name": name, "password": password });
                let made = gateway.post(&["accounts"], body).await?;
                note(format!("{name} is there, as the hub's account {}", text(&made, "account")));
                Ok(())
            }
            What::Registration { mode } => {
                let mode = (mode != "setting").then_some(mode);
                gateway.put(&["registration"], json!({ "registration": mode })).await
            }
            What::Import(args) => args.run(gateway).await,
            What::Digest { file } => digest::print(&file),
        }
    }
}

impl Gateway {
    async fn info(&self) -> Result<(), Failure> {
        let info = self.get(&[]).await?;
        if self.json {
            return say(&info);
        }
        say(format!("Custom sync server: {}", text(&info, "address")))?;
        let open = if info["registration_open"] == json!(true) { "open" } else { "closed" };
        say(format!("Registration: {} ({open} now)", text(&info, "registration")))
    }

    async fn devices(&self) -> Result<(), Failure> {
        let devices = self.list(&["devices"]).await?;
        rows(
            self.json,
            &devices,
            &[
                ("NAME", |row| text(row, "name")),
                ("ID", |row| text(row, "id")),
                ("SEEN", |row| books::time(row, "seen_s")),
                ("DOCUMENT", |row| text(row, "document")),
            ],
        )
    }

    async fn settings(&self, policy: Option<String>, protect: Option<bool>) -> Result<(), Failure> {
        let mut settings = self.get(&["settings"]).await?;
        if policy.is_none() && protect.is_none() {
            return say(settings);
        }
        if let Some(policy) = policy {
            settings["policy"] = json!(policy);
        }
        if let Some(protect) = protect {
            settings["protect"] = json!(protect);
        }
        self.put(&["settings"], settings).await
    }

    async fn passwords(&self) -> Result<(), Failure> {
        let passwords = self.list(&["passwords"]).await?;
        rows(
            self.json,
            &passwords,
            &[
                ("ID", |row| text(row, "id")),
                ("DEVICE", |row| text(row, "label")),
                ("CREATED", |row| moment(row, "created_ms")),
            ],
        )
    }

    async fn add_password(&self, label: &str) -> Result<(), Failure> {
        let made = self.post(&["passwords"], json!({ "label": label })).await?;
        note(format!("{} is for {label}; it is shown this once:", text(&made, "id")));
        say(text(&made, "password"))
    }

    async fn accounts(&self) -> Result<(), Failure> {
        let accounts = self.list(&["accounts"]).await?;
        rows(
            self.json,
            &accounts,
            &[
                ("NAME", |row| text(row, "name")),
                ("ACCOUNT", |row| text(row, "account")),
                ("DEVICE PASSWORDS", |row| text(row, "device_passwords")),
            ],
        )
    }
}
