//! The files of a scenario that its pages show: images, videos, scripts to read.

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use tower::ServiceExt;
use tower_http::services::ServeFile;

use crate::lab::Folder;

/// Scenario files are content of strangers: opened on their own, they run nothing and see nothing
/// of us.
const SANDBOX: HeaderValue = HeaderValue::from_static(
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; media-src 'self'",
);

/// Answers with the file at `path` inside `folder`, ranges and dates included.
pub(super) async fn serve(folder: &Folder, path: &str, request: Request) -> Response {
    let Some(file) = folder.asset(path) else {
        // With words, or a browser shows a page of its own for it.
        return (StatusCode::NOT_FOUND, "there is no such file in this lab\n").into_response();
    };
    let mut response = match ServeFile::new(file).oneshot(request).await {
        Ok(response) => response.map(Body::new),
        Err(never) => match never {},
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, SANDBOX);
    // An author's next version must show at once.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
