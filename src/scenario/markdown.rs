//! Reads Markdown into tokens, with pulldown-cmark.
//!
//! # Compatibility
//!
//! Where pulldown-cmark and markdown-it 12 differ, this follows markdown-it: one tilde does not
//! strike, and links to `javascript:` and the like stay text.

use super::address::{is_linkable, normalise};
use super::link::step_address;
use super::mark::{Pieces, mark};
use super::token::{Alignment, Element, Fence, Inline, Kind, Span, SpanKind, Token};
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use std::ops::Range;

/// Marks a tag, link or image with its place in the source, until the page is read back.
pub(super) const POSITION_ATTRIBUTE: &str = "data-katahost-position";

/// Brings line ends and NUL characters into the form that the rest relies on.
pub(super) fn normalise_source(markdown: &str) -> String {
    markdown
        .replace("\r\n", "\n")
        .replace('\r', "\n")
        .replace('\0', "\u{fffd}")
}

/// Reads normalised Markdown.
pub(super) fn read(source: &str) -> Vec<Token> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let mut reader = Reader {
        source,
        ..Reader::default()
    };
    for (event, range) in Parser::new_ext(source, options).into_offset_iter() {
        reader.event(event, range);
    }
    reader.tokens
}

/// Turns events into tokens.
#[derive(Debug, Default)]
struct Reader<'a> {
    source: &'a str,
    tokens: Vec<Token>,
    /// The indices of the block elements that are open.
    open: Vec<usize>,
    /// The leaf that is open: its inline content so far.
    inline: Option<Inline>,
    /// The inline elements that are open.
    open_spans: Vec<OpenSpan>,
    /// The image that is open: how deep, and its text so far.
    image: Option<(usize, Image)>,
    /// The code or HTML block that is open.
    raw: Option<Kind>,
    /// Where the pieces of the HTML block that is open stand in the source.
    pieces: Pieces,
    /// The alignment of the table's columns, and the column that comes next.
    columns: (Vec<Alignment>, usize),
    /// Where the last inline event ended in the source.
    inline_end: usize,
}

/// What an inline element that is open will be when it closes.
#[derive(Debug, Clone, Copy)]
enum OpenSpan {
    /// An element, opened by the span of this index.
    Element(usize),
    /// Text: one tilde.
    Tilde,
    /// Text: a link that is not one.
    Source,
}

#[derive(Debug)]
struct Image {
    address: String,
    title: String,
    text: String,
    start: usize,
}

