//! The HTTP server: routes, and who gets through to them.

pub mod assets;
pub mod auth;
mod feed;
mod files;
pub mod limits;
mod page;
mod pass;
mod progress;
mod qr;
mod record;
mod socket;
mod translate;
mod visit;

use std::{net::TcpListener, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header},
    middleware::{self, Next},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use axum_server::{
    Handle,
    accept::{TcpConfigAcceptor, TcpKeepaliveConfig, TcpSocketConfig},
    tls_rustls::{RustlsAcceptor, RustlsConfig},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower_http::{catch_panic::CatchPanicLayer, set_header::SetResponseHeaderLayer};

use self::{
    auth::{Gate, Refusal},
    limits::{HEAD_PATIENCE, MAX_SOCKETS, SEND_PATIENCE},
    pass::Pass,
};
use crate::{
    lab::{LabHandle, LabStore},
    protocol::SUBPROTOCOL,
};

/// How long open requests get when the server stops; sockets are closed before.
const GRACE: Duration = Duration::from_millis(500);

/// How much of what was written to a connection may wait in the system, beyond what is on its way:
/// what a slow client has not been sent yet is better not written, as newer bytes may replace it.
#[cfg(target_os = "linux")]
const UNSENT_BYTES: u32 = 128 * 1024;

/// What pages may load and run: only what this server sends. Styles may stand in attributes, as
/// real pages have them; images and videos may come from the network.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; \
    style-src 'self' 'unsafe-inline'; img-src 'self' https: http: data: blob:; \
    media-src 'self' https:; font-src 'self'; connect-src 'self'; \
    frame-src https://www.youtube.com https://www.youtube-nocookie.com; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'self'; require-trusted-types-for 'script'; \
    trusted-types katahost dompurify default";

/// Headers of every answer that does not say otherwise.
const SECURITY_HEADERS: [(HeaderName, HeaderValue); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(CONTENT_SECURITY_POLICY),
    ),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

/// What is served, and to whom.
#[derive(Debug)]
pub struct Server {
    /// The labs.
    pub labs: LabStore,
    /// Who may come in.
    pub gate: Gate,
    /// The path under which all is served, with a slash at both ends.
    pub base_path: String,
    /// Closes all sockets.
    pub stop: CancellationToken,
    /// Counts the open sockets.
    pub sockets: TaskTracker,
}

type Shared = Arc<Server>;

/// Serves until the server's token is cancelled, and then until sockets and labs have ended.
///
/// # Errors
///
/// The listener fails.
pub async fn serve(
    listener: TcpListener,
    tls: Option<RustlsConfig>,
    server: Server,
) -> std::io::Result<()> {
    listener.set_nonblocking(true)?;
    let server = Arc::new(server);
    let service = router(&server).into_make_service();
    let keepalive = TcpKeepaliveConfig::new().time(Duration::from_secs(60));
    let sockets = TcpSocketConfig::new().nodelay(true).keepalive(keepalive);
    let acceptor = TcpConfigAcceptor::new(sockets);
    let handle = Handle::new();
    // What is accepted inherits them; they only spare memory and delay, so that their lack is no
    // fault. Without the second, a client that has gone without a word is here for 15 minutes.
    #[cfg(target_os = "linux")]
    {
        let socket = socket2::SockRef::from(&listener);
        drop(socket.set_tcp_notsent_lowat(UNSENT_BYTES));
        drop(socket.set_tcp_user_timeout(Some(SEND_PATIENCE)));
    }
    let mut listening = axum_server::from_tcp(listener)?.handle(handle.clone());
    listening
        .http_builder()
        .http1()
        .header_read_timeout(HEAD_PATIENCE);
    let serving = async {
        // A listener that fails must not leave the rest waiting for a stop.
        let _stops = server.stop.clone().drop_guard();
        match tls {
            None => listening.acceptor(acceptor).serve(service).await,
            Some(tls) => {
                let acceptor = RustlsAcceptor::new(tls).acceptor(acceptor);
                listening.acceptor(acceptor).serve(service).await
            }
        }
    };
    let stopping = async {
        server.stop.cancelled().await;
        server.sockets.close();
        server.sockets.wait().await;
        handle.graceful_shutdown(Some(GRACE));
        server.labs.end().await;
    };
    let (served, ()) = tokio::join!(serving, stopping);
    served
}

fn router(server: &Shared) -> Router {
    let base = &server.base_path;
    let mut router = Router::new();
    if let Some(bare) = base.strip_suffix('/').filter(|bare| !bare.is_empty()) {
        let start = Redirect::permanent(base);
        router = router.route(bare, get(|| async { start }));
    }
    let router = router
        .route(base, get(start))
        .route(&format!("{base}labs/{{name}}"), get(lab_without_slash))
        .route(&format!("{base}labs/{{name}}/"), get(lab))
        .route(&format!("{base}labs/{{name}}/ws"), get(open_socket))
        .route(&format!("{base}labs/{{name}}/files/{{*path}}"), get(file))
        .route(
            &format!("{base}labs/{{name}}/progress.json"),
            get(progress::download),
        )
        .merge(record::router(base))
        .route(&format!("{base}qr.svg"), get(qr::draw))
        .fallback(not_found)
        .layer(middleware::from_fn_with_state(server.clone(), let_in))
        .merge(visit::router(server))
        // The front end itself is no secret, and the refusal's page needs it.
        .route(&format!("{base}assets/{{*path}}"), get(asset))
        .layer(middleware::from_fn_with_state(server.clone(), check_host))
        .layer(CatchPanicLayer::new())
        .with_state(server.clone());
    SECURITY_HEADERS
        .into_iter()
        .fold(router, |router, (name, value)| {
            router.layer(SetResponseHeaderLayer::if_not_present(name, value))
        })
}

/// Refuses requests for hosts that are not ours, whose pages might be a stranger's.
async fn check_host(State(server): State<Shared>, request: Request, next: Next) -> Response {
    match server.gate.check_host(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refused(&server, refusal),
    }
}

/// Turns a token in the address into a cookie, and lets nobody on without one.
async fn let_in(State(server): State<Shared>, request: Request, next: Next) -> Response {
    if let Some((token, address)) = take_token(request.uri()) {
        return match server.gate.cookie_for(&token) {
            Some(cookie) => {
                ([(header::SET_COOKIE, cookie)], Redirect::to(&address)).into_response()
            }
            None if server.gate.check_token(request.headers()).is_ok() => {
                Redirect::to(&address).into_response()
            }
            None => refused(&server, Refusal::Token),
        };
    }
    match server.gate.check_token(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refused(&server, refusal),
    }
}

/// The token in an address, and the address without it.
fn take_token(uri: &Uri) -> Option<(String, String)> {
    let query = uri.query()?;
    let is_token = |pair: &&str| pair.starts_with("token=");
    let token = query.split('&').find(is_token)?.strip_prefix("token=")?;
    let token = percent_decode_str(token).decode_utf8_lossy().into_owned();
    let rest: Vec<&str> = query.split('&').filter(|pair| !is_token(pair)).collect();
    // A path of two slashes would lead to another host.
    let path = format!("/{}", uri.path().trim_start_matches('/'));
    let address = if rest.is_empty() {
        path
    } else {
        format!("{path}?{}", rest.join("&"))
    };
    Some((token, address))
}

fn refused(server: &Server, refusal: Refusal) -> Response {
    let (status, title, message, hint) = match refusal {
        Refusal::Host => (
            StatusCode::MISDIRECTED_REQUEST,
            "Unknown host",
            "This server does not answer to the name in your address bar.",
            "Whoever runs it can allow the name with --allow-host or --public-url.",
        ),
        Refusal::Origin => (
            StatusCode::FORBIDDEN,
            "Not from here",
            "Another site asked for this, and it may not.",
            "Open the address that katahost printed.",
        ),
        Refusal::Token => (
            StatusCode::UNAUTHORIZED,
            "A token is needed",
            "This address needs the token of the katahost that runs here now.",
            "Open the address that katahost printed when it started; it carries the token.",
        ),
        Refusal::Link => (
            StatusCode::UNAUTHORIZED,
            "This link is not valid",
            "The link was revoked, or the lab that it led to has ended.",
            "Ask whoever gave it to you for a new one.",
        ),
        Refusal::NoLink => (
            StatusCode::UNAUTHORIZED,
            "A part of the link is missing",
            "This address leads into the lab only with the token behind it.",
            "Scan the code, or use the whole link.",
        ),
    };
    page::message(status, &server.base_path, title, message, hint)
}

async fn start(State(server): State<Shared>) -> Response {
    if let Some(folder) = server.labs.library().single() {
        let address = format!(
            "{}labs/{}/",
            server.base_path,
            encode_segment(folder.name())
        );
        return Redirect::to(&address).into_response();
    }
    let listing = server.clone();
    let page = tokio::task::spawn_blocking(move || page::start(listing.labs.library()));
    page.await
        .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

async fn lab_without_slash(State(server): State<Shared>, Path(name): Path<String>) -> Redirect {
    Redirect::permanent(&format!(
        "{}labs/{}/",
        server.base_path,
        encode_segment(&name)
    ))
}

async fn lab(State(server): State<Shared>, Path(name): Path<String>) -> Response {
    match server.labs.library().get(&name) {
        Some(folder) => page::lab(folder).await,
        None => no_lab(&server, &name),
    }
}

async fn file(
    State(server): State<Shared>,
    Path((name, path)): Path<(String, String)>,
    request: Request,
) -> Response {
    match server.labs.library().get(&name) {
        Some(folder) => files::serve(folder, &path, request).await,
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn open_socket(
    State(server): State<Shared>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    if let Err(refusal) = server.gate.check_socket(request.headers()) {
        return refused(&server, refusal);
    }
    let Some(lab) = server.labs.lab(&name) else {
        return no_lab(&server, &name);
    };
    let public_url = server.gate.public_url().map(Into::into);
    accept_socket(&server, request, lab, Pass::driver(public_url))
}

fn accept_socket(server: &Server, mut request: Request, lab: LabHandle, pass: Pass) -> Response {
    let Ok(mut response) = create_response_with_body(&request, Body::empty) else {
        let message = "this address is for a WebSocket\n";
        return (StatusCode::BAD_REQUEST, message).into_response();
    };
    if !offers_subprotocol(request.headers()) {
        let message = format!("this socket speaks the subprotocol {SUBPROTOCOL}\n");
        return (StatusCode::BAD_REQUEST, message).into_response();
    }
    // Counted from here on, so that the bound holds for sockets that are about to open.
    let counted = server.sockets.token();
    if server.sockets.len() > MAX_SOCKETS {
        let message = "too many sockets are open; close some tabs, then try again\n";
        return (StatusCode::SERVICE_UNAVAILABLE, message).into_response();
    }
    let subprotocol = HeaderValue::from_static(SUBPROTOCOL);
    let headers = response.headers_mut();
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, subprotocol);
    let stop = server.stop.clone();
    let connection = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        // A client that left meanwhile needs nothing.
        if let Ok(connection) = connection.await {
            socket::serve(connection, lab, pass, stop).await;
        }
        drop(counted);
    });
    response
}

fn offers_subprotocol(headers: &HeaderMap) -> bool {
    let offers = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL);
    let mut offers = offers.iter().filter_map(|offer| offer.to_str().ok());
    offers.any(|offer| offer.split(',').any(|name| name.trim() == SUBPROTOCOL))
}

