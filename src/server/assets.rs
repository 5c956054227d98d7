//! The front end inside the binary: its pages and their files, as `build.rs` made them.

use std::borrow::Cow;

use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "$KATAHOST_WEB_DIST"]
struct Files;

/// The folder whose names carry a hash of their content.
const HASHED: &str = "assets/";

/// Encodings in order of preference, and the ending of the file that holds each.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

/// How long a browser may keep a file whose name changes with its content.
pub const CACHE_CONTROL: &str = "public, max-age=31536000, immutable";

/// A file of the front end, ready to be sent.
#[derive(Debug, Clone)]
pub struct Asset {
    /// The bytes, in [`encoding`](Self::encoding).
    pub body: Cow<'static, [u8]>,
    /// The media type.
    pub content_type: String,
    /// The `Content-Encoding`, where the body has one.
    pub encoding: Option<&'static str>,
    /// Names the body, quotes included.
    pub etag: String,
}

/// Finds the file at `path` below the base path, in the best encoding that the client takes.
///
/// Only files under `assets/` are found; send them with [`CACHE_CONTROL`] and
/// `Vary: Accept-Encoding`.
#[must_use]
pub fn get(path: &str, accept_encoding: Option<&str>) -> Option<Asset> {
    if !path.starts_with(HASHED) || is_encoded(path) {
        return None;
    }
    let content_type = content_type(path);
    let accepted = accept_encoding.unwrap_or_default();
    for (encoding, ending) in ENCODINGS {
        if !accepts(accepted, encoding) {
            continue;
        }
        if let Some(file) = Files::get(&format!("{path}{ending}")) {
            return Some(asset(file, content_type, Some(encoding)));
        }
    }
    Files::get(path).map(|file| asset(file, content_type, None))
}

/// A page of the front end, with placeholders like `{{title}}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Template {
    /// The list of labs: `title`, and `labs` as HTML.
    Start,
    /// One lab: `title`.
    Lab,
    /// Something to be told instead of a page: `title`, `message`, `hint`, and `root`, the way
    /// from the page's address to the base path.
    Message,
}

