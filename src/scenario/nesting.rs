//! Keeps HTML from being nested so deep that parsing it takes quadratic time.
//!
//! An HTML parser looks through all open elements at many tags, and browsers stop at a depth of
//! 512 for that reason. This drops the tags beyond a depth that no page needs, and keeps the text.
//! It reads tags roughly, which is enough: the sanitiser comes after it.

use super::tag::{Tag, without_tags};
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

/// Drops tags that are nested too deep; tags that contain `kept` stay. What is borrowed is whole.
pub(super) fn limit_depth<'a>(html: &'a str, kept: &str) -> Cow<'a, str> {
    let mut limiter = Limiter::default();
    without_tags(html, |tag| limiter.drops(tag) && !tag.text.contains(kept))
}

/// Follows which elements are open.
#[derive(Debug, Default)]
struct Limiter {
    open: Vec<String>,
    dropped: HashMap<String, usize>,
}

impl Limiter {
    fn drops(&mut self, tag: &Tag<'_>) -> bool {
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
        assert!(matches!(limit_depth(&html, "kept"), Cow::Borrowed(_)));
    }

    #[test]
    fn tags_beyond_the_depth_are_dropped_in_pairs() {
        let html = format!(
            "{}x{}<b>y</b>",
            "<div>".repeat(1_000),
            "</div>".repeat(1_000)
        );
        let expected = format!("{}x{}<b>y</b>", "<div>".repeat(200), "</div>".repeat(200));
        assert_eq!(limit_depth(&html, "kept"), expected);
    }

    #[test]
    fn kept_tags_stay_at_any_depth() {
        let html = format!("{}<pre kept>x</pre>", "<div>".repeat(300));
        assert!(limit_depth(&html, "kept").contains("<pre kept>x"));
    }
}
