//! Reads the tags of HTML, roughly, and drops some of them: what needs them exactly comes after.

use std::borrow::Cow;

/// A tag.
#[derive(Debug)]
pub(super) struct Tag<'a> {
    /// In small letters.
    pub(super) name: String,
    pub(super) is_end: bool,
    /// All of it, from `<` to `>`.
    pub(super) text: &'a str,
}

/// Drops the tags that `drops` names, in their order, and keeps what stands between them.
pub(super) fn without_tags(html: &str, mut drops: impl FnMut(&Tag<'_>) -> bool) -> Cow<'_, str> {
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
        position = start + tag.text.len();
        if drops(&tag) {
            output.push_str(html.get(copied..start).unwrap_or_default());
            copied = position;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(html);
    }
    output.push_str(html.get(copied..).unwrap_or_default());
    Cow::Owned(output)
}

impl<'a> Tag<'a> {
    /// Reads the tag that `text` begins with.
    fn read(text: &'a str) -> Option<Self> {
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
        Some(Self {
            name: String::from_utf8(name).ok()?.to_ascii_lowercase(),
            is_end,
            text: text.get(..length)?,
        })
    }
}