/// What goes in the place of a placeholder.
#[derive(Debug, Clone, Copy)]
pub enum Slot<'a> {
    /// Text, which is escaped.
    Text(&'a str),
    /// HTML, which is not.
    Html(&'a str),
}

impl Template {
    /// The page as it was built.
    #[must_use]
    pub fn source(self) -> Cow<'static, str> {
        let name = match self {
            Self::Start => "start.html",
            Self::Lab => "lab.html",
            Self::Message => "message.html",
        };
        // `build.rs` fails without these files, so that the fallback is never seen.
        match Files::get(name).map(|file| file.data) {
            Some(Cow::Borrowed(bytes)) => String::from_utf8_lossy(bytes),
            Some(Cow::Owned(bytes)) => String::from_utf8_lossy(&bytes).into_owned().into(),
            None => Cow::Borrowed(""),
        }
    }

    /// Fills the placeholders; one without a value becomes empty, and values are never searched.
    #[must_use]
    pub fn fill(self, values: &[(&str, Slot<'_>)]) -> String {
        fill(&self.source(), values)
    }
}

fn fill(source: &str, values: &[(&str, Slot<'_>)]) -> String {
    let mut page = String::with_capacity(source.len());
    let mut rest = source;
    while let Some((before, after)) = rest.split_once("{{") {
        page.push_str(before);
        let Some((name, after)) = after.split_once("}}") else {
            page.push_str("{{");
            rest = after;
            continue;
        };
        match values.iter().find(|(known, _)| *known == name) {
            Some((_, Slot::Text(text))) => escape(text, &mut page),
            Some((_, Slot::Html(html))) => page.push_str(html),
            None => {}
        }
        rest = after;
    }
    page.push_str(rest);
    page
}

/// Appends `text` to `html` so that it is text there, between quotes too.
pub fn escape(text: &str, html: &mut String) {
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
}

fn asset(file: EmbeddedFile, content_type: String, encoding: Option<&'static str>) -> Asset {
    let hash = file.metadata.sha256_hash();
    let [a, b, c, d, e, f, g, h, ..] = hash;
    let etag = format!("\"{:016x}\"", u64::from_be_bytes([a, b, c, d, e, f, g, h]));
    Asset {
        body: file.data,
        content_type,
        encoding,
        etag,
    }
}

fn is_encoded(path: &str) -> bool {
    ENCODINGS.iter().any(|(_, ending)| path.ends_with(ending))
}

fn content_type(path: &str) -> String {
    let guess = mime_guess::from_path(path).first_or_octet_stream();
    if guess.type_() == "text" {
        format!("{guess}; charset=utf-8")
    } else {
        guess.to_string()
    }
}

/// Whether an `Accept-Encoding` value (RFC 9110, 12.5.3) names `encoding` and does not refuse it.
fn accepts(accepted: &str, encoding: &str) -> bool {
    accepted.split(',').any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let named = parts
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case(encoding));
        let refused = parts
            .filter_map(|parameter| parameter.strip_prefix("q="))
            .any(|weight| weight.parse::<f32>().is_ok_and(|weight| weight <= 0.0));
        named && !refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script() -> String {
        let lab = Template::Lab.source();
        let (_, rest) = lab.split_once("type=\"module\" src=\"../../").unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    }

    #[test]
    fn every_file_that_a_page_names_is_embedded() {
        for template in [Template::Start, Template::Lab, Template::Message] {
            let page = template.source();
            let named: Vec<_> = page
                .split('"')
                .filter_map(|part| part.find(HASHED).and_then(|at| part.get(at..)))
                .collect();
            assert!(!named.is_empty(), "{template:?} names no file");
            for path in named {
                assert!(get(path, None).is_some(), "{template:?} names {path}");
            }
        }
    }

    #[test]
    fn best_accepted_encoding_is_chosen() {
        let script = script();
        let encoding = |accepted| get(&script, accepted).unwrap().encoding;
        assert_eq!(encoding(Some("gzip, deflate, br, zstd")), Some("br"));
        assert_eq!(encoding(Some("gzip, br;q=0")), Some("gzip"));
        assert_eq!(encoding(Some("BR")), Some("br"));
        assert_eq!(encoding(Some("identity")), None);
        assert_eq!(encoding(None), None);
    }

    #[test]
    fn scripts_have_their_type_and_a_tag_for_each_encoding() {
        let script = script();
        let plain = get(&script, None).unwrap();
        let gzip = get(&script, Some("gzip")).unwrap();
        assert_eq!(plain.content_type, "text/javascript; charset=utf-8");
        assert_eq!(gzip.content_type, plain.content_type);
        assert_ne!(gzip.etag, plain.etag);
        assert!(gzip.body.len() < plain.body.len());
    }

    #[test]
    fn nothing_but_assets_is_found() {
        let encoded = format!("{}.br", script());
        for path in [
            "lab.html",
            "",
            "assets/",
            "assets/../lab.html",
            "/etc/passwd",
            &encoded,
        ] {
            assert!(get(path, None).is_none(), "{path:?} was found");
        }
    }

    #[test]
    fn placeholders_are_filled_once_and_text_is_escaped() {
        let values = [("a", Slot::Text("<{{b}}>")), ("b", Slot::Html("<b>"))];
        assert_eq!(
            fill("{{a}}|{{b}}|{{c}}|{{", &values),
            "&lt;{{b}}&gt;|<b>||{{"
        );
    }

    #[test]
    fn lab_page_shows_its_title_as_text() {
        let page = Template::Lab.fill(&[("title", Slot::Text("a <script>"))]);
        assert!(page.contains("<title>a &lt;script&gt;</title>"));
        assert!(!page.contains("{{"));
    }
}
