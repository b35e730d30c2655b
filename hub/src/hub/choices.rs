//! Choices: what an admin sets while the hub runs, in place of a gateway's setting. A record of the
//! space `system`, so that it lasts, is in every backup, and is seen by whoever watches.

use syncline_protocol::{Change, Code, Fields, Op, RecordKey, Reject, Value};

use super::Hub;
use super::accounts::field;
use crate::access::directory::collection;
use crate::access::principal::Principal;
use crate::engine::admin::{collection_name, system_put};
use crate::engine::system_space;

impl Hub {
    /// What was chosen, if anything.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn choice(&self, gateway: &str, name: &str) -> Result<Option<String>, Reject> {
        let key = RecordKey::new(gateway);
        let key = key.map_err(|problem| Reject::new(Code::Refused, problem.to_string()))?;
        let view = self.read(&Principal::hub(), &system_space())?;
        let record = view.get(&collection_name(collection::GATEWAYS), &key)?;
        Ok(record.and_then(|record| Some(record.get(name)?.as_str()?.to_owned())))
    }

    /// Chooses, or leaves it to the setting again. An admin's to do.
    ///
    /// # Errors
    /// A right that is missing.
    pub async fn choose(
        &self,
        principal: &Principal,
        gateway: &str,
        name: &str,
        value: Option<&str>,
    ) -> Result<(), Reject> {
        self.require_admin(principal)?;
        let put = system_put(collection::GATEWAYS, gateway, &[(name, Value::nil())]);
        let fields = Fields::new(vec![(field(name), value.map(Value::from))]);
        let change = Change { op: Op::Put(fields.expect("one field")), ..put };
        let changed =
            self.write_system(vec![change], Vec::new(), super::accounts::changed_meanwhile);
        changed.await.map(drop)
    }
}
