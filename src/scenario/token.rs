//! Markdown as a flat list of block tokens, each leaf with its inline spans.
//!
//! This is the shape in which markdown-it hands a page to its extensions, and the rules for
//! `{.class}` attributes are stated over that shape; pulldown-cmark's events are brought into it.

use std::ops::Range;

/// Attributes of an element, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Attributes(Vec<(String, String)>);

impl Attributes {
    /// Adds an attribute; classes are joined, of others the first one counts.
    pub(super) fn add(&mut self, name: &str, value: &str) {
        let existing = self.0.iter_mut().find(|(known, _)| known == name);
        match existing {
            Some((_, classes)) if name == "class" => {
                classes.push(' ');
                classes.push_str(value);
            }
            Some(_) => {}
            None => self.0.push((name.to_owned(), value.to_owned())),
        }
    }

    /// The attributes as names and values.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// A block-level piece of a page.
#[derive(Debug)]
pub(super) struct Token {
    /// What it is.
    pub(super) kind: Kind,
    /// Its element's attributes; a close token has none.
    pub(super) attributes: Attributes,
}

/// What a block token is.
#[derive(Debug)]
pub(super) enum Kind {
    /// An element begins.
    Open(Element),
    /// The element that began at this index ends.
    Close(usize),
    /// The inline content of the leaf around it.
    Inline(Inline),
    /// A fence.
    Fence(Fence),
    /// Indented code.
    Code(String),
    /// Raw HTML.
    Html(String),
    /// A thematic break.
    Rule,
    /// Nothing any more: an attribute rule took it.
    Removed,
}

/// A block element that holds others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    /// `<p>`.
    Paragraph,
    /// The paragraph of a tight list item, which shows no `<p>`.
    HiddenParagraph,
    /// `<h1>` to `<h6>`.
    Heading(u8),
    /// `<blockquote>`.
    Quote,
    /// `<ul>`.
    BulletList,
    /// `<ol>`, with its first number.
    OrderedList(u64),
    /// `<li>`.
    Item,
    /// `<table>`.
    Table,
    /// `<thead>`.
    TableHead,
    /// `<tbody>`.
    TableBody,
    /// `<tr>`.
    TableRow,
    /// `<th>`.
    HeadCell(Alignment),
    /// `<td>`.
    Cell(Alignment),
}

/// How a table's column is aligned, as CSS says it.
pub(super) type Alignment = Option<&'static str>;

/// The inline content of a leaf block.
#[derive(Debug, Default)]
pub(super) struct Inline {
    /// Its pieces.
    pub(super) spans: Vec<Span>,
    /// Where it is in the source.
    pub(super) range: Range<usize>,
}

/// A fence.
#[derive(Debug)]
pub(super) struct Fence {
    /// What follows the opening backticks or tildes, as written.
    pub(super) info: String,
    /// Its content, without the prefixes of lists and quotes.
    pub(super) content: String,
    /// Where it begins in the source.
    pub(super) start: usize,
}

/// An inline piece of a page.
#[derive(Debug)]
pub(super) struct Span {
    /// What it is.
    pub(super) kind: SpanKind,
    /// Its element's attributes; a close span has none.
    pub(super) attributes: Attributes,
}

/// What an inline span is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SpanKind {
    /// An element begins: `em`, `strong`, `s` or `a`.
    Open(&'static str),
    /// The element that began at this index of the spans ends.
    Close(usize),
    /// Text.
    Text(String),
    /// Inline code.
    Code(String),
    /// An inline tag or comment, as written.
    Html(String),
    /// An image, with its alternative text.
    Image(String),
    /// A line end within a paragraph.
    SoftBreak,
    /// A forced line end.
    HardBreak,
}

impl From<Kind> for Token {
    fn from(kind: Kind) -> Self {
        Self {
            kind,
            attributes: Attributes::default(),
        }
    }
}

impl From<SpanKind> for Span {
    fn from(kind: SpanKind) -> Self {
        Self {
            kind,
            attributes: Attributes::default(),
        }
    }
}

impl Span {
    /// The text of a text span.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            SpanKind::Text(text) => Some(text),
            _ => None,
        }
    }
}
