//! The way into a lab by a link: `watch/NAME/` for an audience, `remote/NAME/` for a presenter's
//! phone. The link's secret becomes a cookie for that path alone, so that the same browser may
//! also hold the server's own token and yet only watch here.

use std::collections::HashMap;

use axum::{
    Extension, Router,
    extract::{Path, Request, State},
    http::{Uri, header},
    middleware::{self, Next},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};

use super::{
    Shared, accept_socket, auth::Refusal, encode_segment, files, page, pass::Pass, refused,
};
use crate::{
    command::Role,
    lab::{LabHandle, links::Link},
};

/// Where those with a role come in; nothing for who has no link.
pub(super) fn way(role: Role) -> Option<&'static str> {
    match role {
        Role::Viewer => Some("watch"),
        Role::Remote => Some("remote"),
        Role::Guest | Role::Driver => None,
    }
}

pub(super) fn router(server: &Shared) -> Router<Shared> {
    let routes = [Role::Viewer, Role::Remote]
        .into_iter()
        .filter_map(|role| Some((role, way(role)?)));
    routes.fold(Router::new(), |router, (role, way)| {
        let base = format!("{}{way}/{{name}}", server.base_path);
        let state = (server.clone(), role);
        let visit = Router::new()
            .route(&format!("{base}/"), get(lab))
            .route(&format!("{base}/ws"), get(open_socket))
            .route(&format!("{base}/files/{{*path}}"), get(file))
            .layer(middleware::from_fn_with_state(state, let_in))
            .route(&base, get(without_slash));
        router.merge(visit)
    })
}

/// Turns the link's secret in the address into a cookie, and lets nobody on without one.
async fn let_in(
    State((server, role)): State<(Shared, Role)>,
    Path(parts): Path<HashMap<String, String>>,
    mut request: Request,
    next: Next,
) -> Response {
    let name = parts.get("name").map_or("", String::as_str);
    let token = super::take_token(request.uri()).map(|(token, _)| token);
    let secrets = server.gate.link_secrets(request.headers());
    let refusal = if token.is_none() && secrets.is_empty() {
        Refusal::NoLink
    } else {
        Refusal::Link
    };
    // Whoever has a link comes to a lab that runs; nobody else starts one.
    let Some(lab) = server.labs.running(name) else {
        return refused(&server, refusal);
    };
    let valid = |token: &str| lab.links().find(token).filter(|link| link.role == role);
    if let Some(token) = token
        && let (Some(_), Some(way)) = (valid(&token), way(role))
    {
        let address = format!("{}{way}/{}/", server.base_path, encode_segment(name));
        let cookie = server.gate.link_cookie(&token, &address);
        return ([(header::SET_COOKIE, cookie)], Redirect::to(&address)).into_response();
    }
    let Some(link) = secrets.into_iter().find_map(valid) else {
        return refused(&server, refusal);
    };
    request.extensions_mut().insert((lab, link));
    next.run(request).await
}

/// People leave the last slash away; the token must not be lost with it.
async fn without_slash(uri: Uri) -> Redirect {
    let path = uri.path().trim_start_matches('/');
    let query = uri.query().map(|query| format!("?{query}"));
    Redirect::permanent(&format!("/{path}/{}", query.unwrap_or_default()))
}

type Visit = Extension<(LabHandle, Link)>;

async fn lab(Extension((lab, _)): Visit) -> Response {
    page::lab(lab.folder()).await
}

async fn file(
    Extension((lab, _)): Visit,
    Path((_, path)): Path<(String, String)>,
    request: Request,
) -> Response {
    files::serve(lab.folder(), &path, request).await
}

async fn open_socket(
    State(server): State<Shared>,
    Extension((lab, link)): Visit,
    request: Request,
) -> Response {
    match server.gate.check_origin(request.headers()) {
        Ok(()) => accept_socket(&server, request, lab, Pass::by(link)),
        Err(refusal) => refused(&server, refusal),
    }
}
