//! Marks the tags of raw HTML with their place in the source, so that what is read from the page
//! later can name its line.

use super::markdown::POSITION_ATTRIBUTE;

/// Elements whose content is text to HTML, whatever it looks like.
const RAW_TEXT: [&str; 8] = [
    "script",
    "style",
    "textarea",
    "title",
    "xmp",
    "iframe",
    "noembed",
    "plaintext",
];

/// Raw HTML, and where its pieces stand in the source.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    /// Where a piece begins in the raw HTML, and where in the source; in order.
    starts: Vec<(usize, usize)>,
}

impl Pieces {
    /// Raw HTML of one piece.
    pub(super) fn one(source: usize) -> Self {
        Self {
            starts: vec![(0, source)],
        }
    }

    /// Notes that the piece that begins at `raw` stands at `source`.
    pub(super) fn push(&mut self, raw: usize, source: usize) {
        self.starts.push((raw, source));
    }

    /// Where a place of the raw HTML is in the source.
    fn source(&self, raw: usize) -> usize {
        let index = self.starts.partition_point(|(start, _)| *start <= raw);
        index
            .checked_sub(1)
            .and_then(|index| self.starts.get(index))
            .map_or(0, |(start, source)| source + raw - start)
    }
}

/// Gives every start tag of `raw` its place, as its first attribute.
pub(super) fn mark(raw: &str, pieces: &Pieces) -> String {
    let mut marked = String::with_capacity(raw.len());
    let mut copied = 0;
    let mut position = 0;
    while let Some(found) = raw.get(position..).and_then(|rest| rest.find('<')) {
        let start = position + found;
        let rest = raw.get(start..).unwrap_or_default();
        if rest.starts_with("<!--") {
            position = start + rest.find("-->").map_or(rest.len(), |end| end + 3);
            continue;
        }
        let Some(name) = start_tag(rest) else {
            position = start + 1;
            continue;
        };
        let behind = start + 1 + name.len();
        marked.push_str(raw.get(copied..behind).unwrap_or_default());
        // Without quotes, since the tag itself may stand in a quoted attribute.
        marked.push_str(&format!(" {POSITION_ATTRIBUTE}={} ", pieces.source(start)));
        copied = behind;
        position = tag_end(raw, behind);
        position += raw_text(raw.get(position..).unwrap_or_default(), name);
    }
    marked.push_str(raw.get(copied..).unwrap_or_default());
    marked
}

/// Takes the marks out of a text into which an attribute without an end has drawn them.
pub(super) fn unmark(text: &str) -> Option<String> {
    if !text.contains(POSITION_ATTRIBUTE) {
        return None;
    }
    let mark = format!(" {POSITION_ATTRIBUTE}=");
    let mut parts = text.split(mark.as_str());
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|letter: char| letter.is_ascii_digit());
        plain.push_str(rest.strip_prefix(' ').unwrap_or(rest));
    }
    Some(plain)
}

/// The name of the start tag that `text` begins with.
fn start_tag(text: &str) -> Option<&str> {
    let rest = text.get(1..)?;
    let end = rest
        .find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-')
        .unwrap_or(rest.len());
    let name = rest.get(..end)?;
    let ends = rest.get(end..)?.chars().next();
    let begins = name.starts_with(|letter: char| letter.is_ascii_alphabetic());
    let whole = ends.is_none_or(|letter| letter.is_ascii_whitespace() || ">/".contains(letter));
    (begins && whole).then_some(name)
}

/// Where the tag ends in whose attributes `from` is.
fn tag_end(raw: &str, from: usize) -> usize {
    let mut quote = None;
    let mut value = false;
    for (at, byte) in raw.bytes().enumerate().skip(from) {
        match (quote, byte) {
            (None, b'>') => return at + 1,
            // A quote counts where a value begins; elsewhere it is a letter of a name.
            (None, b'"' | b'\'') if value => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
        value = byte == b'=' || (value && byte.is_ascii_whitespace());
    }
    raw.len()
}

/// How much of `text`, which follows the start tag `name`, is text to HTML.
fn raw_text(text: &str, name: &str) -> usize {
    let name = name.to_ascii_lowercase();
    if !RAW_TEXT.contains(&name.as_str()) {
        return 0;
    }
    let end = text.to_ascii_lowercase().find(&format!("</{name}"));
    end.unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn marked(raw: &str) -> String {
        mark(raw, &Pieces::one(100))
    }

    #[test]
    fn start_tags_get_their_place() {
        assert_eq!(
            marked("a<b>x</b><br/><i class='>'>"),
            "a<b data-katahost-position=101 >x</b><br data-katahost-position=109 />\
             <i data-katahost-position=114  class='>'>"
        );
    }

    #[test]
    fn text_that_looks_like_tags_is_left_alone() {
        for raw in ["<!-- <b> -->", "a < b <3 <x.y>", "</b>", "<a.b>"] {
            assert_eq!(marked(raw), raw);
        }
        assert_eq!(
            marked("<textarea><b></textarea>"),
            "<textarea data-katahost-position=100 ><b></textarea>"
        );
    }

    #[test]
    fn pieces_have_places_of_their_own() {
        let mut pieces = Pieces::one(10);
        pieces.push(4, 30);
        assert_eq!(
            mark("<p>\n<b>", &pieces),
            "<p data-katahost-position=10 >\n<b data-katahost-position=30 >"
        );
    }

    proptest! {
        #[test]
        fn prop_marks_can_be_taken_out(raw in "[<>/a-c \"'=!-]{0,40}") {
            let marked = marked(&raw);
            prop_assert_eq!(unmark(&marked).unwrap_or_else(|| marked.clone()), raw);
        }
    }
}
