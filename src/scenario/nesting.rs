//! Keeps HTML from being nested so deep that parsing it takes quadratic time.
//!
//! An HTML parser looks through all open elements at many tags, and browsers stop at a depth of
//! 512 for that reason. This drops the tags beyond a depth that no page needs, and keeps the text.
//! It reads tags roughly, which is enough: the sanitiser comes after it.

use std::borrow::Cow;
use std::collections::HashMap;

/// How deep elements may be nested.
const MAX_DEPTH: usize = 200;

/// Elements that never hold others.
const VOID: [&str; 14] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr",
];

/// Elements that are closed without an end tag where the next one begins.
const SELF_CLOSING: [&str; 11] = [
    "p", "li", "dt", "dd", "tr", "td", "th", "option", "thead", "tbody", "tfoot",
];

/// Drops tags that are nested too deep; tags that contain `kept` stay.
///
/// Returns whether anything was dropped as well.
pub(super) fn limit_depth<'a>(html: &'a str, kept: &str) -> (Cow<'a, str>, bool) {
    let mut limiter = Limiter::default();
    let mut output = String::new();
    let mut copied = 0;
    let mut position = 0;
    while let Some(found) = html.get(position..).and_then(|rest| rest.find('<')) {
        let start = position + found;
        let rest = html.get(start..).unwrap_or_default();
        if rest.starts_with("<!--") {
            position = start + rest.find("-->").map_or(rest.len(), |end| end + 3);
            continue;
        }
        let Some(tag) = Tag::read(rest) else {
            position = start + 1;
            continue;
        };
        position = start + tag.length;
        if limiter.drops(&tag) && !rest.get(..tag.length).is_some_and(|tag| tag.contains(kept)) {
            output.push_str(html.get(copied..start).unwrap_or_default());
            copied = position;
        }
    }
    if copied == 0 {
        return (Cow::Borrowed(html), false);
    }
    output.push_str(html.get(copied..).unwrap_or_default());
    (Cow::Owned(output), true)
}

/// A tag, roughly.
#[derive(Debug)]
struct Tag {
    name: String,
    is_end: bool,
    length: usize,
}

impl Tag {
    /// Reads the tag that `text` begins with.
    fn read(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let is_end = bytes.get(1) == Some(&b'/');
        let name_start = 1 + usize::from(is_end);
        let name: Vec<u8> = bytes
            .iter()
            .skip(name_start)
            .copied()
            .take_while(u8::is_ascii_alphanumeric)
            .collect();
        if !name.first()?.is_ascii_alphabetic() {
            return None;
        }
        let mut quote = None;
        let mut length = name_start + name.len();
        for &byte in bytes.get(length..)? {
            length += 1;
            match (quote, byte) {
                (None, b'>') => break,
                (None, b'"' | b'\'') => quote = Some(byte),
                (Some(open), _) if open == byte => quote = None,
                _ => {}
            }
        }
        let name = String::from_utf8(name).ok()?.to_ascii_lowercase();
        Some(Self {
            name,
            is_end,
            length,
        })
    }
}

/// Follows which elements are open.
#[derive(Debug, Default)]
struct Limiter {
    open: Vec<String>,
    dropped: HashMap<String, usize>,
}

impl Limiter {
    fn drops(&mut self, tag: &Tag) -> bool {
        let name = tag.name.as_str();
        if VOID.contains(&name) {
            return false;
        }
        if !tag.is_end {
            return self.drops_start(name);
        }
        if let Some(dropped) = self.dropped.get_mut(name).filter(|dropped| **dropped > 0) {
            *dropped -= 1;
            return true;
        }
        if let Some(index) = self.open.iter().rposition(|open| open == name) {
            self.open.truncate(index);
        }
        false
    }

    fn drops_start(&mut self, name: &str) -> bool {
        if SELF_CLOSING.contains(&name) && self.open.last().is_some_and(|open| open == name) {
            return false;
        }
        if self.open.len() < MAX_DEPTH {
            self.open.push(name.to_owned());
            return false;
        }
        *self.dropped.entry(name.to_owned()).or_default() += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_pages_are_left_alone() {
        let html = "<div a='>'><p>x<p>y<br></div><!-- <b> --> 1 < 2 </p> <hr/>".repeat(1_000);
        assert_eq!(
            limit_depth(&html, "kept"),
            (Cow::Borrowed(html.as_str()), false)
        );
    }

    #[test]
    fn tags_beyond_the_depth_are_dropped_in_pairs() {
        let html = format!(
            "{}x{}<b>y</b>",
            "<div>".repeat(1_000),
            "</div>".repeat(1_000)
        );
        let expected = format!("{}x{}<b>y</b>", "<div>".repeat(200), "</div>".repeat(200));
        assert_eq!(limit_depth(&html, "kept"), (Cow::Owned(expected), true));
    }

    #[test]
    fn kept_tags_stay_at_any_depth() {
        let html = format!("{}<pre kept>x</pre>", "<div>".repeat(300));
        assert!(limit_depth(&html, "kept").0.contains("<pre kept>x"));
    }
}
