//! Mosquitto: an MQTT topic a record, with the last message of each retained.
//!
//! MQTT 5 (OASIS, 2019) at QoS 1: each message is acknowledged by itself, in order. A newcomer gets
//! what is retained; whoever comes back takes up the session that the broker has kept and filled
//! for it. Spoken by hand: see `wire.rs`.

use std::net::SocketAddr;
use std::path::PathBuf;

use async_trait::async_trait;
use bytes::{BufMut as _, BytesMut};
use tokio::process::Command;

use super::wire::{Dialect, Piece, Spoken, Wire};
use super::{Ability, Failure, Link, Listening, Place, Running, Site, Target, program};
use crate::process::{Server, free_address};
use crate::workload::Write;

/// How to install it.
const INSTALL: &str = "apt-get install mosquitto";
/// Seconds that the broker keeps a session for one who went.
const SESSION_S: u32 = 3600;
/// Seconds of silence after which the broker hangs up, at one and a half times.
const KEEP_ALIVE_S: u16 = 60;

/// Packets, by the four bits that they begin with.
const CONNACK: u8 = 2;
const PUBLISH: u8 = 3;
const PUBACK: u8 = 4;
const SUBACK: u8 = 9;
const DISCONNECT: u8 = 14;
/// QoS 1 and retained.
const PUBLISH_RETAINED: u8 = 0x33;
/// From this reason on something is wrong.
const REFUSED: u8 = 0x80;

/// Mosquitto with persistence.
pub(crate) struct Mosquitto;

#[async_trait]
impl Target for Mosquitto {
    fn name(&self) -> &'static str {
        "mosquitto"
    }

    fn acknowledges(&self) -> &'static str {
        "in memory: all of it is written to the disk every minute; each write by itself"
    }

    fn is_durable(&self) -> bool {
        false
    }

    fn can(&self, _: Ability) -> Result<(), &'static str> {
        Ok(())
    }

    fn note(&self) -> Option<&'static str> {
        Some(
            "who resumes takes up a session that the broker has kept for it, and gets all that was \
             queued there, superseded or not; a session that it does not know begins anew",
        )
    }

    fn installed(&self) -> Result<(), String> {
        program::found("mosquitto", INSTALL).map(drop)
    }

    async fn start(&self, site: &Site) -> Result<Box<dyn Running>, Failure> {
        let program = program::found("mosquitto", INSTALL).map_err(Failure::new)?;
        let (address, folder) = (free_address()?, site.folder.path());
        // Nothing is dropped for a slow reader, and nothing waits for a window of twenty. As root
        // it would become another user, who may not write here.
        let config = format!(
            "listener {} {}\nallow_anonymous true\nuser root\npersistence true\n\
             persistence_location {}/\nautosave_interval 60\nmax_inflight_messages 0\n\
             max_queued_messages 0\nset_tcp_nodelay true\nlog_dest stderr\nlog_type error\n",
            address.port(),
            address.ip(),
            folder.display(),
        );
        let file = folder.join("mosquitto.conf");
        std::fs::write(&file, config)?;
        let mut command = Command::new(&program);
        command.arg("-c").arg(file);
        let mut server = Server::start(command, &folder.join("log"))?;
        server.listens(address).await?;
        Ok(Box::new(RunningMosquitto { server, address, program }))
    }
}

struct RunningMosquitto {
    server: Server,
    address: SocketAddr,
    program: PathBuf,
}

#[async_trait]
impl Running for RunningMosquitto {
    fn version(&self) -> String {
        program::said(&self.program, "-h")
    }

    fn processes(&self) -> Vec<u32> {
        vec![self.server.id()]
    }

