//! The limits: a loop that reads a pseudo-terminal, and a WebSocket with nothing around it.

use std::{
    io::{Read as _, Write as _},
    time::Instant,
};

use axum::{
    Router,
    extract::ws::{Message, WebSocket, WebSocketUpgrade},
    routing::get,
    serve::ListenerExt,
};
use futures_util::{SinkExt, StreamExt};
use katahost::terminal::pty::{Pty, READ_BYTES, Read};
use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use tokio::net::TcpListener;

use crate::{Fault, fixture::SHELL, machine::number, session::Marker};

/// The argument that makes this program the bare server.
pub(crate) const MODE: &str = "bare-server";

/// Serves a shell to each WebSocket: what a read gave is one frame. There is no flow control but
/// TCP's, no past, and no one else to serve.
pub(crate) async fn serve(port: u16) -> Result<(), Fault> {
    let app = Router::new().route(
        "/",
        get(|upgrade: WebSocketUpgrade| async { upgrade.on_upgrade(converse) }),
    );
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let listener = listener.tap_io(|socket| drop(socket.set_nodelay(true)));
    Ok(axum::serve(listener, app).await?)
}

async fn converse(socket: WebSocket) {
    let mut command = CommandBuilder::new(SHELL);
    command.env("TERM", "xterm-256color");
    let Ok(pty) = Pty::spawn(command, 80, 24) else {
        return;
    };
    let (mut sink, mut stream) = socket.split();
    let send = async {
        while pty.readable().await.is_ok() {
            match pty.read(READ_BYTES) {
                Read::Bytes(bytes) => {
                    if sink.send(Message::Binary(bytes)).await.is_err() {
                        break;
                    }
                }
                Read::Pending => {}
                Read::End => break,
            }
        }
    };
    let receive = async {
        while let Some(Ok(message)) = stream.next().await {
            if let Message::Binary(bytes) = message
                && (pty.writable().await.is_err() || pty.write(&bytes).is_err())
            {
                break;
            }
        }
    };
    tokio::select! {
        () = send => {}
        () = receive => {}
    }
    pty.hang_up();
}

/// Reads what `line` makes a shell write, as fast as the kernel gives it; MB a second.
pub(crate) fn read_loop(line: &str) -> Result<f64, Fault> {
    let pair = native_pty_system().openpty(PtySize {
        rows: 24,
        cols: 80,
        ..PtySize::default()
    })?;
    let mut child = pair.slave.spawn_command(CommandBuilder::new(SHELL))?;
    drop(pair.slave);
    let (mut reader, mut writer) = (pair.master.try_clone_reader()?, pair.master.take_writer()?);
    let mut buffer = vec![0; 64 * 1024];
    // The prompt.
    let _prompt = reader.read(&mut buffer)?;
    let began = Instant::now();
    writer.write_all(line.as_bytes())?;
    let mut marker = Marker::default();
    loop {
        let length = reader.read(&mut buffer)?;
        if marker.seen(&buffer[..length]) {
            break;
        }
    }
    let rate = number(marker.bytes) / 1e6 / began.elapsed().as_secs_f64();
    child.kill()?;
    child.wait()?;
    Ok(rate)
}
