//! The HTML pages around a lab: the list of scenarios, the lab's shell, and messages.

use axum::{
    http::StatusCode,
    response::{Html, IntoResponse, Response},
};

use super::assets::{self, Slot, Template};
use crate::{
    command::state::ENTRY_STEP,
    lab::{Folder, Library},
    scenario::Page,
};

/// How much of a scenario's first lines its card shows.
const EXCERPT_CHARS: usize = 220;

/// The list of all scenarios.
pub(super) fn start(library: &Library) -> Response {
    let cards: String = library.scenarios().iter().map(card).collect();
    fill(
        Template::Start,
        &[("title", Slot::Text("Labs")), ("labs", Slot::Html(&cards))],
    )
}

/// The shell of a lab; its content comes over the socket.
pub(super) async fn lab(folder: &Folder) -> Response {
    let reading = folder.clone();
    let title = tokio::task::spawn_blocking(move || reading.title()).await;
    let title = title.unwrap_or_else(|_| folder.name().to_owned());
    fill(Template::Lab, &[("title", Slot::Text(&title))])
}

/// A message in place of a page. `root` is the base path; who looked for something that is not there
/// is led back to the list of all labs.
pub(super) fn message(
    status: StatusCode,
    root: &str,
    title: &str,
    message: &str,
    hint: &str,
) -> Response {
    let way = if status == StatusCode::NOT_FOUND {
        format!(r#"<a class="button" href="{}">All labs</a>"#, escape(root))
    } else {
        String::new()
    };
    let values = [
        ("root", Slot::Text(root)),
        ("title", Slot::Text(title)),
        ("message", Slot::Text(message)),
        ("hint", Slot::Text(hint)),
        ("way", Slot::Html(&way)),
    ];
    (status, fill(Template::Message, &values)).into_response()
}

/// What the list shows of one scenario.
fn card(folder: &Folder) -> String {
    let description = folder.describe();
    let steps = folder.steps();
    let intro = folder.read_step(ENTRY_STEP).unwrap_or_default();
    let page = Page::parse(ENTRY_STEP, &intro, &description.config);
    let own_title = page.scenario_title.as_ref().unwrap_or(&page.title);
    let title = if intro.is_empty() {
        folder.name()
    } else {
        own_title
    };
    let terminals: String = description
        .config
        .terminals
        .iter()
        .map(|terminal| format!("<span>{}</span> ", escape(&terminal.name)))
        .collect();
    let address = super::encode_segment(folder.name());
    format!(
        "<li class=\"lab-card\"><a href=\"labs/{address}/\"><h2>{}</h2><p>{}</p>\
         <p class=\"lab-card-meta\">{} · {}: {terminals}</p></a></li>\n",
        escape(title),
        escape(&excerpt(&page.summary)),
        count(steps.len(), "step"),
        count(description.config.terminals.len(), "terminal"),
    )
}

/// The first lines of a text.
fn excerpt(text: &str) -> String {
    let mut short: String = text.chars().take(EXCERPT_CHARS).collect();
    if short.len() < text.len() {
        let cut = short.rfind(' ').unwrap_or(short.len());
        short.truncate(cut);
        short.push('…');
    }
    short
}

fn count(number: usize, noun: &str) -> String {
    if number == 1 {
        format!("1 {noun}")
    } else {
        format!("{number} {noun}s")
    }
}

fn fill(template: Template, values: &[(&str, Slot<'_>)]) -> Response {
    // Asked for anew each time, and yet kept for the browser's Back, which `no-store` forbids.
    ([("cache-control", "no-cache")], Html(template.fill(values))).into_response()
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    assets::escape(text, &mut escaped);
    escaped
}