    async fn link(&self, channel: &str, listening: Listening) -> Result<Box<dyn Link>, Failure> {
        let mut wire = Wire::connect(self.address).await?;
        let known = match &listening {
            Listening::After(Place(place)) => place.first().copied(),
            _ => None,
        };
        let session = known.unwrap_or_else(rand::random);
        let listens = !matches!(listening, Listening::Nothing);
        connect(&mut wire.output, session, known.is_some(), listens);
        let connack = answer(&mut wire, CONNACK).await?;
        if known.is_some() && connack.first() != Some(&1) {
            return Err(Failure::new("the broker has forgotten the session"));
        }
        let retained = match listening {
            Listening::All => Some(true),
            Listening::New => Some(false),
            Listening::Nothing | Listening::After(_) => None,
        };
        if let Some(retained) = retained {
            subscribe(&mut wire.output, channel, retained);
            answer(&mut wire, SUBACK).await?;
        }
        let session = listens.then_some(session);
        let channel = channel.to_owned();
        Ok(Box::new(Spoken::new(wire, MosquittoDialect { channel, session, packet: 0 })))
    }

    async fn stop(self: Box<Self>) {
        self.server.stop().await;
    }
}

/// Begins a session or takes up one that is known.
fn connect(output: &mut BytesMut, session: u64, is_known: bool, is_kept: bool) {
    let id = format!("bench-{session:016x}");
    let mut body = BytesMut::new();
    text(&mut body, "MQTT");
    body.put_u8(5);
    // Whether what the broker knows of the session is to be forgotten.
    body.put_u8(if is_known { 0 } else { 2 });
    body.put_u16(KEEP_ALIVE_S);
    // Properties: how long the session is kept, and how many messages may wait for their acks.
    body.put_u8(8);
    body.put_u8(0x11);
    body.put_u32(if is_kept { SESSION_S } else { 0 });
    body.put_u8(0x21);
    body.put_u16(u16::MAX);
    text(&mut body, &id);
    packet(output, 0x10, &body);
}

/// Subscribes to all records of a channel, with what is retained or without.
fn subscribe(output: &mut BytesMut, channel: &str, retained: bool) {
    let mut body = BytesMut::new();
    body.put_u16(1);
    body.put_u8(0);
    text(&mut body, &format!("{channel}/#"));
    // QoS 1; retained messages now, or never.
    body.put_u8(if retained { 0x01 } else { 0x21 });
    packet(output, 0x82, &body);
}

fn text(body: &mut BytesMut, text: &str) {
    body.put_u16(u16::try_from(text.len()).unwrap_or(u16::MAX));
    body.extend_from_slice(text.as_bytes());
}

fn packet(output: &mut BytesMut, first: u8, body: &[u8]) {
    output.put_u8(first);
    let mut length = body.len();
    loop {
        let low = u8::try_from(length & 0x7f).unwrap_or(0);
        length >>= 7;
        output.put_u8(if length > 0 { low | 0x80 } else { low });
        if length == 0 {
            break;
        }
    }
    output.extend_from_slice(body);
}

/// Waits for the answer of this kind, which must be the first that comes, and leaves what follows.
async fn answer(wire: &mut Wire, kind: u8) -> Result<Vec<u8>, Failure> {
    wire.flush().await?;
    loop {
        if let Some(packet) = Packet::parse(&wire.input)? {
            let (found, body, length) = (packet.kind(), packet.body.to_vec(), packet.length);
            drop(wire.input.split_to(length));
            // A CONNACK holds its reason behind a flag, a SUBACK at its end.
            let reason = if kind == CONNACK { body.get(1) } else { body.last() };
            return match reason {
                Some(reason) if found == kind && *reason < REFUSED => Ok(body),
                _ => Err(Failure::new(format!("it answered with {found}: {body:02x?}"))),
            };
        }
        wire.fill().await?;
    }
}

/// A packet as it came.
struct Packet<'a> {
    first: u8,
    body: &'a [u8],
    /// Bytes of all of it.
    length: usize,
}

