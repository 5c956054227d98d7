//! Addresses: what a `href` or `src` of a page points at, and how it is spelled.

use ammonia::Url;
use percent_encoding::percent_decode_str;
use std::fmt::Write as _;

/// What an address of a page points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// A `command:` URI.
    Command,
    /// A place on the same page, `#…`.
    Anchor,
    /// The web: `http` or `https`.
    Web,
    /// Something that another program opens, without leaving the page: `mailto`.
    Other,
    /// An image in the address itself, of a type that runs nothing.
    InlineImage,
    /// A file of the scenario: its path, percent-encoded, with query and fragment as written.
    File(String),
    /// A path that leads out of the scenario's folder.
    Outside,
    /// Anything else; nothing good comes of it.
    Refused,
}

impl Address {
    /// Says what `text` points at, reading it as a browser does.
    pub(super) fn read(text: &str) -> Self {
        let text = text.trim_matches(|c: char| c <= ' ');
        let text: String = text
            .chars()
            .filter(|c| !matches!(c, '\t' | '\n' | '\r'))
            .collect();
        match scheme(&text).as_deref() {
            Some("command") => Self::Command,
            Some("http" | "https") => Self::Web,
            Some("mailto") => Self::Other,
            Some("data") if is_inline_image(&text) => Self::InlineImage,
            Some(_) => Self::Refused,
            None if text.starts_with('#') => Self::Anchor,
            // Another host, under the page's own scheme. Browsers read `\` as `/`.
            None if text.replace('\\', "/").starts_with("//") => Self::Refused,
            None => file_path(&text).map_or(Self::Outside, Self::File),
        }
    }
}

/// The lower-case scheme of an address that has one.
fn scheme(text: &str) -> Option<String> {
    let (scheme, _) = text.split_once(':')?;
    let mut bytes = scheme.bytes();
    let valid = bytes.next()?.is_ascii_alphabetic()
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    valid.then(|| scheme.to_ascii_lowercase())
}

fn is_inline_image(text: &str) -> bool {
    let text = text.get(..20).unwrap_or(text).to_ascii_lowercase();
    // A drawing runs nothing in a picture's place.
    ["png", "jpeg", "gif", "webp", "svg+xml"]
        .iter()
        .any(|kind| {
            text.strip_prefix("data:image/")
                .and_then(|rest| rest.strip_prefix(kind))
                .is_some_and(|rest| rest.starts_with([';', ',']))
        })
}

/// A path within the scenario's folder, without `.` and `..`; `None` if it leads out of it.
fn file_path(text: &str) -> Option<String> {
    let end = text.find(['?', '#']).unwrap_or(text.len());
    let (path, suffix) = text.split_at(end);
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment.to_ascii_lowercase().replace("%2e", ".").as_str() {
            "" | "." => {}
            ".." => {
                segments.pop()?;
            }
            _ => segments.push(segment),
        }
    }
    let slash = if path.ends_with('/') && !segments.is_empty() {
        "/"
    } else {
        ""
    };
    Some(format!(
        "{}{slash}{}",
        encode(&segments.join("/")),
        encode(suffix)
    ))
}

/// Percent-encodes what may not stand in an address, and keeps what is encoded already.
///
/// # Compatibility
///
/// The characters are those that markdown-it leaves alone.
pub(super) fn encode(text: &str) -> String {
    encode_except(text, b";/?:@&=+$,-_.!~*'()#", true)
}

/// Percent-encodes all that has a meaning in an address, as `encodeURIComponent` does.
pub(super) fn encode_component(text: &str) -> String {
    encode_except(text, b"-_.!~*'()", false)
}

fn encode_except(text: &str, kept: &[u8], keep_encoded: bool) -> String {
    let bytes = text.as_bytes();
    let mut encoded = String::with_capacity(text.len());
    for (index, &byte) in bytes.iter().enumerate() {
        let is_escape = keep_encoded
            && byte == b'%'
            && bytes
                .get(index + 1..index + 3)
                .is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit));
        if byte.is_ascii_alphanumeric() || kept.contains(&byte) || is_escape {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string can't fail.
            write!(encoded, "%{byte:02X}").ok();
        }
    }
    encoded
}

