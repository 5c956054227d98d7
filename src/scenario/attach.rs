//! Gives `{.class}` lists to the elements they stand behind, and takes them out of the text.
//!
//! # Compatibility
//!
//! Follows markdown-it-attrs 4.1.3: its rules, and their order. Where they look odd (a list in a
//! line of its own under a list item goes to the list, at the end of the line to the item), real
//! pages may count on it.

use super::curly;
use super::text::trim;
use super::token::{Element, Fence, Kind, Span, SpanKind, Token};

/// Applies all rules to the tokens of a page, in one pass.
pub(super) fn attach(tokens: &mut [Token], source: &str) {
    let mut list = None;
    for index in 0..tokens.len() {
        match &tokens[index].kind {
            Kind::Open(Element::BulletList | Element::OrderedList(_)) => list = Some(index),
            Kind::Open(Element::Paragraph | Element::HiddenParagraph) => {
                rule(tokens, index, source);
            }
            Kind::Close(open) => {
                let open = *open;
                paragraph_behind(tokens, index, open, source);
            }
            Kind::Inline(_) => inline(tokens, index, list),
            Kind::Fence(_) => fence(&mut tokens[index]),
            _ => {}
        }
    }
}

/// Adds the attributes of a list to an element.
fn add(tokens: &mut [Token], index: usize, pairs: &[(String, String)]) {
    if let Some(token) = tokens.get_mut(index) {
        for (name, value) in pairs {
            token.attributes.add(name, value);
        }
    }
}

/// A fence's info string that ends with a list.
fn fence(token: &mut Token) {
    let Kind::Fence(Fence { info, .. }) = &mut token.kind else {
        return;
    };
    let Some((before, pairs)) = curly::at_end(info) else {
        return;
    };
    *info = before.to_owned();
    for (name, value) in pairs {
        token.attributes.add(&name, &value);
    }
}

/// A paragraph of dashes and a list is a thematic break.
fn rule(tokens: &mut [Token], index: usize, source: &str) {
    let Some(Kind::Inline(inline)) = tokens.get(index + 1).map(|token| &token.kind) else {
        return;
    };
    let text = trim(source.get(inline.range.clone()).unwrap_or_default());
    if inline.spans.len() != 1 || !is_rule_with_list(text) {
        return;
    }
    let pairs = text
        .rfind('{')
        .and_then(|start| text.get(start..))
        .map(curly::pairs);
    tokens[index].kind = Kind::Rule;
    add(tokens, index, &pairs.unwrap_or_default());
    remove(tokens, index + 1..index + 3);
}

fn is_rule_with_list(text: &str) -> bool {
    let list = text.trim_start_matches(['-', '*', '_']);
    let list_after_space = list.strip_prefix(' ').unwrap_or(list);
    text.len() - list.len() >= 3
        && list_after_space
            .strip_prefix('{')
            .is_some_and(|rest| !rest.is_empty() && !rest.starts_with('}'))
}

/// A paragraph that is only a list, behind a list or table.
fn paragraph_behind(tokens: &mut [Token], close: usize, open: usize, source: &str) {
    let is_list = match tokens[open].kind {
        Kind::Open(Element::BulletList | Element::OrderedList(_)) => true,
        Kind::Open(Element::Table) => false,
        _ => return,
    };
    let [paragraph, leaf, ..] = &tokens[close + 1..] else {
        return;
    };
    let (Kind::Open(Element::Paragraph | Element::HiddenParagraph), Kind::Inline(inline)) =
        (&paragraph.kind, &leaf.kind)
    else {
        return;
    };
    let text = trim(source.get(inline.range.clone()).unwrap_or_default());
    let Some(pairs) = curly::only(text) else {
        return;
    };
    if is_list && inline.spans.len() != 1 {
        return;
    }
    add(tokens, open, &pairs);
    remove(tokens, close + 1..close + 4);
}

fn remove(tokens: &mut [Token], range: std::ops::Range<usize>) {
    for token in tokens.get_mut(range).unwrap_or_default() {
        *token = Kind::Removed.into();
    }
}

/// The lists within and at the end of an inline content. `list` is the list that began last.
fn inline(tokens: &mut [Token], index: usize, list: Option<usize>) {
    if let Kind::Inline(inline) = &mut tokens[index].kind {
        lists_behind_spans(&mut inline.spans);
    }
    let item = index
        .checked_sub(2)
        .filter(|&item| matches!(tokens[item].kind, Kind::Open(Element::Item)));
    if item.is_some()
        && let Some(list) = list
        && let Some(pairs) = take_last_line(tokens, index)
    {
        add(tokens, list, &pairs);
    }
    if let Some(item) = item
        && let Some(pairs) = take_end(tokens, index)
    {
        add(tokens, item, &pairs);
    }
    let outermost = outermost_closed(tokens, index);
    if let Some(pairs) = take_last_line(tokens, index) {
        add(tokens, outermost, &pairs);
    }
    if let Some(pairs) = take_end(tokens, index) {
        add(tokens, outermost, &pairs);
    }
}

/// The outermost element that ends right behind the inline content at `index`.
fn outermost_closed(tokens: &[Token], index: usize) -> usize {
    let closed = tokens[index + 1..]
        .iter()
        .map_while(|token| match token.kind {
            Kind::Close(open) => Some(open),
            _ => None,
        });
    closed.last().unwrap_or(index)
}

/// Lists right behind images and code, then those behind elements that close.
fn lists_behind_spans(spans: &mut [Span]) {
    for index in 1..spans.len() {
        let owner = match &spans[index - 1].kind {
            SpanKind::Image(_) | SpanKind::Code(_) => index - 1,
            SpanKind::Close(open) => *open,
            _ => continue,
        };
        let Some(text) = spans[index].text() else {
            continue;
        };
        let mut rest = text;
        let mut all = Vec::new();
        while let Some((pairs, behind)) = curly::at_start(rest) {
            all.extend(pairs);
            rest = behind;
        }
        spans[index].kind = SpanKind::Text(rest.to_owned());
        for (name, value) in all {
            spans[owner].attributes.add(&name, &value);
        }
    }
}

/// Takes the last line of an inline content if it is only a list.
fn take_last_line(tokens: &mut [Token], index: usize) -> Option<Vec<(String, String)>> {
    let Kind::Inline(inline) = &mut tokens[index].kind else {
        return None;
    };
    let [.., line_end, last] = &inline.spans[..] else {
        return None;
    };
    if line_end.kind != SpanKind::SoftBreak {
        return None;
    }
    let pairs = curly::only(last.text()?)?;
    inline.spans.truncate(inline.spans.len() - 2);
    Some(pairs)
}

/// Takes the list that an inline content ends with.
fn take_end(tokens: &mut [Token], index: usize) -> Option<Vec<(String, String)>> {
    let Kind::Inline(inline) = &mut tokens[index].kind else {
        return None;
    };
    let last = inline.spans.last_mut()?;
    let (before, pairs) = curly::at_end(last.text()?)?;
    let before = before.to_owned();
    last.kind = SpanKind::Text(before);
    Some(pairs)
}
