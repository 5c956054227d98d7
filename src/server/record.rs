//! What one takes away from a lab: its transcript and the recordings of its terminals. Only who has
//! the server's own token gets here, and nobody who came by a link.

use std::{fs::File, io};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use futures_util::stream;
use serde::Deserialize;
use tokio::io::AsyncReadExt;

use super::{Shared, no_lab, page, progress};
use crate::lab::{
    Record,
    record::{NoOutput, plain},
};

/// How much of a file is in memory while it is sent.
const PIECE_BYTES: usize = 64 * 1024;

const MARKDOWN: &str = "text/markdown; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const ARCHIVE: &str = "application/zip";
const CAST: &str = "application/x-asciicast";

/// Nobody keeps what may hold secrets, and the next one is another.
const NO_STORE: (header::HeaderName, &str) = (header::CACHE_CONTROL, "no-store");

pub(super) fn router(base: &str) -> Router<Shared> {
    let lab = format!("{base}labs/{{name}}");
    Router::new()
        .route(&format!("{lab}/transcript.md"), get(transcript))
        .route(&format!("{lab}/transcript.zip"), get(archive))
        .route(&format!("{lab}/casts/{{cast}}"), get(cast))
        .route(&format!("{lab}/output"), get(output))
}

async fn transcript(State(server): State<Shared>, Path(name): Path<String>) -> Response {
    let write = |record: &Record, file: &mut File| {
        let mut out = io::BufWriter::new(file);
        record.write_transcript(&mut out)?;
        io::Write::flush(&mut out)
    };
    export(&server, &name, "transcript.md", MARKDOWN, write).await
}

async fn archive(State(server): State<Shared>, Path(name): Path<String>) -> Response {
    let lab = server.labs.running(&name);
    let progress = match &lab {
        Some(lab) => progress::text(lab).await,
        None => None,
    };
    let write = move |record: &Record, file: &mut File| {
        let progress = progress.as_deref().map(|text| (progress::FILE, text));
        record.write_archive(progress, file)
    };
    export(&server, &name, "transcript.zip", ARCHIVE, write).await
}

async fn cast(
    State(server): State<Shared>,
    Path((name, cast)): Path<(String, String)>,
) -> Response {
    let file_name = cast.clone();
    let write = move |record: &Record, file: &mut File| {
        let names = record.cast_names();
        let Some(terminal) = names.iter().position(|name| *name == cast) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let mut out = io::BufWriter::new(file);
        record.write_cast(terminal, &mut out)?;
        io::Write::flush(&mut out)
    };
    export(&server, &name, &file_name, CAST, write).await
}

/// Which block's output is wanted.
#[derive(Debug, Deserialize)]
struct Which {
    step: String,
    block: usize,
}

async fn output(
    State(server): State<Shared>,
    Path(name): Path<String>,
    Query(Which { step, block }): Query<Which>,
) -> Response {
    let Some(record) = record(&server, &name).await else {
        return no_lab(&server, &name);
    };
    let reading = tokio::task::spawn_blocking(move || record.output(&step, block));
    let about = [NO_STORE, (header::CONTENT_TYPE, TEXT)];
    match reading.await {
        Ok(Ok(text)) => (about, text).into_response(),
        Ok(Err(error @ NoOutput::Unreadable(_))) => {
            tracing::warn!(%error, "recording unreadable");
            (StatusCode::INTERNAL_SERVER_ERROR, about, error.to_string()).into_response()
        }
        Ok(Err(error)) => (StatusCode::NOT_FOUND, about, error.to_string()).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// What happened in a lab; nothing where none runs under that name.
async fn record(server: &Shared, name: &str) -> Option<Record> {
    // Nobody starts a lab by asking what happened in it.
    server.labs.running(name)?.record().await.ok()
}

/// Sends what `write` writes as a file to be saved.
async fn export(
    server: &Shared,
    name: &str,
    file_name: &str,
    content_type: &'static str,
    write: impl FnOnce(&Record, &mut File) -> io::Result<()> + Send + 'static,
) -> Response {
    let Some(record) = record(server, name).await else {
        return no_lab(server, name);
    };
    let saved_as = plain(&format!("{}-{file_name}", record.name()));
    let writing = tokio::task::spawn_blocking(move || {
        let mut file = tempfile::tempfile()?;
        write(&record, &mut file)?;
        let length = file.metadata()?.len();
        io::Seek::rewind(&mut file)?;
        Ok::<_, io::Error>((file, length))
    });
    match writing.await {
        Ok(Ok((file, length))) => {
            let about = [
                (header::CACHE_CONTROL, "no-store".to_owned()),
                (header::CONTENT_TYPE, content_type.to_owned()),
                (header::CONTENT_LENGTH, length.to_string()),
                (
                    header::CONTENT_DISPOSITION,
                    format!("attachment; filename=\"{saved_as}\""),
                ),
            ];
            (about, body(file)).into_response()
        }
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => page::message(
            StatusCode::NOT_FOUND,
            &server.base_path,
            "No such recording",
            "The lab has no terminal of that name.",
            "The archive, transcript.zip, has all recordings.",
        ),
        Ok(Err(error)) => {
            tracing::warn!(%error, "export failed");
            failed(server)
        }
        Err(_) => failed(server),
    }
}

fn failed(server: &Shared) -> Response {
    page::message(
        StatusCode::INTERNAL_SERVER_ERROR,
        &server.base_path,
        "Not written",
        "The transcript could not be written.",
        "Make room in the server's temporary folder, then try again.",
    )
}

/// Reads a file piece by piece.
fn body(file: File) -> Body {
    let file = tokio::fs::File::from_std(file);
    Body::from_stream(stream::unfold(file, |mut file| async move {
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        match file.read_buf(&mut piece).await {
            Ok(0) => None,
            Ok(_) => Some((Ok(Bytes::from(piece)), file)),
            Err(error) => Some((Err(error), file)),
        }
    }))
}
