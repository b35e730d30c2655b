//! Plain TCP connections to systems with a protocol of their own, driven by hand.
//!
//! Their client libraries hand out messages one by one, through channels and without the bytes that
//! came: one such client costs more than the server that it measures, and a hundred of them take
//! the processors from it. Here a [`Dialect`] only finds where messages end, and what came is
//! handed out in the runs that it came in. It knows no rule of any system.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, Interest};
use tokio::net::{TcpSocket, TcpStream};

use super::{Arrival, Failure, Link, Place, source};
use crate::workload::Write;

/// Room for one read.
const READ_BYTES: usize = 32 * 1024;

/// Connects from one of several loopback addresses: one has not enough ports for all.
pub(crate) async fn connect(address: SocketAddr) -> Result<TcpStream, Failure> {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let socket = TcpSocket::new_v4()?;
    if address.ip().is_loopback() {
        socket.bind(source(NEXT.fetch_add(1, Ordering::Relaxed)))?;
    }
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A TCP connection with what has come and what is to go.
#[derive(Debug)]
pub(super) struct Wire {
    tcp: TcpStream,
    /// What has come and is not understood yet.
    pub(super) input: BytesMut,
    /// What is to go with the next flush.
    pub(super) output: BytesMut,
}

impl Wire {
    /// Connects.
    pub(super) async fn connect(address: SocketAddr) -> Result<Self, Failure> {
        let tcp = connect(address).await?;
        Ok(Self { tcp, input: BytesMut::new(), output: BytesMut::new() })
    }

    /// Sends all that is to go, and takes meanwhile what comes: a server that waits for us to read
    /// would never read what we write.
    pub(super) async fn flush(&mut self) -> Result<(), Failure> {
        while !self.output.is_empty() {
            self.input.reserve(READ_BYTES);
            let (mut reading, mut writing) = self.tcp.split();
            tokio::select! {
                biased;
                sent = writing.write_buf(&mut self.output) => drop(sent?),
                read = reading.read_buf(&mut self.input) => came(read?)?,
            }
        }
        Ok(())
    }

    /// Sends what can go without waiting: an answer that waits for the next read may come too late.
    fn nudge(&mut self) -> Result<(), Failure> {
        if !self.output.is_empty()
            && let Some(sent) = would_block(self.tcp.try_write(&self.output))?
        {
            self.output.advance(sent);
        }
        Ok(())
    }

    /// Waits until more has come; sends meanwhile what is to go. May be dropped and asked again.
    pub(super) async fn fill(&mut self) -> Result<(), Failure> {
        self.input.reserve(READ_BYTES);
        loop {
            let idle = self.output.is_empty();
            let wish =
                if idle { Interest::READABLE } else { Interest::READABLE | Interest::WRITABLE };
            let ready = self.tcp.ready(wish).await?;
            if ready.is_writable() {
                self.nudge()?;
            }
            if ready.is_readable()
                && let Some(read) = would_block(self.tcp.try_read_buf(&mut self.input))?
            {
                return came(read);
            }
        }
    }
}

fn came(bytes: usize) -> Result<(), Failure> {
    if bytes == 0 { Err(Failure::new("it hung up")) } else { Ok(()) }
}

fn would_block(result: std::io::Result<usize>) -> Result<Option<usize>, Failure> {
    match result {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// One message of a protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    /// It may hold marks of writes.
    Data,
    /// It acknowledges what [`Dialect::push`] counted, so many of it.
    Ack(usize),
    /// Nothing that counts.
    Other,
}

/// What one system says on its wire.
pub(super) trait Dialect: Send {
    /// What is said first, on a connection that is agreed.
    fn begin(&mut self, _output: &mut BytesMut) {}

    /// Puts a push on the wire; says how many acks it will have.
    fn push(&mut self, writes: &[Write], output: &mut BytesMut) -> Result<usize, Failure>;

    /// The message that the input begins with and its length, when it is there as a whole. What the
    /// system wants in answer goes to the output.
    fn piece(
        &mut self,
        input: &[u8],
        output: &mut BytesMut,
    ) -> Result<Option<(usize, Piece)>, Failure>;

    /// Shows that the connection lives.
    fn alive(&mut self, output: &mut BytesMut);

    /// How far it has read, if it listens and can resume.
    fn place(&self) -> Option<Place>;
}

/// A link that speaks a dialect.
pub(super) struct Spoken<D> {
    wire: Wire,
    dialect: D,
    unacked: Unacked,
}

impl<D: Dialect> Spoken<D> {
    /// A link on a connection that is agreed.
    pub(super) fn new(wire: Wire, dialect: D) -> Self {
        Self { wire, dialect, unacked: Unacked::default() }
    }

    /// Says what is said first.
    pub(super) async fn begin(&mut self) -> Result<(), Failure> {
        self.dialect.begin(&mut self.wire.output);
        self.wire.flush().await
    }

    /// All messages that have come as a whole.
    fn take(&mut self) -> Result<Option<Arrival>, Failure> {
        let Wire { input, output, .. } = &mut self.wire;
        let (mut end, mut has_data) = (0, false);
        while let Some((length, piece)) = self.dialect.piece(&input[end..], output)? {
            end += length;
            match piece {
                Piece::Data => has_data = true,
                Piece::Ack(acks) => self.unacked.ack(acks),
                Piece::Other => {}
            }
        }
        let bytes = input.split_to(end).freeze();
        if has_data {
            return Ok(Some(Arrival::Bytes(bytes)));
        }
        let acked = self.unacked.take();
        Ok(match (acked.is_empty(), end) {
            (false, _) => Some(Arrival::Acked(acked)),
            (true, 0) => None,
            (true, _) => Some(Arrival::Nothing),
        })
    }
}

#[async_trait]
impl<D: Dialect> Link for Spoken<D> {
    async fn feed(&mut self, writes: &[Write]) -> Result<(), Failure> {
        let acks = self.dialect.push(writes, &mut self.wire.output)?;
        self.unacked.push(acks);
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Failure> {
        self.wire.flush().await
    }

    async fn next(&mut self) -> Result<Arrival, Failure> {
        loop {
            if let Some(arrival) = self.take()? {
                self.wire.nudge()?;
                return Ok(arrival);
            }
            self.wire.fill().await?;
        }
    }

    async fn alive(&mut self) -> Result<(), Failure> {
        self.dialect.alive(&mut self.wire.output);
        self.wire.flush().await
    }

    fn place(&self) -> Option<Place> {
        self.dialect.place()
    }
}

/// Which pushes are acknowledged, where a system acknowledges in the order of the writing.
#[derive(Debug, Default)]
pub(super) struct Unacked {
    /// Acks that each push still waits for, the oldest first.
    waiting: VecDeque<usize>,
    /// The number of that oldest one.
    first: u64,
    done: Vec<u64>,
}

impl Unacked {
    /// A push that will have so many acks.
    pub(super) fn push(&mut self, acks: usize) {
        self.waiting.push_back(acks);
    }

    /// So many acks have come.
    pub(super) fn ack(&mut self, mut acks: usize) {
        while acks > 0
            && let Some(waits) = self.waiting.front_mut()
        {
            let some = acks.min(*waits);
            *waits -= some;
            acks -= some;
            if *waits == 0 {
                self.waiting.pop_front();
                self.done.push(self.first);
                self.first += 1;
            }
        }
    }

    /// The pushes that are acknowledged as a whole and have not been told of.
    pub(super) fn take(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_is_acknowledged_when_all_of_it_is() {
        let mut unacked = Unacked::default();
        [3, 1, 2].into_iter().for_each(|acks| unacked.push(acks));
        unacked.ack(2);
        assert!(unacked.take().is_empty());
        unacked.ack(3);
        assert_eq!(unacked.take(), [0, 1]);
        unacked.ack(1);
        assert_eq!(unacked.take(), [2]);
        // One too many belongs to no push.
        unacked.ack(1);
        assert!(unacked.take().is_empty());
    }
}
