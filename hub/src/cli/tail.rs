//! `syncline tail`: follows the log of a space, one line a delta, and goes on where it stood when
//! the connection was cut. It keeps no copy: what it prints is the log, in its order.

use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use serde_json::{Map, Value as Json, json};
use syncline_client::json as values;
use syncline_protocol::{
    Applied, ClientFrame, Code, Epoch, Filter, HubFrame, Op, SpaceName, Start,
};

use super::Failure;
use super::connection::{Connection, filter};
use super::print::{Out, note};
use super::wire::{Follower, Lost, Wire};
use crate::hub::random_u64;

/// Between two tries to connect, at first and at most.
const BACKOFF_FIRST: Duration = Duration::from_millis(500);
const BACKOFF_LAST: Duration = Duration::from_secs(30);

/// `syncline tail`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct TailArgs {
    /// The space
    space: String,
    /// Of these collections only; more than once for several
    #[arg(long, value_name = "C")]
    collection: Vec<String>,
    /// From where in the log: start, now, or EPOCH:SEQUENCE to go on after that delta
    #[arg(long, value_name = "PLACE", default_value = "start")]
    from: From,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

const EXAMPLES: &str = "\
Examples:
  syncline tail bookmarks
  syncline tail bookmarks --collection links --from now --json
  syncline tail bookmarks --from 0123456789abcdef:1256

The log holds what is in force: superseded deltas leave it in time. `syncline space show` tells a
space's epoch and sequence.";

/// A place in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    Start,
    Now,
    After(Epoch, u64),
}

impl FromStr for From {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (epoch, sequence) = text.split_once(':')?;
            let epoch = (epoch.len() == 16).then(|| epoch.parse().ok())??;
            Some(Self::After(epoch, sequence.parse().ok()?))
        };
        match text {
            "start" => Ok(Self::Start),
            "now" => Ok(Self::Now),
            _ => parse().ok_or("write start, now, or EPOCH:SEQUENCE with 16 hex digits of epoch"),
        }
    }
}

impl TailArgs {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let mut tail = Tail {
            space: SpaceName::new(&self.space).map_err(Failure::usage)?,
            filter: filter(&self.collection, "")?,
            json: self.json,
            start: match self.from {
                From::Start => Start::Follow { epoch: None, after: Some(0) },
                From::Now => Start::Follow { epoch: None, after: None },
                From::After(epoch, after) => {
                    Start::Follow { epoch: Some(epoch), after: Some(after) }
                }
            },
            place: None,
            out: Out::new(),
        };
        let follower = Follower::new(self.connection.address()?, self.connection.token()?);
        tail.follow_for_ever(&follower).await
    }
}

/// What is followed, and how far it is printed.
struct Tail {
    space: SpaceName,
    filter: Filter,
    json: bool,
    start: Start,
    /// Epoch and sequence of what was printed last, once the hub has said where that is.
    place: Option<(Epoch, u64)>,
    out: Out,
}

/// Why following ends, or pauses.
enum End {
    Lost(Lost),
    Failure(Failure),
}

impl std::convert::From<Lost> for End {
    fn from(lost: Lost) -> Self {
        Self::Lost(lost)
    }
}

impl std::convert::From<Failure> for End {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl Tail {
    async fn follow_for_ever(&mut self, follower: &Follower) -> Result<(), Failure> {
        let mut backoff = BACKOFF_FIRST;
        loop {
            let before = self.place;
            let (why, after) = match self.follow(follower).await {
                End::Failure(failure) => return Err(failure),
                End::Lost(Lost::Refused(reject)) => return Err(self.refused(reject)),
                // A hub that never answered is told at once, not waited for.
                End::Lost(Lost::Cut { why, .. }) if self.place.is_none() => {
                    return Err(Failure::Failed(why));
                }
                End::Lost(Lost::Cut { why, after }) => (why, after),
            };
            backoff =
                if before == self.place { (backoff * 2).min(BACKOFF_LAST) } else { BACKOFF_FIRST };
            let pause = after.unwrap_or_else(|| jitter(backoff));
            note(format!("# {why}; again in {:.1} s", pause.as_secs_f32()));
            tokio::time::sleep(pause).await;
        }
    }

    fn refused(&self, reject: syncline_protocol::Reject) -> Failure {
        match (reject.code, self.place) {
            (Code::UnknownCursor, Some((epoch, sequence))) => Failure::Failed(format!(
                "the log of {} began anew after {epoch}:{sequence}, as after a restore; read it \
                 again with --from start",
                self.space
            )),
            _ => reject.into(),
        }
    }

    /// Follows until the connection ends.
    async fn follow(&mut self, follower: &Follower) -> End {
        let mut wire = match follower.open().await {
            Ok(wire) => wire,
            Err(lost) => return lost.into(),
        };
        if let Err(end) = self.subscribe(&mut wire).await {
            return end;
        }
        loop {
            let took = match wire.next().await {
                Ok(frame) => self.take(frame),
                Err(lost) => Err(lost.into()),
            };
            if let Err(end) = took {
                return end;
            }
        }
    }

