//! What this protocol says no with: status and text, exactly as apps compare them. The rule refuses
//! with the same texts, so that a native client hears them too.

use syncline_protocol::{Code, Reject};

/// A refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) status: u16,
    pub(super) text: &'static str,
}

macro_rules! faults {
    ($($name:ident = $status:literal, $text:literal;)*) => {
        impl Fault {
            $(pub(super) const $name: Self = Self { status: $status, text: $text };)*
            const ALL: &[Self] = &[$(Self::$name,)*];
        }
    };
}

faults! {
    NO_JSON = 400, "Invalid JSON format";
    ACL_EVENT = 400, "ACL events must be submitted via dedicated /api/v1/acl endpoint";
    NO_UUID = 400, "UUID is required";
    BAD_UUID = 400, "UUID must be valid format";
    BAD_TIME = 400, "invalid timestamp";
    NO_USER = 400, "user is required";
    NO_ITEM = 400, "item is required";
    NO_ACTION = 400, "action is required";
    BAD_ITEM = 400, "item is invalid";
    BAD_ACTION = 400, "action is invalid";
    LONG_PAYLOAD = 400, "payload is too large";
    BAD_PAYLOAD = 400, "payload must be a JSON object";
    BAD_USER_ID = 400, "invalid user id";
    BAD_FORMAT = 400, "Invalid request format";
    LONG_DESCRIPTION = 400, "description is too long";
    NO_RULE = 400, "At least one ACL rule required";
    BAD_TYPE = 400, "type must be either 'allow' or 'deny'";
    NO_EXCHANGE = 400, "Failed to exchange setup token";
    NO_KEY = 401, "X-API-Key header required";
    BAD_KEY = 401, "Invalid API key";
    DENIED = 403, "Insufficient permissions";
    NOT_OWN = 403, "Cannot submit events for other users";
    INTERNAL_EVENT = 403, "Cannot add internal events through this endpoint";
    NOT_FOUND = 404, "Not found";
    NO_SUCH_USER = 404, "User not found";
    METHOD = 405, "Method not allowed";
    USER_EXISTS = 409, "User already exists";
    TAKEN = 409, "UUID already exists with different content";
    NO_CURSOR = 410, "Unknown cursor";
    LARGE_BODY = 413, "Request body too large";
    MANY_EVENTS = 413, "Too many events";
    MANY_RULES = 413, "Too many rules";
    SLOW_DOWN = 429, "Too many requests";
    SERVER = 500, "Internal server error";
    UNAVAILABLE = 503, "Service unavailable";
    FULL = 507, "No room for more events";
}

impl Fault {
    /// The refusal of a push, as the rule says it: with this text and nothing behind it.
    pub(super) fn at(self, index: usize) -> Reject {
        let reject = Reject { code: self.code(), text: self.text.to_owned(), index: None };
        reject.at(index)
    }

    const fn code(self) -> Code {
        match self.status {
            401 => Code::Unauthorized,
            403 => Code::Forbidden,
            404 => Code::NotFound,
            409 => Code::Exists,
            413 => Code::TooLarge,
            _ => Code::Refused,
        }
    }
}

/// The edge at which what the hub says becomes what apps know.
impl From<&Reject> for Fault {
    fn from(reject: &Reject) -> Self {
        if let Some(own) = Self::ALL.iter().find(|fault| fault.text == reject.text) {
            return *own;
        }
        match reject.code {
            Code::Unauthorized => Self::BAD_KEY,
            Code::Forbidden | Code::UnknownSpace => Self::DENIED,
            Code::RateLimited => Self::SLOW_DOWN,
            Code::TooLarge => Self::LARGE_BODY,
            Code::QuotaExceeded => Self::FULL,
            Code::TooMany => Self::MANY_RULES,
            Code::UnknownCursor => Self::NO_CURSOR,
            Code::Busy | Code::GoingAway | Code::Unavailable => Self::UNAVAILABLE,
            code => {
                tracing::warn!(%code, text = reject.text, "a request of an app failed");
                Self::SERVER
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_is_one_fault_and_comes_back_from_the_rule() {
        for fault in Fault::ALL {
            assert_eq!(Fault::from(&fault.at(3)), *fault, "{fault:?}");
            assert_eq!(fault.at(3).index, Some(3));
        }
        let failed = Reject::new(Code::Internal, "the disk is on fire");
        assert_eq!(Fault::from(&failed), Fault::SERVER);
    }
}
