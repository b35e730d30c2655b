//! `syncline acl`: the access rules of a space, and what they decide.

use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};

use super::connection::Connection;
use super::failure::Failure;
use super::print::{rows, say, text};

/// The access rules of a space.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct AclArgs {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    what: What,
}

const EXAMPLES: &str = "\
Examples:
  syncline acl list home/ann
  syncline acl deny home/ann '*' 'diary/*' read
  syncline acl allow home/ann ben 'shopping/*' write
  syncline acl explain home/ann ben shopping/milk write

A rule names a member, an item (collection/key) and an action (read, write, delete, admin), each
whole or by its beginning and `*`. The most specific item decides, then the most specific member,
then action. Where no rule matches, the member's role decides; owners are bound by none.";

#[derive(Debug, Subcommand)]
enum What {
    /// List the rules
    #[command(after_help = "Example:\n  syncline acl list home/ann")]
    List {
        /// The space
        space: String,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Allow something
    #[command(after_help = "Example:\n  syncline acl allow home/ann ben 'shopping/*' write")]
    Allow(Rule),
    /// Deny something
    #[command(after_help = "Example:\n  syncline acl deny home/ann '*' 'diary/*' read")]
    Deny(Rule),
    /// Take a rule out
    #[command(after_help = "Example:\n  syncline acl remove home/ann '*' 'diary/*' read")]
    Remove(Rule),
    /// Say whether somebody may do something, and which rule or role decides
    #[command(after_help = "Example:\n  syncline acl explain home/ann ben diary/monday read")]
    Explain {
        /// The space
        space: String,
        /// The account
        principal: String,
        /// The item: collection/key
        item: String,
        /// read, write, delete or admin
        action: String,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
}

/// A space and three patterns.
#[derive(Debug, Args)]
struct Rule {
    /// The space
    space: String,
    /// The members: a name, or its beginning and `*`
    principal: String,
    /// The items: collection/key, or its beginning and `*`
    item: String,
    /// The actions: read, write, delete, admin, or `*`
    action: String,
}

impl AclArgs {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let remote = self.connection.remote()?;
        let (rule, verdict) = match self.what {
            What::List { space, json } => {
                let rules = remote.list(&["spaces", &space, "acl"]).await?;
                return table(json, &rules);
            }
            What::Explain { space, principal, item, action, json } => {
                let remote = remote
                    .asking("principal", Some(&principal))
                    .asking("item", Some(&item))
                    .asking("action", Some(&action));
                let why: Json = remote.get(&["spaces", &space, "acl", "explain"]).await?;
                return if json { say(why) } else { say(sentence(&why)) };
            }
            What::Remove(Rule { space, principal, item, action }) => {
                let remote = remote
                    .asking("principal", Some(&principal))
                    .asking("item", Some(&item))
                    .asking("action", Some(&action));
                return remote.delete(&["spaces", &space, "acl"]).await;
            }
            What::Allow(rule) => (rule, "allow"),
            What::Deny(rule) => (rule, "deny"),
        };
        let Rule { space, principal, item, action } = rule;
        let body =
            json!({ "principal": principal, "item": item, "action": action, "verdict": verdict });
        remote.put(&["spaces", &space, "acl"], body).await
    }
}

fn table(json: bool, rules: &[Json]) -> Result<(), Failure> {
    rows(
        json,
        rules,
        &[
            ("PRINCIPAL", |row| text(row, "principal")),
            ("ITEM", |row| text(row, "item")),
            ("ACTION", |row| text(row, "action")),
            ("VERDICT", |row| text(row, "verdict")),
        ],
    )
}

fn sentence(why: &Json) -> String {
    let verdict = text(why, "verdict");
    let rule = &why["rule"];
    match why["by"].as_str().unwrap_or_default() {
        "owner" => format!("{verdict}: owners are bound by no rule"),
        "no_member" => format!("{verdict}: the account is no member of the space"),
        "role" if why["role"].is_null() => format!("{verdict}: no rule matches"),
        "role" => format!("{verdict}: no rule matches, and the role is {}", text(why, "role")),
        _ => format!(
            "{verdict}: by the rule {} {} {}",
            text(rule, "principal"),
            text(rule, "item"),
            text(rule, "action"),
        ),
    }
}
