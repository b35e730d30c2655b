//! Accounts: users, their passwords, tokens and memberships, as records of the space `system`.
//!
//! Who may change them is judged here, once, for every route and command. What must not be undone
//! by a race (a name given twice, the last admin gone, a token for a user who was just removed) is
//! a guard, judged in log order. Secrets pass through and are never kept or logged.

use syncline_protocol::{
    Change, Code, CollectionName, Condition, FieldName, Guard, RecordKey, Reject, SpaceName, Value,
};

use super::hashing::Queue;
use super::{Hub, TokenOrder, now_ms, unknown_space};
use crate::access::directory::{OwnLimits, SYSTEM_SPACE, collection, limits_of_user, member_key};
use crate::access::principal::{Principal, Role, check_account};
use crate::access::token::Token;
use crate::engine::admin::{system_delete, system_put, token_deletes};
use crate::engine::{Part, Receipt, Submission, Writes, system_space};

/// Bytes of the shortest password; what Argon2 slows down must not be guessed at once.
pub const PASSWORD_BYTES_MIN: usize = 8;
/// Bytes of the longest password: hashing costs time by its length.
pub const PASSWORD_BYTES_MAX: usize = 1024;
/// Tokens of one account: far more than a person has devices and scripts.
const TOKENS_PER_USER: usize = 1000;
/// Patterns of one token.
const PATTERNS_PER_TOKEN: usize = 64;
/// Bytes of a token's label.
const LABEL_BYTES_MAX: usize = 128;

impl Hub {
    /// Makes an account, with a password or with tokens alone. An admin's to do.
    ///
    /// # Errors
    /// A right that is missing, a name that is taken or no name, a password that is too short.
    pub async fn add_user(
        &self,
        principal: &Principal,
        name: &str,
        admin: bool,
        password: Option<String>,
    ) -> Result<(), Reject> {
        self.require_admin(principal)?;
        check_account(name).map_err(|problem| Reject::new(Code::Refused, problem))?;
        let secrets = match password {
            Some(password) => self.password_changes(name, &password).await?,
            None => Vec::new(),
        };
        // What was left of an account that had this name must not come to life again.
        let mut changes = self.belongings(name);
        let fields = [("admin", Value::from(admin)), ("created_ms", Value::from(now_ms()))];
        changes.push(system_put(collection::USERS, name, &fields));
        changes.extend(secrets);
        let absent = guard(collection::USERS, name, Condition::Absent);
        let exists = || Reject::new(Code::Exists, format!("The user {name} exists"));
        self.forget_secrets(name);
        self.write_system(changes, vec![absent], exists).await?;
        Ok(())
    }

    /// Removes an account with its password, tokens and memberships. Spaces that it owned stay,
    /// for admins to give away. An admin's to do.
    ///
    /// # Errors
    /// A right that is missing, an account that does not exist or is the last admin.
    pub async fn remove_user(&self, principal: &Principal, name: &str) -> Result<(), Reject> {
        self.require_admin(principal)?;
        let mut guards = vec![self.guard_user(name)?];
        if self.directory().has_admin(name) {
            guards.push(self.guard_another_admin(name)?);
        }
        let mut changes = self.belongings(name);
        changes.push(system_delete(collection::USERS, name));
        self.write_system(changes, guards, changed_meanwhile).await?;
        self.forget_secrets(name);
        Ok(())
    }

    /// Gives an account a password. An admin's to do, and one's own with an unlimited credential.
    ///
    /// # Errors
    /// A right that is missing, an account that does not exist, a password that is too short.
    pub async fn set_password(
        &self,
        principal: &Principal,
        name: &str,
        password: String,
    ) -> Result<(), Reject> {
        self.require_self_or_admin(principal, name)?;
        let exists = self.guard_user(name)?;
        let mut changes = self.password_changes(name, &password).await?;
        // Whoever knew the old one is to be out, but not the person who changes it.
        for id in self.directory().password_sessions(name) {
            if principal.token_id() != Some(id) {
                changes.extend(token_deletes(id));
            }
        }
        self.write_system(changes, vec![exists], || unknown_user(name)).await?;
        self.forget_secrets(name);
        Ok(())
    }

    /// Makes a token for an account: an admin for anyone, others for themselves and within what
    /// their own credential opens.
    ///
    /// # Errors
    /// A right that is missing, an order that reaches too far, too many tokens.
    pub async fn create_token(
        &self,
        principal: &Principal,
        order: &TokenOrder<'_>,
    ) -> Result<Token, Reject> {
        let mut order = order.clone();
        self.check_order(&order)?;
        if self.require_admin(principal).is_err() {
            if principal.account() != order.user {
                let what = "You may make tokens for yourself only";
                return Err(Reject::new(Code::Forbidden, what));
            }
            self.confine(principal, &mut order)?;
        }
        let user = self.guard_user(order.user)?;
        self.make_token(&order, vec![user]).await
    }

