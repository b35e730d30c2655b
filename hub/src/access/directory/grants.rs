//! What a principal may do: its account's role, no more than its credential is for, and the rules
//! of the space.

use syncline_protocol::SpaceName;

use super::{Action, Directory, Form, SYSTEM_SPACE, SpaceRules, TokenGrant};
use crate::access::acl::Acl;
use crate::access::principal::{Credential, Principal, Role};
use crate::selection::Access;

/// What a principal may do in a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// The credential is no longer good.
    Unauthorized,
    /// The principal may not even know of the space.
    Nothing,
    /// The principal has this role.
    Role(Role),
}

/// What a principal is to a space.
enum Standing {
    /// Its credential is no longer good.
    Unauthorized,
    /// It may not even know of the space.
    Nothing,
    /// Its account's role there, and the most that its credential is for.
    Member { role: Role, most: Role },
}

impl Directory {
    /// Whether a principal may do what only admins may, everywhere.
    #[must_use]
    pub fn is_admin(&self, principal: &Principal, now_ms: u64) -> bool {
        match principal.credential() {
            Credential::Hub => true,
            Credential::Password => self.is_admin_account(principal.account()),
            Credential::Realm(_) => false,
            Credential::Token(id) => self.live_token(id, now_ms).is_some_and(|token| {
                token.role == Role::Owner
                    && token.spaces.is_empty()
                    && self.is_admin_account(principal.account())
            }),
        }
    }

    /// Whether a principal's credential opens all that its account may.
    #[must_use]
    pub fn is_unlimited(&self, principal: &Principal, now_ms: u64) -> bool {
        match principal.credential() {
            Credential::Hub | Credential::Password => self.is_authorized(principal, now_ms),
            Credential::Realm(_) => false,
            Credential::Token(id) => {
                self.is_authorized(principal, now_ms)
                    && self
                        .tokens
                        .get(id)
                        .is_some_and(|token| token.role == Role::Owner && token.spaces.is_empty())
            }
        }
    }

    /// Whether a principal's credential is still good.
    #[must_use]
    pub fn is_authorized(&self, principal: &Principal, now_ms: u64) -> bool {
        match principal.credential() {
            Credential::Hub => true,
            Credential::Password => self.has_user(principal.account()),
            Credential::Realm(realm) => {
                let account = principal.account();
                self.has_user(account) && self.secrets(realm, account).is_some()
            }
            Credential::Token(id) => {
                self.has_account(principal.account())
                    && self.live_token(id, now_ms).is_some_and(|it| it.user == principal.account())
            }
        }
    }

    /// Whether a principal's credential is good enough to make a space of this name.
    #[must_use]
    pub fn may_create(&self, principal: &Principal, space: &SpaceName, now_ms: u64) -> bool {
        match principal.credential() {
            Credential::Hub | Credential::Password => self.is_authorized(principal, now_ms),
            Credential::Realm(realm) => {
                self.is_authorized(principal, now_ms) && is_of_realm(space, realm)
            }
            Credential::Token(id) => self
                .live_token(id, now_ms)
                .is_some_and(|token| token.role == Role::Owner && token.reaches(space)),
        }
    }

    /// Whether a principal's credential may write to a space of its account that a gateway makes.
    #[must_use]
    pub fn may_begin(&self, principal: &Principal, space: &SpaceName, now_ms: u64) -> bool {
        match principal.credential() {
            Credential::Token(id) => {
                let writes =
                    |token: &TokenGrant| token.role >= Role::Writer && token.reaches(space);
                self.is_authorized(principal, now_ms)
                    && self.live_token(id, now_ms).is_some_and(writes)
            }
            _ => self.may_create(principal, space, now_ms),
        }
    }

    /// When a principal's token ends, in milliseconds since 1970; none when it does not.
    #[must_use]
    pub fn expires_ms(&self, principal: &Principal) -> Option<u64> {
        match principal.credential() {
            Credential::Token(id) => self.tokens.get(id)?.expires_ms,
            Credential::Hub | Credential::Password | Credential::Realm(_) => None,
        }
    }

    /// What a principal may do in a space.
    #[must_use]
    pub fn grant(&self, principal: &Principal, space: &SpaceName, now_ms: u64) -> Grant {
        match self.standing(principal, space, now_ms) {
            Standing::Unauthorized => Grant::Unauthorized,
            Standing::Nothing => Grant::Nothing,
            Standing::Member { role, most } => Grant::Role(role.min(most)),
        }
    }

