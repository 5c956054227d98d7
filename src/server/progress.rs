//! The progress of a lab as a file to keep.

use axum::{
    extract::{Path, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{Shared, translate};
use crate::lab::LabHandle;

/// The name that the file has wherever it is kept.
pub(super) const FILE: &str = "progress.json";

/// What happened in a lab so far, as the file's text; nothing where the lab has ended.
pub(super) async fn text(lab: &LabHandle) -> Option<String> {
    let (snapshot, progress) = lab.progress().await.ok()?;
    Some(translate::text(&translate::progress::file(
        &snapshot, &progress,
    )))
}

/// Answers with what happened in a lab that runs. Asking starts none.
pub(super) async fn download(State(server): State<Shared>, Path(name): Path<String>) -> Response {
    let Some(lab) = server.labs.running(&name) else {
        return (StatusCode::NOT_FOUND, "no such lab runs\n").into_response();
    };
    let Some(text) = text(&lab).await else {
        return (StatusCode::NOT_FOUND, "the lab has ended\n").into_response();
    };
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::from_static("attachment; filename=\"progress.json\""),
        ),
    ];
    (headers, text).into_response()
}