    /// Ends a token and the sessions that it opened: one's own, or an admin's to do.
    ///
    /// # Errors
    /// A right that is missing, a token that does not exist.
    pub async fn revoke_token(&self, principal: &Principal, id: &str) -> Result<(), Reject> {
        let unknown = || Reject::new(Code::NotFound, "There is no such token of yours");
        let user = self.directory().token_user(id).map(str::to_owned).ok_or_else(unknown)?;
        if principal.token_id() != Some(id) && self.require_admin(principal).is_err() {
            if principal.account() != user {
                return Err(unknown());
            }
            self.require_self_or_admin(principal, &user)?;
        }
        self.write_system(token_deletes(id).into(), Vec::new(), changed_meanwhile).await?;
        Ok(())
    }

    /// Gives an account a role in a space, or takes it away: an owner's or an admin's to do.
    ///
    /// # Errors
    /// A right that is missing, an account or a space that does not exist.
    pub async fn set_member(
        &self,
        principal: &Principal,
        space: &SpaceName,
        user: &str,
        role: Option<Role>,
    ) -> Result<(), Reject> {
        if self.role(principal, space)? < Role::Owner || space.as_str() == SYSTEM_SPACE {
            let what = format!("Only an owner says who is a member of {space}, nobody of `system`");
            return Err(Reject::new(Code::Forbidden, what));
        }
        let owner = Value::from(self.read(principal, space)?.space().owner.as_ref());
        let owner = Condition::FieldEquals(field("owner"), owner);
        let mut guards = vec![guard(collection::SPACES, space.as_str(), owner)];
        let key = member_key(space, user);
        let change = match role {
            Some(role) => {
                guards.push(self.guard_user(user)?);
                system_put(collection::MEMBERS, &key, &[("role", Value::from(role.as_str()))])
            }
            None if self.directory().members(space).all(|(member, _)| member != user) => {
                let what = format!("{user} is no member of {space}");
                return Err(Reject::new(Code::NotFound, what));
            }
            None => system_delete(collection::MEMBERS, &key),
        };
        self.write_system(vec![change], guards, || unknown_space(space)).await?;
        Ok(())
    }

    /// Whether a principal may change an account: an admin, or its owner by a credential that is
    /// not limited. A limited token that could set a password would not be limited.
    ///
    /// # Errors
    /// `forbidden` when not.
    pub fn require_self_or_admin(
        &self,
        principal: &Principal,
        account: &str,
    ) -> Result<(), Reject> {
        let own =
            principal.account() == account && self.directory().is_unlimited(principal, now_ms());
        if own {
            return Ok(());
        }
        self.require_admin(principal)
    }

    /// Whether there is such an account.
    #[must_use]
    pub fn has_user(&self, name: &str) -> bool {
        self.directory().has_user(name)
    }

    /// Whether an account is an admin's.
    #[must_use]
    pub fn is_admin(&self, name: &str) -> bool {
        self.directory().has_admin(name)
    }

    /// Writes to the space `system` as the hub; `refused` says what a failed guard means.
    pub(crate) async fn write_system(
        &self,
        changes: Vec<Change>,
        guards: Vec<Guard>,
        refused: impl FnOnce() -> Reject,
    ) -> Result<Receipt, Reject> {
        let writes = Writes::Unstamped(changes);
        let part = Part { space: system_space(), base: None, guards, writes };
        let submission = Submission { id: None, parts: vec![part] };
        let answer = self.apply(&Principal::hub(), submission).await;
        answer.map_err(|reject| if reject.code == Code::GuardFailed { refused() } else { reject })
    }

    /// The records that a password becomes: its hash, and what gateways' apps will show of it.
    async fn password_changes(&self, name: &str, password: &str) -> Result<Vec<Change>, Reject> {
        if !(PASSWORD_BYTES_MIN..=PASSWORD_BYTES_MAX).contains(&password.len()) {
            let (min, max) = (PASSWORD_BYTES_MIN, PASSWORD_BYTES_MAX);
            return Err(Reject::new(Code::Refused, format!("A password has {min} to {max} bytes")));
        }
        let mut changes = vec![put_password(name, &self.hash(password, Queue::Known).await?)];
        changes.extend(self.derived(name, password).await?);
        Ok(changes)
    }

    fn forget_secrets(&self, name: &str) {
        self.recognised().forget(name);
    }

