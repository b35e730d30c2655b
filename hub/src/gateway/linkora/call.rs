//! A request on its way to the rule: one record of the hub's own, which the rule takes away again.
//!
//! What a request does depends on records, so it is decided in log order, by the rule, and not
//! before: a gateway that read first and wrote then would decide on what may be gone by now.

use syncline_protocol::{Change, FieldName, Op, Value};

use super::mapping::{collection, key};

const COLLECTION: &str = ".request";
const KEY: &str = "now";
/// A body travels in pieces, for a value has a limit.
const PIECE_BYTES: usize = 8 << 20;

/// A request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Call {
    /// The name of its route.
    pub(crate) route: String,
    /// Its body, checked for form.
    pub(crate) body: Vec<u8>,
    /// Whether its sender has a socket open.
    pub(crate) listening: bool,
    /// Whether it comes from the app itself, whose updates name a folder by a number of its own.
    pub(crate) app: bool,
    /// Whether receivers are told again where an updated link lies.
    pub(crate) repair: bool,
    /// Names this run of the hub.
    pub(crate) run: u64,
}

impl Call {
    /// The change that carries it.
    pub(crate) fn change(&self) -> Change {
        let name = |name: &str| FieldName::new(name).expect("the gateway's fields have good names");
        let mut fields = vec![
            (name("route"), Some(Value::from(self.route.as_str()))),
            (name("listening"), Some(Value::from(self.listening))),
            (name("app"), Some(Value::from(self.app))),
            (name("repair"), Some(Value::from(self.repair))),
            (name("run"), Some(Value::from(self.run))),
        ];
        for (number, piece) in self.body.chunks(PIECE_BYTES).enumerate() {
            fields.push((name(&format!("p{number:03}")), Some(Value::from(piece))));
        }
        let change = Change::put(collection(COLLECTION), key(KEY), fields);
        change.expect("the fields are some, and each is named once")
    }

    /// The request among a push's changes, if there is one: only gateways can write it.
    pub(crate) fn among(changes: &[&Change]) -> Option<Self> {
        let [change] = changes else { return None };
        let Op::Put(fields) = &change.op else { return None };
        if change.collection.as_str() != COLLECTION {
            return None;
        }
        let mut call = Self::default();
        for (name, value) in fields.iter() {
            let Some(value) = value else { continue };
            match name.as_str() {
                "route" => call.route = value.as_str().unwrap_or_default().to_owned(),
                "listening" => call.listening = value.as_bool().unwrap_or_default(),
                "app" => call.app = value.as_bool().unwrap_or_default(),
                "repair" => call.repair = value.as_bool().unwrap_or_default(),
                "run" => call.run = value.as_u64().unwrap_or_default(),
                _ => call.body.extend_from_slice(bytes(value)),
            }
        }
        Some(call)
    }

    /// Takes the record away again.
    pub(crate) fn done() -> Change {
        Change::delete(collection(COLLECTION), key(KEY))
    }
}

/// What a binary value holds, behind its head.
fn bytes(value: &Value) -> &[u8] {
    let all = value.as_bytes();
    let head = match all.first() {
        Some(0xc4) => 2,
        Some(0xc5) => 3,
        Some(0xc6) => 5,
        _ => return &[],
    };
    all.get(head..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_arrives_as_it_was_sent() {
        for length in [0, 3, 300, PIECE_BYTES - 1, PIECE_BYTES + 1] {
            let body = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
            let route = "CREATE_TAG".to_owned();
            let call = Call { route, body, listening: true, app: true, repair: false, run: 7 };
            assert_eq!(Call::among(&[&call.change()]), Some(call));
        }
        assert_eq!(Call::among(&[&Call::done()]), None);
    }
}
