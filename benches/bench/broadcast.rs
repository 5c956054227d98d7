//! The limit of an audience: a shell whose output goes over plain TCP to all who are connected.
//!
//! No WebSocket, no frames, no flow control but TCP's. All output is kept, so that everybody gets
//! all of it.

use std::{
    io::IoSlice,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::{Buf, Bytes};
use katahost::terminal::pty::{Pty, READ_BYTES, Read};
use portable_pty::CommandBuilder;
use tokio::{
    io::AsyncReadExt,
    io::AsyncWriteExt,
    net::{
        TcpListener,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

use crate::{Fault, fixture::SHELL};

/// The argument that makes this program the broadcaster.
pub(crate) const MODE: &str = "broadcast-server";

/// How many pieces one write takes.
const PIECES: usize = 16;

/// What the shell wrote.
#[derive(Debug, Default)]
struct Past {
    pieces: Mutex<Vec<Bytes>>,
    grown: watch::Sender<usize>,
}

pub(crate) async fn serve(port: u16) -> Result<(), Fault> {
    let mut command = CommandBuilder::new(SHELL);
    command.env("TERM", "xterm-256color");
    let pty = Arc::new(Pty::spawn(command, 80, 24)?);
    let past = Arc::new(Past::default());
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    tokio::spawn(read(pty.clone(), past.clone()));
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let (reader, writer) = socket.into_split();
        tokio::spawn(send(writer, past.clone()));
        tokio::spawn(receive(reader, pty.clone()));
    }
}

async fn read(pty: Arc<Pty>, past: Arc<Past>) {
    while pty.readable().await.is_ok() {
        match pty.read(READ_BYTES) {
            Read::Bytes(bytes) => {
                let mut pieces = past.pieces.lock().unwrap_or_else(PoisonError::into_inner);
                pieces.push(bytes);
                past.grown.send_replace(pieces.len());
            }
            Read::Pending => {}
            Read::End => break,
        }
    }
}

async fn send(mut writer: OwnedWriteHalf, past: Arc<Past>) {
    let mut grown = past.grown.subscribe();
    let mut sent = 0;
    loop {
        let mut next: Vec<Bytes> = {
            let pieces = past.pieces.lock().unwrap_or_else(PoisonError::into_inner);
            pieces.iter().skip(sent).take(PIECES).cloned().collect()
        };
        sent += next.len();
        if next.is_empty() && grown.wait_for(|count| *count > sent).await.is_err() {
            return;
        }
        while next.iter().any(|piece| !piece.is_empty()) {
            let slices: Vec<IoSlice> = next.iter().map(|piece| IoSlice::new(piece)).collect();
            let Ok(mut written) = writer.write_vectored(&slices).await else {
                return;
            };
            for piece in &mut next {
                let part = written.min(piece.len());
                piece.advance(part);
                written -= part;
            }
        }
    }
}

async fn receive(mut reader: OwnedReadHalf, pty: Arc<Pty>) {
    let mut buffer = [0; 1024];
    while let Ok(length @ 1..) = reader.read(&mut buffer).await {
        if pty.writable().await.is_err() || pty.write(&buffer[..length]).is_err() {
            return;
        }
    }
}
