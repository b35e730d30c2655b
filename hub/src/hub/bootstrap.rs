//! The first start: the space `system`, an admin account and its token.

use syncline_protocol::{Change, Code, Guard, Reject, Value};

use super::{Hub, now_ms};
use crate::access::directory::collection;
use crate::access::principal::{Principal, Role};
use crate::access::token::{RANDOM_BYTES, Token};
use crate::engine::admin::system_put;
use crate::engine::{Submission, system_space};

/// The account that the first start makes.
pub const ADMIN: &str = "admin";

/// The token that the first start makes; shown once, kept only as a digest.
#[derive(Debug)]
pub struct FirstToken(pub Token);

/// What a new token is to open.
#[derive(Debug, Clone)]
pub struct TokenOrder<'a> {
    /// Whose it is.
    pub user: &'a str,
    /// What it is for, for people.
    pub label: &'a str,
    /// The most that it allows.
    pub role: Role,
    /// Where, as patterns; empty for everywhere.
    pub spaces: &'a [String],
    /// Until when, in milliseconds since 1970; none for ever.
    pub expires_ms: Option<u64>,
}

impl Hub {
    /// Makes what a new store lacks. Gives the admin's token when it was made now.
    ///
    /// # Errors
    /// When the store cannot write.
    pub async fn bootstrap(&self) -> Result<Option<FirstToken>, Reject> {
        let hub = Principal::hub();
        match self.create_space(&hub, system_space(), "hub").await {
            Ok(_) => {}
            Err(reject) if reject.code == Code::Exists => {}
            Err(reject) => return Err(reject),
        }
        if self.directory().users().next().is_some() {
            return Ok(None);
        }
        let fields = [("admin", Value::from(true)), ("created_ms", Value::from(now_ms()))];
        let user = system_put(collection::USERS, ADMIN, &fields);
        self.apply(&hub, Submission::changes(system_space(), vec![user])).await?;
        let order = TokenOrder {
            user: ADMIN,
            label: "first start",
            role: Role::Owner,
            spaces: &[],
            expires_ms: None,
        };
        let token = self.create_token(&hub, &order).await?;
        Ok(Some(FirstToken(token)))
    }

    /// Makes an API token whose order was judged; only its digest is kept.
    pub(super) async fn make_token(
        &self,
        order: &TokenOrder<'_>,
        guards: Vec<Guard>,
    ) -> Result<Token, Reject> {
        self.make_secret(order, guards, Vec::new(), Vec::new()).await
    }

    /// Makes a token or a session, with fields of its own, in one commit with other changes.
    pub(super) async fn make_secret(
        &self,
        order: &TokenOrder<'_>,
        guards: Vec<Guard>,
        more: Vec<(&str, Value)>,
        mut changes: Vec<Change>,
    ) -> Result<Token, Reject> {
        let mut random = [0; RANDOM_BYTES];
        getrandom::fill(&mut random).expect("the system's random generator works");
        let token = Token::from_random(random);
        let id = token.id().to_string();
        let spaces = rmp_serde::to_vec(order.spaces).ok().and_then(|it| Value::new(it).ok());
        let mut fields = vec![
            ("user", Value::from(order.user)),
            ("label", Value::from(order.label)),
            ("role", Value::from(order.role.as_str())),
            ("spaces", spaces.expect("a list of texts is a value")),
            ("created_ms", Value::from(now_ms())),
        ];
        fields.extend(order.expires_ms.map(|end| ("expires_ms", Value::from(end))));
        let digest = Value::from(hex::encode(token.digest().to_bytes()).as_str());
        fields.extend(more);
        changes.extend([
            system_put(collection::CREDENTIALS, &format!("token:{id}"), &[("digest", digest)]),
            system_put(collection::TOKENS, &id, &fields),
        ]);
        let gone = || Reject::new(Code::NotFound, format!("There is no user {}", order.user));
        self.write_system(changes, guards, gone).await?;
        Ok(token)
    }
}