impl Reader<'_> {
    fn event(&mut self, event: Event<'_>, range: Range<usize>) {
        if self.image.is_some() {
            self.in_image(&event, range);
            return;
        }
        match event {
            Event::Start(tag) => self.start(tag, range),
            Event::End(tag) => self.end(tag, range),
            Event::Text(text) if self.raw.is_some() => self.push_raw(&text),
            Event::Html(html) => self.push_html(&html, range.start),
            Event::Rule => self.block(Kind::Rule),
            Event::Text(text) => self.span(SpanKind::Text(text.into_string()), range),
            Event::Code(code) => self.span(SpanKind::Code(code.into_string()), range),
            Event::InlineHtml(html) => {
                let html = mark(&html, &Pieces::one(range.start));
                self.span(SpanKind::Html(html), range);
            }
            Event::SoftBreak => self.span(SpanKind::SoftBreak, range),
            Event::HardBreak => self.span(SpanKind::HardBreak, range),
            // Extensions that are not switched on.
            Event::FootnoteReference(_)
            | Event::TaskListMarker(_)
            | Event::InlineMath(_)
            | Event::DisplayMath(_) => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>, range: Range<usize>) {
        match tag {
            Tag::Paragraph => self.open_leaf(Element::Paragraph, range),
            Tag::Heading { level, .. } => self.open_leaf(Element::Heading(level as u8), range),
            Tag::BlockQuote(_) => self.open(Element::Quote),
            Tag::List(None) => self.open(Element::BulletList),
            Tag::List(Some(first)) => self.open(Element::OrderedList(first)),
            Tag::Item => self.open(Element::Item),
            Tag::Table(alignments) => {
                self.columns = (alignments.into_iter().map(css_alignment).collect(), 0);
                self.open(Element::Table);
            }
            Tag::TableHead => {
                self.open(Element::TableHead);
                self.open(Element::TableRow);
            }
            Tag::TableRow => self.open_row(),
            Tag::TableCell => self.open_cell(range),
            Tag::CodeBlock(kind) => self.open_code(&kind, range),
            Tag::HtmlBlock => self.open_raw(Kind::Html(String::new())),
            Tag::Emphasis => self.open_span("em", range),
            Tag::Strong => self.open_span("strong", range),
            Tag::Strikethrough => self.open_strike(range),
            Tag::Link {
                dest_url, title, ..
            } => self.open_link(&dest_url, &title, range),
            Tag::Image {
                dest_url, title, ..
            } => {
                let (address, title) = (dest_url.into_string(), title.into_string());
                let image = Image {
                    address,
                    title,
                    text: String::new(),
                    start: range.start,
                };
                self.image = Some((1, image));
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd, range: Range<usize>) {
        match tag {
            TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::TableCell => self.close_leaf(),
            TagEnd::BlockQuote(_) | TagEnd::List(_) | TagEnd::Item | TagEnd::TableRow => {
                self.close();
            }
            TagEnd::TableHead => {
                self.close();
                self.close();
            }
            TagEnd::Table => self.close_table(),
            TagEnd::CodeBlock | TagEnd::HtmlBlock => self.close_raw(),
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough | TagEnd::Link => {
                self.close_span(range);
            }
            _ => {}
        }
    }

    // Blocks.

    /// Begins a block: the hidden paragraph of a tight item ends before it.
    fn block(&mut self, kind: Kind) {
        if self.inline.is_some() {
            self.close_leaf();
        }
        self.tokens.push(kind.into());
    }

    fn open(&mut self, element: Element) {
        self.block(Kind::Open(element));
        self.open.push(self.tokens.len() - 1);
    }

    fn close(&mut self) {
        if self.inline.is_some() {
            self.close_leaf();
        }
        if let Some(open) = self.open.pop() {
            self.tokens.push(Kind::Close(open).into());
        }
    }

    fn open_leaf(&mut self, element: Element, range: Range<usize>) {
        self.open(element);
        self.inline = Some(Inline {
            spans: Vec::new(),
            range,
        });
    }

    fn close_leaf(&mut self) {
        let mut inline = self.inline.take().unwrap_or_default();
        inline.range.end = inline.range.end.max(self.inline_end.min(self.source.len()));
        self.open_spans.clear();
        // pulldown-cmark leaves a tab at the end of a heading, behind which no list would count.
        if let Some(Span {
            kind: SpanKind::Text(text),
            ..
        }) = inline.spans.last_mut()
        {
            text.truncate(text.trim_end_matches([' ', '\t']).len());
        }
        self.tokens.push(Kind::Inline(inline).into());
        self.close();
    }

    fn open_row(&mut self) {
        let in_body = self.open.last().is_some_and(|&index| {
            matches!(self.tokens[index].kind, Kind::Open(Element::TableBody))
        });
        if !in_body {
            self.open(Element::TableBody);
        }
        self.columns.1 = 0;
        self.open(Element::TableRow);
    }

    fn open_cell(&mut self, range: Range<usize>) {
        let alignment = self.columns.0.get(self.columns.1).copied().flatten();
        self.columns.1 += 1;
        let in_head = self.open.iter().rev().nth(1).is_some_and(|&index| {
            matches!(self.tokens[index].kind, Kind::Open(Element::TableHead))
        });
        let cell = if in_head {
            Element::HeadCell(alignment)
        } else {
            Element::Cell(alignment)
        };
        self.open_leaf(cell, range);
    }

    fn close_table(&mut self) {
        while let Some(&index) = self.open.last() {
            let is_table = matches!(self.tokens[index].kind, Kind::Open(Element::Table));
            self.close();
            if is_table {
                break;
            }
        }
    }

    fn open_code(&mut self, kind: &CodeBlockKind<'_>, range: Range<usize>) {
        self.open_raw(match kind {
            CodeBlockKind::Indented => Kind::Code(String::new()),
            CodeBlockKind::Fenced(_) => Kind::Fence(Fence {
                info: self.info(range.start),
                content: String::new(),
                start: range.start,
            }),
        });
    }

    /// The info string of the fence at `start` as written; pulldown-cmark has it decoded.
    fn info(&self, start: usize) -> String {
        let line = self
            .source
            .get(start..)
            .and_then(|rest| rest.lines().next())
            .unwrap_or_default();
        let line = line.trim_start();
        let fence = line.chars().next().unwrap_or_default();
        line.trim_start_matches(fence).to_owned()
    }

    fn open_raw(&mut self, kind: Kind) {
        if self.inline.is_some() {
            self.close_leaf();
        }
        self.raw = Some(kind);
    }

    fn push_raw(&mut self, text: &str) {
        if let Some(Kind::Fence(Fence { content: raw, .. }) | Kind::Code(raw) | Kind::Html(raw)) =
            &mut self.raw
        {
            raw.push_str(text);
        }
    }

    fn push_html(&mut self, html: &str, start: usize) {
        if let Some(Kind::Html(raw)) = &self.raw {
            self.pieces.push(raw.len(), start);
        }
        self.push_raw(html);
    }

    fn close_raw(&mut self) {
        let pieces = std::mem::take(&mut self.pieces);
        if let Some(mut kind) = self.raw.take() {
            if let Kind::Html(raw) = &mut kind {
                *raw = mark(raw, &pieces);
            }
            if let Kind::Code(code) = &mut kind
                && !code.ends_with('\n')
            {
                code.push('\n');
            }
            self.tokens.push(kind.into());
        }
    }

    // Inline.

    /// The spans of the leaf that is open; in a tight list item, a hidden paragraph opens.
    fn spans(&mut self, range: &Range<usize>) -> &mut Vec<Span> {
        if self.inline.is_none() {
            self.open_leaf(Element::HiddenParagraph, range.clone());
        }
        &mut self.inline.get_or_insert_default().spans
    }

    /// Appends a span; text joins the text before it.
    fn span(&mut self, kind: SpanKind, range: Range<usize>) {
        let spans = self.spans(&range);
        if let SpanKind::Text(more) = &kind
            && let Some(Span {
                kind: SpanKind::Text(text),
                ..
            }) = spans.last_mut()
        {
            text.push_str(more);
        } else {
            spans.push(kind.into());
        }
        self.inline_end = range.end;
    }

    fn text(&mut self, range: Range<usize>) {
        let text = self
            .source
            .get(range.clone())
            .unwrap_or_default()
            .to_owned();
        self.span(SpanKind::Text(text), range);
    }

    fn open_span(&mut self, name: &'static str, range: Range<usize>) {
        self.span(SpanKind::Open(name), range.start..range.start);
        let index = self.spans(&range).len() - 1;
        self.open_spans.push(OpenSpan::Element(index));
    }

    fn open_strike(&mut self, range: Range<usize>) {
        let source = self.source.get(range.clone()).unwrap_or_default();
        if source.starts_with("~~") {
            self.open_span("s", range);
        } else {
            self.text(range.start..range.start + 1);
            self.open_spans.push(OpenSpan::Tilde);
        }
    }

    fn open_link(&mut self, address: &str, title: &str, range: Range<usize>) {
        if !is_linkable(address) {
            self.text(range.start..range.start + 1);
            self.open_spans.push(OpenSpan::Source);
            return;
        }
        let start = range.start;
        self.open_span("a", range);
        let Some(link) = self
            .inline
            .as_mut()
            .and_then(|inline| inline.spans.last_mut())
        else {
            return;
        };
        let address = normalise(address);
        link.attributes
            .add("href", &step_address(&address).unwrap_or(address));
        if !title.is_empty() {
            link.attributes.add("title", title);
        }
        link.attributes.add(POSITION_ATTRIBUTE, &start.to_string());
    }

    fn close_span(&mut self, range: Range<usize>) {
        match self.open_spans.pop() {
            Some(OpenSpan::Element(open)) => self.span(SpanKind::Close(open), range.end..range.end),
            Some(OpenSpan::Tilde) => self.text(range.end.saturating_sub(1)..range.end),
            Some(OpenSpan::Source) => self.text(self.inline_end..range.end),
            None => {}
        }
    }

    /// Within an image only its text counts, as with markdown-it 12: code and tags are left out.
    fn in_image(&mut self, event: &Event<'_>, range: Range<usize>) {
        let Some((depth, image)) = &mut self.image else {
            return;
        };
        match event {
            Event::Text(text) => image.text.push_str(text),
            Event::SoftBreak => image.text.push('\n'),
            Event::Start(Tag::Image { .. }) => *depth += 1,
            Event::End(TagEnd::Image) => *depth -= 1,
            _ => {}
        }
        if *depth == 0
            && let Some((_, image)) = self.image.take()
        {
            self.close_image(image, range.end);
        }
    }

    fn close_image(&mut self, image: Image, end: usize) {
        let range = image.start..end;
        if !is_linkable(&image.address) {
            self.text(range);
            return;
        }
        self.span(SpanKind::Image(image.text), range.clone());
        if let Some(span) = self.spans(&range).last_mut() {
            span.attributes.add("src", &normalise(&image.address));
            let start = image.start.to_string();
            span.attributes.add(POSITION_ATTRIBUTE, &start);
            if !image.title.is_empty() {
                span.attributes.add("title", &image.title);
            }
        }
    }
}

fn css_alignment(alignment: pulldown_cmark::Alignment) -> Alignment {
    match alignment {
        pulldown_cmark::Alignment::None => None,
        pulldown_cmark::Alignment::Left => Some("left"),
        pulldown_cmark::Alignment::Center => Some("center"),
        pulldown_cmark::Alignment::Right => Some("right"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fences(source: &str) -> Vec<(String, String)> {
        let fences = read(source)
            .into_iter()
            .filter_map(|token| match token.kind {
                Kind::Fence(fence) => Some((fence.info, fence.content)),
                _ => None,
            });
        fences.collect()
    }

    #[test]
    fn source_has_plain_line_ends_and_no_nul() {
        assert_eq!(normalise_source("a\r\nb\rc\0"), "a\nb\nc\u{fffd}");
    }

    #[test]
    fn fence_keeps_its_info_as_written() {
        let source = "> ~~~sh&amp;x {.a} \n> x\n> ~~~\n";
        assert_eq!(
            fences(source),
            [("sh&amp;x {.a} ".to_owned(), "x\n".to_owned())]
        );
        assert_eq!(fences("```"), [(String::new(), String::new())]);
    }

    #[test]
    fn tight_items_get_a_hidden_paragraph() {
        let tokens = read("- a\n  - b\n");
        let hidden = tokens
            .iter()
            .filter(|token| matches!(token.kind, Kind::Open(Element::HiddenParagraph)))
            .count();
        assert_eq!(hidden, 2);
    }
}