    async fn subscribe(&mut self, wire: &mut Wire) -> Result<(), End> {
        let start = match self.place {
            Some((epoch, after)) => Start::Follow { epoch: Some(epoch), after: Some(after) },
            None => self.start,
        };
        let (space, filter) = (self.space.clone(), self.filter.clone());
        Ok(wire.send(&ClientFrame::Subscribe { space, filter, start }).await?)
    }

    /// Prints what a frame brings.
    fn take(&mut self, frame: HubFrame) -> Result<(), End> {
        match frame {
            HubFrame::Subscribed { head, .. } if self.place.is_none() => {
                let after = match self.start {
                    Start::Follow { after: Some(after), .. } => after,
                    _ => head.sequence,
                };
                self.place = Some((head.epoch, after));
                note(format!("# {} from {}:{after}", self.space, head.epoch));
            }
            HubFrame::Changes { before, last, deltas, .. } => {
                let Some((epoch, place)) = self.place else {
                    return Err(Lost::Cut { why: "changes of nothing".into(), after: None }.into());
                };
                if before > place {
                    let why = "the hub skipped a part of the log".to_owned();
                    return Err(Lost::Cut { why, after: None }.into());
                }
                for applied in deltas.iter().filter(|applied| applied.sequence > place) {
                    self.print(applied)?;
                }
                self.out.flush()?;
                self.place = Some((epoch, place.max(last)));
            }
            HubFrame::Heartbeat { stretches, .. } => {
                let own = stretches.iter().filter(|stretch| stretch.space == self.space);
                for stretch in own {
                    if let Some((_, place)) = &mut self.place
                        && stretch.before <= *place
                    {
                        *place = stretch.last.max(*place);
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn print(&mut self, applied: &Applied) -> Result<(), Failure> {
        let line =
            if self.json { as_json(&self.space, applied).to_string() } else { plain(applied) };
        self.out.line(line)
    }
}

/// Between nothing and all of a pause, so that many who were cut off do not come back at once.
fn jitter(pause: Duration) -> Duration {
    let ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX).max(1);
    Duration::from_millis(random_u64() % ms)
}

/// A delta as one JSON object. Fields that were dropped stand in `dropped`, when there are any.
fn as_json(space: &SpaceName, applied: &Applied) -> Json {
    let change = &applied.delta.change;
    let (mut fields, mut dropped) = (Map::new(), Vec::new());
    let op = match &change.op {
        Op::Delete => "delete",
        Op::Put(put) => {
            for (name, value) in put.iter() {
                match value {
                    Some(value) => {
                        fields.insert(name.as_str().to_owned(), values::from_value(value));
                    }
                    None => dropped.push(name.as_str()),
                }
            }
            "put"
        }
    };
    let mut line = json!({
        "space": space.as_str(),
        "collection": change.collection.as_str(),
        "key": change.key.as_str(),
        "op": op,
        "fields": fields,
        "stamp": applied.delta.stamp.to_string(),
        "sequence": applied.sequence,
    });
    if !dropped.is_empty() {
        line["dropped"] = json!(dropped);
    }
    line
}

/// A delta for people: `12 put links/a title="A" -note`.
fn plain(applied: &Applied) -> String {
    let change = &applied.delta.change;
    let record = format!("{}/{}", change.collection, change.key);
    match &change.op {
        Op::Delete => format!("{} delete {record}", applied.sequence),
        Op::Put(fields) => {
            let field = |(name, value): (_, Option<&_>)| match value {
                Some(value) => format!("{name}={}", values::from_value(value)),
                None => format!("-{name}"),
            };
            let fields: Vec<String> = fields.iter().map(field).collect();
            format!("{} put {record} {}", applied.sequence, fields.join(" "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syncline_protocol::{
        Change, CollectionName, FieldName, HlcTime, RecordKey, ReplicaId, Stamp, Value,
    };

    #[test]
    fn places_are_words_or_an_epoch_and_a_sequence() {
        assert_eq!("start".parse(), Ok(From::Start));
        assert_eq!("00000000000000ff:12".parse(), Ok(From::After(Epoch(255), 12)));
        for wrong in ["", "ff:12", "00000000000000ff", "00000000000000ff:", "later"] {
            assert!(wrong.parse::<From>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_delta_has_its_seven_names() {
        let field = |name, value| (FieldName::new(name).unwrap(), value);
        let fields = vec![field("b", None), field("a", Some(Value::from(true)))];
        let (collection, key) = (CollectionName::new("c").unwrap(), RecordKey::new("k").unwrap());
        let change = Change::put(collection, key, fields).unwrap();
        let stamp = Stamp::new(HlcTime::from_millis(5), ReplicaId::from_random(3));
        let put = Applied { sequence: 9, delta: change.clone().stamped(stamp) };
        let space = SpaceName::new("s").unwrap();
        let json = as_json(&space, &put);
        let names: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
        let known = ["space", "collection", "key", "op", "fields", "stamp", "sequence", "dropped"];
        assert_eq!(names, known);
        assert_eq!((&json["fields"], &json["dropped"]), (&json!({ "a": true }), &json!(["b"])));
        assert_eq!(plain(&put), "9 put c/k a=true -b");
        let delete = Change::delete(change.collection, change.key).stamped(stamp);
        let delete = Applied { sequence: 10, delta: delete };
        assert_eq!(as_json(&space, &delete)["op"], "delete");
        assert_eq!(plain(&delete), "10 delete c/k");
    }
}