    fn standing(&self, principal: &Principal, space: &SpaceName, now_ms: u64) -> Standing {
        if principal.is_hub() {
            return Standing::Member { role: Role::Owner, most: Role::Owner };
        }
        if !self.is_authorized(principal, now_ms) {
            return Standing::Unauthorized;
        }
        let most = self.reach(principal, space, now_ms);
        match (most, self.membership(principal.account(), space)) {
            (Some(most), Some(role)) => Standing::Member { role, most },
            _ => Standing::Nothing,
        }
    }

    /// Which items of a space a principal may do something to: the rules decide, and where none
    /// matches the role; never more than the credential is for.
    #[must_use]
    pub fn access(
        &self,
        principal: &Principal,
        space: &SpaceName,
        action: Action,
        now_ms: u64,
    ) -> Access {
        let [access] = self.accesses(principal, space, [action], now_ms);
        access
    }

    /// The same of several actions at once.
    #[must_use]
    pub fn accesses<const N: usize>(
        &self,
        principal: &Principal,
        space: &SpaceName,
        actions: [Action; N],
        now_ms: u64,
    ) -> [Access; N] {
        let standing = self.standing(principal, space, now_ms);
        actions.map(|action| match standing {
            Standing::Member { role, most } if most >= action.least() => {
                self.member_access(principal.account(), space, (role, action))
            }
            _ => Access::Nothing,
        })
    }

    /// The same of a member of this role, whose credential is for enough.
    fn member_access(
        &self,
        account: &str,
        space: &SpaceName,
        (role, action): (Role, Action),
    ) -> Access {
        if let Form::Events(reads) = self.form(space) {
            return self.access_to_events((space, reads), account, (role, action));
        }
        match self.rules.of(space) {
            Some(rules) if role < Role::Owner => rules.access(account, role, action),
            _ if role >= action.least() => Access::Everything,
            _ => Access::Nothing,
        }
    }

    /// A space's rules alone; there may be none in it.
    #[must_use]
    pub fn acl(&self, space: &SpaceName) -> &Acl {
        self.rules.of(space).map_or(const { &Acl::new() }, SpaceRules::acl)
    }

    /// A space's access rules; none when it has none.
    #[must_use]
    pub fn rules(&self, space: &SpaceName) -> Option<&SpaceRules> {
        self.rules.of(space)
    }

    /// The keys of the records that hold a space's access rules, in no order.
    pub fn rule_keys(&self, space: &SpaceName) -> impl Iterator<Item = &str> {
        self.rules.keys_of(space)
    }

    /// The most that a credential is for in a space; none when it does not reach there.
    fn reach(&self, principal: &Principal, space: &SpaceName, now_ms: u64) -> Option<Role> {
        match principal.credential() {
            Credential::Token(id) => {
                let token = self.live_token(id, now_ms)?;
                token.reaches(space).then_some(token.role)
            }
            Credential::Realm(realm) => is_of_realm(space, realm).then_some(Role::Owner),
            Credential::Hub | Credential::Password => Some(Role::Owner),
        }
    }

    /// An account's role in a space. Admins own every space; `system` is theirs alone.
    #[must_use]
    pub fn membership(&self, account: &str, space: &SpaceName) -> Option<Role> {
        if self.is_admin_account(account) {
            return Some(Role::Owner);
        }
        if space.as_str() == SYSTEM_SPACE {
            return None;
        }
        self.members.get(space.as_str())?.get(account).copied()
    }

    fn is_admin_account(&self, account: &str) -> bool {
        self.has_admin(account)
    }

    fn live_token(&self, id: &str, now_ms: u64) -> Option<&TokenGrant> {
        let token = self.tokens.get(id)?;
        let lives = |token: &TokenGrant| token.expires_ms.is_none_or(|end| now_ms < end);
        let parent_lives = match &token.parent {
            Some(parent) => self.tokens.get(parent).is_some_and(lives),
            None => true,
        };
        (lives(token) && parent_lives).then_some(token)
    }
}

/// Whether a realm's secrets open a space.
fn is_of_realm(space: &SpaceName, realm: &str) -> bool {
    space.as_str().strip_prefix(realm).is_some_and(|rest| rest.starts_with('/'))
}
