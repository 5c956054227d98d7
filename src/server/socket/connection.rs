//! The two ends of a client's connection (RFC 6455).
//!
//! The library reads, and makes the replies to pings and closes. Frames are written here, so that
//! what a terminal wrote goes from its journal to the system without a copy for each client.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use futures_util::{StreamExt, future::poll_fn};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf, ReadHalf, WriteHalf, split},
    sync::Notify,
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Message,
        protocol::{Role, WebSocketConfig},
    },
};

use crate::{protocol::MAX_CLIENT_MESSAGE_BYTES, server::limits::SEND_PATIENCE};

/// How much is read from a socket at once. Clients send little, and the library keeps as much for
/// each of them.
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// Payloads up to this size are copied behind their header: that costs less than another piece.
const COPIED_BYTES: usize = 1024;

/// How many pieces go into one system call; a frame of a terminal has about 16.
const PIECES: usize = 32;

/// How many bytes of replies may wait; with more, the library keeps its latest.
const REPLY_BYTES: usize = 1024;

/// What a frame holds (RFC 6455, section 5.2).
#[derive(Debug, Clone, Copy)]
enum Opcode {
    Text = 1,
    Binary = 2,
    Close = 8,
}

/// The end that reads.
#[derive(Debug)]
pub(super) struct Source(WebSocketStream<Inbound>);

/// The end that writes: frames are queued, and written by [`flush`](Self::flush).
#[derive(Debug)]
pub(super) struct Sink {
    write: WriteHalf<TokioIo<Upgraded>>,
    replies: Arc<Replies>,
    pieces: VecDeque<Bytes>,
    /// Where headers and small payloads are put together.
    scratch: BytesMut,
}

/// What the library reads from; what it writes waits for the sink, between whose frames it belongs.
#[derive(Debug)]
struct Inbound {
    read: ReadHalf<TokioIo<Upgraded>>,
    replies: Arc<Replies>,
}

#[derive(Debug)]
struct Replies {
    bytes: Mutex<BytesMut>,
    news: Arc<Notify>,
}

/// Takes over a connection. `news` is woken when there is a reply to flush.
pub(super) async fn open(upgraded: Upgraded, news: Arc<Notify>) -> (Sink, Source) {
    let (read, write) = split(TokioIo::new(upgraded));
    let replies = Arc::new(Replies {
        bytes: Mutex::default(),
        news,
    });
    let inbound = Inbound {
        read,
        replies: replies.clone(),
    };
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_CLIENT_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_CLIENT_MESSAGE_BYTES))
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0);
    let stream = WebSocketStream::from_raw_socket(inbound, Role::Server, Some(config)).await;
    let sink = Sink {
        write,
        replies,
        pieces: VecDeque::new(),
        scratch: BytesMut::new(),
    };
    (sink, Source(stream))
}

impl Source {
    /// The next message; nothing when the connection has ended.
    ///
    /// # Cancel safety
    ///
    /// No message is lost.
    pub(super) async fn next(&mut self) -> Option<Result<Message, tungstenite::Error>> {
        self.0.next().await
    }
}

impl Sink {
    /// Queues a text frame.
    pub(super) fn text(&mut self, text: String) {
        self.frame(Opcode::Text, &[], &[Bytes::from(text)]);
    }

    /// Queues a binary frame: a header, and a payload in pieces.
    pub(super) fn binary(&mut self, header: &[u8], payload: &[Bytes]) {
        self.frame(Opcode::Binary, header, payload);
    }

    /// Queues the end of the connection.
    pub(super) fn close(&mut self, code: u16, reason: &'static str) {
        let reason = Bytes::from_static(reason.as_bytes());
        self.frame(Opcode::Close, &code.to_be_bytes(), &[reason]);
    }

    fn frame(&mut self, opcode: Opcode, header: &[u8], payload: &[Bytes]) {
        let payload_bytes: usize = payload.iter().map(Bytes::len).sum();
        let length = header.len() + payload_bytes;
        // The last fragment, which is also the first.
        self.scratch.put_u8(0x80 | opcode as u8);
        match (u8::try_from(length), u16::try_from(length)) {
            (Ok(length @ ..126), _) => self.scratch.put_u8(length),
            (_, Ok(length)) => {
                self.scratch.put_u8(126);
                self.scratch.put_u16(length);
            }
            _ => {
                self.scratch.put_u8(127);
                self.scratch.put_u64(length as u64);
            }
        }
        self.scratch.put_slice(header);
        let copied = payload_bytes <= COPIED_BYTES;
        if copied {
            for piece in payload {
                self.scratch.put_slice(piece);
            }
        }
        self.pieces.push_back(self.scratch.split().freeze());
        if !copied {
            let pieces = payload.iter().filter(|piece| !piece.is_empty());
            self.pieces.extend(pieces.cloned());
        }
    }

    /// Writes all that is queued, and gives up on a client that takes nothing any more.
    ///
    /// # Cancel safety
    ///
    /// What was not written stays queued.
    ///
    /// # Errors
    ///
    /// The connection is broken, or the client reads nothing.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        let replies = self.replies.lock().split();
        if !replies.is_empty() {
            self.pieces.push_back(replies.freeze());
        }
        while !self.pieces.is_empty() {
            // The clock is only set when the client makes us wait.
            timeout(SEND_PATIENCE, poll_fn(|context| self.write(context))).await??;
        }
        // TLS may keep some of it until the client takes more.
        timeout(SEND_PATIENCE, self.write.flush()).await?
    }

    fn write(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut slices = [IoSlice::new(&[]); PIECES];
        let mut count = 0;
        for (slice, piece) in slices.iter_mut().zip(&self.pieces) {
            *slice = IoSlice::new(piece);
            count += 1;
        }
        let slices = slices.get(..count).unwrap_or_default();
        let written = Pin::new(&mut self.write).poll_write_vectored(context, slices);
        let mut written = std::task::ready!(written)?;
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        while let Some(piece) = self.pieces.front_mut() {
            if written < piece.len() {
                piece.advance(written);
                break;
            }
            written -= piece.len();
            self.pieces.pop_front();
        }
        Poll::Ready(Ok(()))
    }
}

impl Replies {
    fn lock(&self) -> MutexGuard<'_, BytesMut> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsyncRead for Inbound {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.read).poll_read(context, buffer)
    }
}

impl AsyncWrite for Inbound {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut replies = self.replies.lock();
        if replies.len() > REPLY_BYTES {
            // The library tries again with the next message it reads.
            return Poll::Pending;
        }
        replies.extend_from_slice(bytes);
        self.replies.news.notify_one();
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