async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Response {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let accepts = text(header::ACCEPT_ENCODING);
    let Some(asset) = assets::get(&format!("assets/{path}"), accepts) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let about = [
        (header::CONTENT_TYPE, asset.content_type.as_str()),
        (header::CACHE_CONTROL, assets::CACHE_CONTROL),
        (header::VARY, "accept-encoding"),
        (header::ETAG, &asset.etag),
    ];
    let known = text(header::IF_NONE_MATCH).is_some_and(|tags| tags.contains(&asset.etag));
    let mut response = if known {
        (StatusCode::NOT_MODIFIED, about).into_response()
    } else {
        (about, Body::from(Bytes::from_owner(asset.body))).into_response()
    };
    if let Some(encoding) = asset.encoding {
        let encoding = HeaderValue::from_static(encoding);
        response
            .headers_mut()
            .insert(header::CONTENT_ENCODING, encoding);
    }
    response
}

async fn not_found(State(server): State<Shared>, uri: Uri) -> Response {
    let message = format!("There is nothing at {}.", uri.path());
    let hint = "Go back to the start page.";
    page::message(
        StatusCode::NOT_FOUND,
        &server.base_path,
        "Nothing here",
        &message,
        hint,
    )
}

fn no_lab(server: &Server, name: &str) -> Response {
    let message = format!("There is no lab named {name}.");
    let hint = "The start page lists all labs.";
    page::message(
        StatusCode::NOT_FOUND,
        &server.base_path,
        "No such lab",
        &message,
        hint,
    )
}

/// Encodes one segment of an address.
pub(crate) fn encode_segment(text: &str) -> String {
    const KEPT: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'_')
        .remove(b'.')
        .remove(b'~');
    utf8_percent_encode(text, KEPT).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(uri: &'static str, token: &str, address: &str) {
        let taken = take_token(&Uri::from_static(uri));
        assert_eq!(taken, Some((token.to_owned(), address.to_owned())));
    }

    #[test]
    fn token_is_taken_out_of_the_address() {
        check("/?token=abc", "abc", "/");
        check(
            "/labs/x/?step=a&token=a%2Bb&y=1",
            "a+b",
            "/labs/x/?step=a&y=1",
        );
        check("//evil.example/?token=abc", "abc", "/evil.example/");
        assert_eq!(take_token(&Uri::from_static("/?tokens=1")), None);
    }
}