    /// Deletes of everything that is an account's beside the account.
    pub(super) fn belongings(&self, name: &str) -> Vec<Change> {
        let directory = self.directory();
        let mut changes = Vec::new();
        if directory.password(name).is_some() {
            changes.push(system_delete(collection::CREDENTIALS, &format!("password:{name}")));
        }
        let secrets = directory.secret_keys(name);
        changes.extend(secrets.iter().map(|key| system_delete(collection::CREDENTIALS, key)));
        for id in directory.tokens_of(name) {
            changes.extend(token_deletes(id));
        }
        if directory.user_limits(name) != OwnLimits::default() {
            changes.push(system_delete(collection::LIMITS, &limits_of_user(name)));
        }
        for space in directory.memberships(name) {
            changes.push(system_delete(collection::MEMBERS, &format!("{space}:{name}")));
        }
        changes
    }

    /// Holds while the account exists and is the admin, or not, that it is now.
    pub(super) fn guard_user(&self, name: &str) -> Result<Guard, Reject> {
        let directory = self.directory();
        if !directory.has_user(name) {
            return Err(unknown_user(name));
        }
        let admin = Value::from(directory.has_admin(name));
        let condition = Condition::FieldEquals(field("admin"), admin);
        Ok(guard(collection::USERS, name, condition))
    }

    /// Holds while somebody else is an admin.
    fn guard_another_admin(&self, name: &str) -> Result<Guard, Reject> {
        let directory = self.directory();
        let other = directory.users().find(|(user, admin)| *admin && *user != name);
        let last = || {
            let what = format!("{name} is the last admin; make another one first");
            Reject::new(Code::Refused, what)
        };
        let (other, _) = other.ok_or_else(last)?;
        let condition = Condition::FieldEquals(field("admin"), Value::from(true));
        Ok(guard(collection::USERS, other, condition))
    }

    fn check_order(&self, order: &TokenOrder<'_>) -> Result<(), Reject> {
        let refuse = |what: String| Err(Reject::new(Code::Refused, what));
        if order.label.len() > LABEL_BYTES_MAX || order.label.chars().any(char::is_control) {
            return refuse(format!("A label has at most {LABEL_BYTES_MAX} plain bytes"));
        }
        if order.spaces.len() > PATTERNS_PER_TOKEN {
            return refuse(format!("A token names at most {PATTERNS_PER_TOKEN} patterns"));
        }
        if let Some(problem) = order.spaces.iter().find_map(|text| check_pattern(text).err()) {
            return refuse(problem);
        }
        if order.expires_ms.is_some_and(|end| end <= now_ms()) {
            return refuse("A token that has expired opens nothing".to_owned());
        }
        if self.directory().tokens_of(order.user).count() >= TOKENS_PER_USER {
            let what = format!("{} has {TOKENS_PER_USER} tokens; revoke some first", order.user);
            return Err(Reject::new(Code::TooMany, what));
        }
        Ok(())
    }

    /// Keeps an order within what a principal's own credential opens.
    fn confine(&self, principal: &Principal, order: &mut TokenOrder<'_>) -> Result<(), Reject> {
        let directory = self.directory();
        let no_longer = || Reject::new(Code::Unauthorized, "This credential is no longer good");
        if !directory.is_authorized(principal, now_ms()) {
            return Err(no_longer());
        }
        let Some(id) = principal.token_id() else { return Ok(()) };
        let (mut own, _) = directory.token(id).ok_or_else(no_longer)?;
        if own.session {
            // A browser's session makes what the credential that opened it could make.
            let Some(parent) = &own.parent else { return Ok(()) };
            own = directory.token(parent).ok_or_else(no_longer)?.0;
        }
        let wider = order.role > own.role || !own.covers(order.spaces);
        let longer = order.expires_ms.is_some() && order.expires_ms > own.expires_ms;
        let longer = longer && own.expires_ms.is_some();
        if wider || longer {
            let what = "A token opens at most what the token that makes it opens, and as long";
            return Err(Reject::new(Code::Forbidden, what));
        }
        order.expires_ms = order.expires_ms.or(own.expires_ms);
        Ok(())
    }
}

fn check_pattern(text: &str) -> Result<(), String> {
    let parsed: Result<crate::access::principal::SpacePattern, _> = text.parse();
    parsed.map(drop).map_err(|problem| format!("{text:?}: {problem}"))
}

fn put_password(name: &str, phc: &str) -> Change {
    let key = format!("password:{name}");
    system_put(collection::CREDENTIALS, &key, &[("phc", Value::from(phc))])
}

pub(super) fn guard(collection: &str, key: &str, condition: Condition) -> Guard {
    let collection = CollectionName::new(collection).expect("a collection's name");
    let key = RecordKey::new(key).expect("accounts and spaces have names that are keys");
    Guard { collection, key, condition }
}

pub(super) fn field(name: &str) -> FieldName {
    FieldName::new(name).expect("a field's name")
}

pub(super) fn unknown_user(name: &str) -> Reject {
    Reject::new(Code::NotFound, format!("There is no user {name}"))
}

pub(super) fn changed_meanwhile() -> Reject {
    Reject::new(Code::Busy, "Somebody else changed this at the same time")
}
