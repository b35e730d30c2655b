//! Sessions of browsers: a log-in by token or password becomes a secret of its own, for a cookie.
//!
//! Such a secret is kept as a token is: its digest alone, listed and revoked beside tokens. It
//! opens what the credential that was shown opens, never longer than that, and only as a cookie.

use syncline_protocol::{Code, Guard, Reject, Value};

use super::{Hub, TokenOrder, now_ms};
use crate::access::principal::{Principal, Role};
use crate::access::token::Token;
use crate::engine::admin::token_deletes;

/// Expired sessions that a log-in removes at most; the rest waits for the next.
const SWEEP_MAX: usize = 256;
/// Sessions that one account may have open: people have browsers, not thousands of them.
const SESSIONS_PER_USER: usize = 100;

/// A session that was opened.
#[derive(Debug)]
pub struct BrowserSession {
    /// What the cookie holds; shown once, kept only as a digest.
    pub token: Token,
    /// When it ends, in milliseconds since 1970.
    pub expires_ms: u64,
}

impl Hub {
    /// Opens a session for whoever has just shown a token or a password.
    ///
    /// # Errors
    /// A credential that is no longer good or opens no session, or too many sessions.
    pub async fn open_browser_session(
        &self,
        principal: &Principal,
        label: &str,
    ) -> Result<BrowserSession, Reject> {
        let directory = self.directory();
        let now_ms = now_ms();
        let lifetime = self.inner.config.http.session_lifetime.as_millis();
        let end_ms = now_ms.saturating_add(u64::try_from(lifetime).unwrap_or(u64::MAX));
        let mut more = vec![("session", Value::from(true))];
        let (mut role, mut spaces, mut expires_ms) = (Role::Owner, Vec::new(), end_ms);
        if let Some(id) = principal.token_id() {
            let gone = || Reject::new(Code::Unauthorized, "This credential is no longer good");
            let (own, _) = directory.token(id).ok_or_else(gone)?;
            role = own.role;
            spaces = own.spaces.iter().map(|pattern| pattern.as_str().to_owned()).collect();
            expires_ms = own.expires_ms.map_or(end_ms, |end| end.min(end_ms));
            more.push(("parent", Value::from(id)));
        }
        let user = principal.account();
        let changes: Vec<_> = directory.sessions_of(user, true, now_ms).take(SWEEP_MAX).collect();
        let changes = changes.into_iter().flat_map(token_deletes).collect();
        if directory.sessions_of(user, false, now_ms).count() >= SESSIONS_PER_USER {
            let what = format!("{user} has {SESSIONS_PER_USER} browser sessions; end some first");
            return Err(Reject::new(Code::TooMany, what));
        }
        let guards: Vec<Guard> = vec![self.guard_user(user)?];
        let order = TokenOrder { user, label, role, spaces: &spaces, expires_ms: Some(expires_ms) };
        let token = self.make_secret(&order, guards, more, changes).await?;
        Ok(BrowserSession { token, expires_ms })
    }
}
