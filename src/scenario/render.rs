//! Tokens as HTML, the way markdown-it writes it.

use super::header::part;
use super::text::escape_into;
use super::token::{Attributes, Element, Fence, Inline, Kind, Span, SpanKind, Token};
use std::fmt::Write as _;

/// Names a fence's block in the HTML, until the sanitiser has been over it. Its value begins with
/// the page's nonce, which no author can know, so that no other element passes for a block.
pub(super) const BLOCK_ATTRIBUTE: &str = "data-katahost-block";

/// Renders a page.
pub(super) fn render(tokens: &[Token], nonce: &str) -> String {
    let mut html = String::new();
    let mut blocks = 0;
    let mut after_hidden = false;
    for (index, token) in tokens.iter().enumerate() {
        // Text of a tight list item does not run into the block that follows.
        if after_hidden && matches!(token.kind, Kind::Open(_) | Kind::Fence(_) | Kind::Rule) {
            html.push('\n');
        }
        after_hidden = is_hidden_close(tokens, index);
        match &token.kind {
            Kind::Open(element) => {
                open(&mut html, *element, &token.attributes);
                let next = tokens.get(index + 1).map(|next| &next.kind);
                if !matches!(
                    next,
                    Some(Kind::Inline(_) | Kind::Open(Element::HiddenParagraph) | Kind::Close(_))
                ) {
                    html.push('\n');
                }
            }
            Kind::Close(open) => close(&mut html, &tokens[*open]),
            Kind::Inline(inline) => spans(&mut html, inline),
            Kind::Fence(content) => {
                fence(
                    &mut html,
                    content,
                    &token.attributes,
                    (BLOCK_ATTRIBUTE, &format!("{nonce}:{blocks}")),
                );
                blocks += 1;
            }
            Kind::Code(code) => {
                html.push_str("<pre><code>");
                escape_into(&mut html, code);
                html.push_str("</code></pre>\n");
            }
            Kind::Html(raw) => html.push_str(raw),
            Kind::Rule => {
                tag(&mut html, "hr", &token.attributes);
                html.push('\n');
            }
            Kind::Removed => {}
        }
    }
    html
}

fn is_hidden_close(tokens: &[Token], index: usize) -> bool {
    match tokens[index].kind {
        Kind::Close(open) => {
            matches!(tokens[open].kind, Kind::Open(Element::HiddenParagraph))
        }
        _ => false,
    }
}

/// Renders a fence outside the page's flow, with the attribute that the page shows in the end.
pub(super) fn fence_with_index(content: &Fence, index: usize) -> String {
    let mut html = String::new();
    fence(
        &mut html,
        content,
        &Attributes::default(),
        ("data-block", &index.to_string()),
    );
    html
}

/// Renders a fence as a block.
fn fence(html: &mut String, fence: &Fence, attributes: &Attributes, block: (&str, &str)) {
    html.push_str("<pre");
    attribute(html, block.0, block.1);
    write_attributes(html, attributes);
    html.push_str("><code");
    let language = language(&fence.info);
    if !language.is_empty() {
        attribute(
            html,
            "class",
            &format!("language-{}", language.to_lowercase()),
        );
    }
    html.push('>');
    escape_into(html, &part(&fence.content).command);
    html.push_str("</code></pre>\n");
}

/// The first word of an info string.
pub(super) fn language(info: &str) -> &str {
    info.split_whitespace().next().unwrap_or_default()
}

fn open(html: &mut String, element: Element, attributes: &Attributes) {
    if element == Element::HiddenParagraph {
        return;
    }
    let mut attributes = attributes.clone();
    match element {
        Element::OrderedList(first) if first != 1 => attributes.add("start", &first.to_string()),
        Element::HeadCell(Some(alignment)) | Element::Cell(Some(alignment)) => {
            attributes.add("style", &format!("text-align:{alignment}"));
        }
        Element::Table => attributes.add("class", "katapod-table"),
        _ => {}
    }
    tag(html, &name(element), &attributes);
}

fn close(html: &mut String, open: &Token) {
    if let Kind::Open(element) = open.kind
        && element != Element::HiddenParagraph
    {
        end_tag(html, &name(element));
        html.push('\n');
    }
}

fn name(element: Element) -> String {
    let name = match element {
        Element::Paragraph | Element::HiddenParagraph => "p",
        Element::Heading(level) => return format!("h{level}"),
        Element::Quote => "blockquote",
        Element::BulletList => "ul",
        Element::OrderedList(_) => "ol",
        Element::Item => "li",
        Element::Table => "table",
        Element::TableHead => "thead",
        Element::TableBody => "tbody",
        Element::TableRow => "tr",
        Element::HeadCell(_) => "th",
        Element::Cell(_) => "td",
    };
    name.to_owned()
}

fn spans(html: &mut String, inline: &Inline) {
    for span in &inline.spans {
        match &span.kind {
            SpanKind::Open(name) => tag(html, name, &span.attributes),
            SpanKind::Close(open) => {
                if let Some(Span {
                    kind: SpanKind::Open(name),
                    ..
                }) = inline.spans.get(*open)
                {
                    end_tag(html, name);
                }
            }
            SpanKind::Text(text) => escape_into(html, text),
            SpanKind::Code(code) => {
                let mut attributes = span.attributes.clone();
                attributes.add("class", "inline_code");
                tag(html, "code", &attributes);
                escape_into(html, code);
                end_tag(html, "code");
            }
            SpanKind::Html(raw) => html.push_str(raw),
            SpanKind::Image(alt) => {
                let mut attributes = span.attributes.clone();
                attributes.add("alt", alt);
                tag(html, "img", &attributes);
            }
            SpanKind::SoftBreak => html.push('\n'),
            SpanKind::HardBreak => html.push_str("<br>\n"),
        }
    }
}

fn tag(html: &mut String, name: &str, attributes: &Attributes) {
    html.push('<');
    html.push_str(name);
    write_attributes(html, attributes);
    html.push('>');
}

fn end_tag(html: &mut String, name: &str) {
    // Writing to a string can't fail.
    write!(html, "</{name}>").ok();
}

/// Writes attributes, without those whose name would not be one in HTML.
fn write_attributes(html: &mut String, attributes: &Attributes) {
    for (name, value) in attributes.iter() {
        let valid = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_:.".contains(&byte));
        if valid {
            attribute(html, name, value);
        }
    }
}

fn attribute(html: &mut String, name: &str, value: &str) {
    html.push(' ');
    html.push_str(name);
    html.push_str("=\"");
    escape_into(html, value);
    html.push('"');
}
