//! The progress of a lab as a file to keep.

use axum::{
    extract::{Path, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{Shared, translate};

/// Answers with what happened in a lab that runs. Asking starts none.
pub(super) async fn download(State(server): State<Shared>, Path(name): Path<String>) -> Response {
    let Some(lab) = server.labs.running(&name) else {
        return (StatusCode::NOT_FOUND, "no such lab runs\n").into_response();
    };
    let Ok((snapshot, progress)) = lab.progress().await else {
        return (StatusCode::NOT_FOUND, "the lab has ended\n").into_response();
    };
    let file = translate::progress::file(&snapshot, &progress);
    let text = translate::text(&file);
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