impl<'a> Packet<'a> {
    /// The packet that the input begins with, when it is there as a whole.
    fn parse(input: &'a [u8]) -> Result<Option<Self>, Failure> {
        let (mut size, mut begin) = (0_usize, 1);
        loop {
            let Some(byte) = input.get(begin) else { return Ok(None) };
            if begin > 4 {
                return Err(Failure::new("not MQTT: a length of five bytes"));
            }
            size |= usize::from(byte & 0x7f) << (7 * (begin - 1));
            begin += 1;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let body = input.get(begin..begin + size);
        Ok(body.map(|body| Self { first: input[0], body, length: begin + size }))
    }

    fn kind(&self) -> u8 {
        self.first >> 4
    }

    /// The number to acknowledge, of a message at QoS 1.
    fn id(&self) -> Option<[u8; 2]> {
        let topic = usize::from(u16::from_be_bytes(self.body.get(..2)?.try_into().ok()?));
        let id = self.body.get(2 + topic..4 + topic)?.try_into().ok()?;
        (self.first & 0x06 == 0x02).then_some(id)
    }
}

/// A link's words. The session is that of one who listens.
struct MosquittoDialect {
    channel: String,
    session: Option<u64>,
    /// The number of the last packet that was sent.
    packet: u16,
}

impl MosquittoDialect {
    /// Numbers go from 1 on, and round.
    fn number(&mut self) -> u16 {
        self.packet = self.packet.checked_add(1).unwrap_or(1);
        self.packet
    }
}

impl Dialect for MosquittoDialect {
    fn push(&mut self, writes: &[Write], output: &mut BytesMut) -> Result<usize, Failure> {
        let mut body = BytesMut::new();
        for write in writes {
            body.clear();
            text(&mut body, &format!("{}/{}", self.channel, write.key()));
            body.put_u16(self.number());
            body.put_u8(0);
            // A retained message without content ends the one before.
            if !write.deletes {
                body.extend_from_slice(&write.payload());
            }
            packet(output, PUBLISH_RETAINED, &body);
        }
        Ok(writes.len())
    }

    fn piece(
        &mut self,
        input: &[u8],
        output: &mut BytesMut,
    ) -> Result<Option<(usize, Piece)>, Failure> {
        let Some(message) = Packet::parse(input)? else { return Ok(None) };
        let piece = match message.kind() {
            PUBLISH => {
                if let Some(id) = message.id() {
                    output.extend_from_slice(&[PUBACK << 4, 2, id[0], id[1]]);
                }
                Piece::Data
            }
            // A reason comes only with properties or when it is not plain success.
            PUBACK if message.body.get(2).is_none_or(|reason| *reason < REFUSED) => Piece::Ack(1),
            PUBACK | DISCONNECT => {
                return Err(Failure::new(format!("it refused: {:02x?}", message.body)));
            }
            _ => Piece::Other,
        };
        Ok(Some((message.length, piece)))
    }

    fn alive(&mut self, output: &mut BytesMut) {
        output.extend_from_slice(&[0xc0, 0]);
    }

    fn place(&self) -> Option<Place> {
        Some(Place(vec![self.session?]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dialect() -> MosquittoDialect {
        MosquittoDialect { channel: "bench".to_owned(), session: Some(1), packet: u16::MAX - 1 }
    }

    #[test]
    fn packets_are_told_apart_however_they_are_cut() {
        let mut input = BytesMut::new();
        packet(&mut input, 0x33, &[&[0, 1, b'a', 0, 7, 0][..], &[b'x'; 200]].concat());
        packet(&mut input, 0x40, &[0, 9]);
        packet(&mut input, 0xd0, &[]);
        for cut in 0..=input.len() {
            let (mut dialect, mut output) = (dialect(), BytesMut::new());
            let (mut found, mut begin) = (Vec::new(), 0);
            for end in [cut, input.len()] {
                while let Some((length, piece)) =
                    dialect.piece(&input[begin..end], &mut output).unwrap()
                {
                    found.push(piece);
                    begin += length;
                }
            }
            assert_eq!(found, [Piece::Data, Piece::Ack(1), Piece::Other], "cut at {cut}");
            assert_eq!(output[..], [0x40, 2, 0, 7]);
        }
    }

    #[test]
    fn refusals_are_failures() {
        let mut output = BytesMut::new();
        assert!(dialect().piece(&[0x40, 3, 0, 9, 0x97], &mut output).is_err());
        assert!(dialect().piece(&[0xe0, 1, 0x8e], &mut output).is_err());
        assert!(dialect().piece(&[0x30, 0xff, 0xff, 0xff, 0xff, 1], &mut output).is_err());
    }

    #[test]
    fn packets_are_never_numbered_0() {
        let mut dialect = dialect();
        assert_eq!([dialect.number(), dialect.number()], [u16::MAX, 1]);
    }
}
