//! Links as QR codes, for a room to point its phones at.

use axum::{
    extract::Query,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use qrcode::{EcLevel, QrCode, render::svg::Color};
use serde::Deserialize;

/// The longest text that is drawn; longer ones make codes that no phone reads across a room.
const MAX_TEXT_BYTES: usize = 512;

/// What is to be drawn.
#[derive(Debug, Deserialize)]
pub(super) struct Text {
    text: String,
}

/// Draws a text as an SVG image.
pub(super) async fn draw(Query(Text { text }): Query<Text>) -> Response {
    let text = Some(text).filter(|text| text.len() <= MAX_TEXT_BYTES);
    let code = text.and_then(|text| QrCode::with_error_correction_level(text, EcLevel::M).ok());
    let Some(code) = code else {
        let message = format!("a QR code here holds at most {MAX_TEXT_BYTES} bytes\n");
        return (StatusCode::BAD_REQUEST, message).into_response();
    };
    let image = code
        .render()
        .min_dimensions(256, 256)
        .dark_color(Color("#000"))
        // The white around the code is part of it: readers need it in dark themes too.
        .light_color(Color("#fff"))
        .build();
    let about = [
        (header::CONTENT_TYPE, "image/svg+xml"),
        // It shows a secret.
        (header::CACHE_CONTROL, "no-store"),
    ];
    (about, image).into_response()
}