/// Undoes percent-encoding; text that would not be UTF-8 then stays as it is.
pub(super) fn decode(text: &str) -> String {
    percent_decode_str(text)
        .decode_utf8()
        .map_or_else(|_| text.to_owned(), Into::into)
}

/// The address of a Markdown link or image as markdown-it writes it.
pub(super) fn normalise(address: &str) -> String {
    encode(&with_ascii_host(address.trim()))
}

/// Writes an international host name in its ASCII form.
fn with_ascii_host(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else {
        return address.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(end);
    if host.is_ascii() || !matches!(scheme, "http" | "https") {
        return address.to_owned();
    }
    let url = Url::parse(&format!("{scheme}://{host}"));
    match url.as_ref().ok().and_then(Url::host_str) {
        Some(ascii) if !host.contains(['@', ':']) => format!("{scheme}://{ascii}{path}"),
        _ => address.to_owned(),
    }
}

/// Whether markdown-it makes a link or image of the address; otherwise its source stays text.
pub(super) fn is_linkable(address: &str) -> bool {
    let address = address.trim().to_lowercase();
    let forbidden = ["vbscript:", "javascript:", "file:", "data:"];
    !forbidden.iter().any(|scheme| address.starts_with(scheme)) || is_inline_image(&address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> Address {
        Address::File(path.to_owned())
    }

    #[test]
    fn relative_addresses_are_files_of_the_scenario() {
        assert_eq!(Address::read("images/a.png"), file("images/a.png"));
        assert_eq!(Address::read("/images//./a.png"), file("images/a.png"));
        assert_eq!(
            Address::read("images/../b c%20d.png?x=1#y"),
            file("b%20c%20d.png?x=1#y")
        );
        assert_eq!(
            Address::read("żółć.md"),
            file("%C5%BC%C3%B3%C5%82%C4%87.md")
        );
        assert_eq!(Address::read("a\\b"), file("a%5Cb"));
        assert_eq!(Address::read("docs/"), file("docs/"));
    }

    #[test]
    fn paths_out_of_the_scenario_are_told() {
        for text in [
            "../a",
            "a/../../b",
            "/..",
            "%2e%2E/a",
            ".%2e",
            "a/b/../../..",
        ] {
            assert_eq!(Address::read(text), Address::Outside, "{text}");
        }
    }

    #[test]
    fn schemes_are_read_as_browsers_do() {
        let cases = [
            ("https://example.com", Address::Web),
            ("HTTP://example.com", Address::Web),
            ("mailto:a@example.com", Address::Other),
            (" command:katapod.start", Address::Command),
            ("#top", Address::Anchor),
            ("data:image/png;base64,AA", Address::InlineImage),
            ("data:image/svg+xml,<svg>", Address::InlineImage),
            ("data:text/html,x", Address::Refused),
            ("java\nscript:alert(1)", Address::Refused),
            ("\u{1}javascript:alert(1)", Address::Refused),
            ("//example.com/x", Address::Refused),
            ("/\t/example.com/x", Address::Refused),
            ("\\\\example.com", Address::Refused),
            ("C:\\x", Address::Refused),
        ];
        for (text, address) in cases {
            assert_eq!(Address::read(text), address, "{text:?}");
        }
    }

    #[test]
    fn encoding_keeps_what_is_encoded() {
        assert_eq!(encode("a b%20c%zz"), "a%20b%20c%25zz");
        assert_eq!(
            encode_component(r#"[{"step":"a/b"}]"#),
            "%5B%7B%22step%22%3A%22a%2Fb%22%7D%5D"
        );
        assert_eq!(decode("%5B%5D%ff"), "%5B%5D%ff");
        assert_eq!(decode("%C5%BC"), "ż");
    }

    #[test]
    fn international_hosts_are_written_in_ascii() {
        assert_eq!(
            normalise("https://żółć.pl/ż?a=1"),
            "https://xn--kda4b0koi.pl/%C5%BC?a=1"
        );
        assert_eq!(
            normalise("https://example.com/?a=1&b=2"),
            "https://example.com/?a=1&b=2"
        );
    }
}
