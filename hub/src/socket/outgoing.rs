//! Frames on their way into one socket, each as a WebSocket message (RFC 6455, section 5.2). They
//! are written from where they lie, many at a time: what a thousand sessions share is never copied
//! for one of them.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

/// A header's bytes at most: without a mask, which only clients use.
const HEADER_MAX: usize = 10;
/// Pieces of one write to the socket: two for each frame.
const PIECES_MAX: usize = 128;
/// An empty queue keeps room for so many frames: idle sessions are many.
const KEPT: usize = 8;

/// Frames that wait to be written.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    frames: VecDeque<Frame>,
    /// Bytes of the first frame that have been written.
    written: usize,
    /// Bytes of all frames.
    bytes: usize,
}

#[derive(Debug)]
struct Frame {
    header: [u8; HEADER_MAX],
    header_bytes: usize,
    body: Bytes,
}

impl Outgoing {
    /// Puts a frame behind the others.
    pub(super) fn push(&mut self, body: Bytes) {
        let frame = Frame::new(body);
        self.bytes += frame.len();
        self.frames.push_back(frame);
    }

    /// The bytes that wait; at most a frame more.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Writes all that waits. What was written before it has to wait is not written again.
    ///
    /// # Errors
    /// The stream's; a stream that takes nothing more is closed.
    pub(super) fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.frames.is_empty() {
            let mut pieces = [IoSlice::new(&[]); PIECES_MAX];
            let count = self.pieces(&mut pieces);
            let taken = Pin::new(&mut *stream).poll_write_vectored(cx, &pieces[..count]);
            match ready!(taken)? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                taken => self.advance(taken),
            }
        }
        if self.frames.capacity() > KEPT {
            self.frames = VecDeque::new();
        }
        Poll::Ready(Ok(()))
    }

    /// The first frames, but for what has been written; gives how many pieces they are.
    fn pieces<'a>(&'a self, pieces: &mut [IoSlice<'a>; PIECES_MAX]) -> usize {
        let (mut skip, mut count) = (self.written, 0);
        for frame in self.frames.iter().take(PIECES_MAX / 2) {
            for part in [frame.header(), &frame.body] {
                let skipped = skip.min(part.len());
                skip -= skipped;
                if skipped < part.len() {
                    pieces[count] = IoSlice::new(&part[skipped..]);
                    count += 1;
                }
            }
        }
        count
    }

    fn advance(&mut self, taken: usize) {
        self.written += taken;
        while let Some(first) = self.frames.front()
            && self.written >= first.len()
        {
            self.written -= first.len();
            self.bytes -= first.len();
            self.frames.pop_front();
        }
    }
}

impl Frame {
    fn new(body: Bytes) -> Self {
        let opcode = OpCode::Data(Data::Binary);
        let (of, length) = (FrameHeader { opcode, ..FrameHeader::default() }, body.len() as u64);
        let mut header = [0; HEADER_MAX];
        of.format(length, &mut header.as_mut_slice()).expect("it fits, whatever the length");
        let header_bytes = of.len(length);
        Self { header, header_bytes, body }
    }

    fn header(&self) -> &[u8] {
        &self.header[..self.header_bytes]
    }

    fn len(&self) -> usize {
        self.header_bytes + self.body.len()
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use proptest::prelude::*;
    use tokio_tungstenite::tungstenite::protocol::frame::Frame as Library;

    use super::*;

    /// Takes so many bytes in each write, and nothing in every second one.
    struct Narrow {
        taken: Vec<u8>,
        most: usize,
        rests: bool,
    }

    impl AsyncWrite for Narrow {
        fn poll_write(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            pieces: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            self.rests = !self.rests;
            if self.rests {
                return Poll::Pending;
            }
            let mut room = self.most;
            for piece in pieces {
                let taken = piece.len().min(room);
                self.taken.extend_from_slice(&piece[..taken]);
                room -= taken;
            }
            Poll::Ready(Ok(self.most - room))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// Lengths around those at which a header grows, and others.
    fn length() -> impl Strategy<Value = usize> {
        prop_oneof![4 => 0..300_usize, 1 => 65_530..65_540_usize, 1 => 124..128_usize]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_written_is_what_the_library_writes(
            lengths in prop::collection::vec(length(), 0..150),
            most in prop_oneof![1_000..5_000_usize, Just(usize::MAX)],
        ) {
            let mut outgoing = Outgoing::default();
            let mut wanted = Vec::new();
            for (number, length) in lengths.into_iter().enumerate() {
                let body = Bytes::from(vec![number.to_le_bytes()[0]; length]);
                let frame = Library::message(body.clone(), OpCode::Data(Data::Binary), true);
                frame.format(&mut wanted).unwrap();
                outgoing.push(body);
            }
            prop_assert_eq!(outgoing.bytes(), wanted.len());
            let mut narrow = Narrow { taken: Vec::new(), most, rests: false };
            let mut cx = Context::from_waker(Waker::noop());
            while outgoing.poll_write(&mut narrow, &mut cx).is_pending() {}
            prop_assert!(outgoing.is_empty() && outgoing.bytes() == 0);
            prop_assert!(narrow.taken == wanted);
        }
    }

    #[test]
    fn a_stream_that_takes_nothing_more_is_an_error() {
        let mut outgoing = Outgoing::default();
        outgoing.push(Bytes::from_static(b"lost"));
        let mut narrow = Narrow { taken: Vec::new(), most: 0, rests: true };
        let mut cx = Context::from_waker(Waker::noop());
        let Poll::Ready(Err(error)) = outgoing.poll_write(&mut narrow, &mut cx) else {
            panic!("nothing was written");
        };
        assert_eq!(error.kind(), io::ErrorKind::WriteZero);
    }
}
