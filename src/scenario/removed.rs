//! What the sanitiser took out of a page, for its author: the HTML before is compared with the
//! HTML after.

use super::diagnostic::{Diagnostic, Place};
use super::markdown::POSITION_ATTRIBUTE;
use super::render::BLOCK_ATTRIBUTE;
use super::text::{list, quote};
use scraper::Html;
use scraper::node::Element;

/// Attributes that say nothing to a learner's browser, so that nobody misses them.
const WITHOUT_EFFECT: [&str; 9] = [
    "rel",
    "referrerpolicy",
    "crossorigin",
    "integrity",
    "decoding",
    "fetchpriority",
    "spellcheck",
    "translate",
    "xmlns",
];

/// Attributes that hold an address.
const ADDRESSES: [&str; 3] = ["href", "src", "poster"];

/// Compares a page before and after sanitising. `place_of` tells where in the Markdown a place is.
pub(super) fn removed(
    before: &str,
    after: &str,
    file: &str,
    place_of: &dyn Fn(usize) -> Place,
) -> Vec<Diagnostic> {
    let (before, after) = (Html::parse_fragment(before), Html::parse_fragment(after));
    let mut kept = elements(&after).peekable();
    let mut found = Vec::new();
    for element in elements(&before) {
        let place = get(element, POSITION_ATTRIBUTE)
            .and_then(|position| position.parse().ok())
            .map(place_of);
        let report = Report { file, place };
        match kept.next_if(|kept| kept.name() == element.name()) {
            Some(kept) => report.attributes(element, kept, &mut found),
            None => found.extend(report.element(element)),
        }
    }
    found
}

/// All elements in document order, but the root that the parser puts around them, and what stands
/// inside drawings, which are told of as a whole.
fn elements(tree: &Html) -> impl Iterator<Item = &Element> {
    let nodes = tree.root_element().descendants().skip(1);
    let foreign = |name: &str| name == "svg" || name == "math";
    nodes
        .filter(move |node| {
            !node.ancestors().any(|above| {
                above
                    .value()
                    .as_element()
                    .is_some_and(|element| foreign(element.name()))
            })
        })
        .filter_map(|node| node.value().as_element())
}

fn get<'a>(element: &'a Element, name: &str) -> Option<&'a str> {
    element.attr(name)
}

/// Says what one element lost.
struct Report<'a> {
    file: &'a str,
    place: Option<Place>,
}

impl Report<'_> {
    /// The element itself is gone. One without a place is not the author's: a table's `<tbody>`.
    fn element(&self, element: &Element) -> Option<Diagnostic> {
        self.place?;
        let name = element.name();
        let hint = match name {
            "script" => "pages are content: nothing in them runs",
            "style" => "use Bootstrap's and Katapod's classes, or the element's own `style`",
            "form" => "its content stays; a page can't send anything",
            "iframe" | "object" | "embed" | "svg" | "math" => {
                "show a picture, or link to the page that has it"
            }
            _ => "what is in it stays; where it is meant as text, write it as `code` or with &lt;",
        };
        let message = format!("the element {} is removed", quote(&format!("<{name}")));
        Some(self.warning("element-removed", message, hint))
    }

    /// The element is there; each of its attributes may be gone or shorter.
    fn attributes(&self, before: &Element, after: &Element, found: &mut Vec<Diagnostic>) {
        for (name, value) in before.attrs() {
            if [POSITION_ATTRIBUTE, BLOCK_ATTRIBUTE].contains(&name) {
                continue;
            }
            match after.attr(name) {
                Some(kept) if name == "style" => self.style(value, kept, found),
                Some(_) => {}
                None if WITHOUT_EFFECT.contains(&name) || value.is_empty() => {}
                None if ADDRESSES.contains(&name) => {
                    found.push(self.address(before.name(), value));
                }
                None => found.push(self.attribute(before.name(), name)),
            }
        }
    }

    fn address(&self, element: &str, value: &str) -> Diagnostic {
        let hint = if element == "iframe" {
            "only players of YouTube are embedded; link to the page instead"
        } else {
            "it is left out; write https://…, or the path of a file of the scenario"
        };
        let message = format!("the address {} is not allowed", quote(value));
        Diagnostic::error("address-refused", self.file, message)
            .at_place(self.place)
            .with_hint(hint)
    }

    fn attribute(&self, element: &str, name: &str) -> Diagnostic {
        let hint = if name.starts_with("on") {
            "pages are content: nothing in them runs"
        } else {
            "the element stays, without it"
        };
        let message = format!("the attribute {} of `<{element}` is removed", quote(name));
        self.warning("attribute-removed", message, hint)
    }

    /// Style properties that are gone.
    fn style(&self, before: &str, after: &str, found: &mut Vec<Diagnostic>) {
        let kept: Vec<String> = properties(after).collect();
        let gone: Vec<String> = properties(before)
            .filter(|property| !kept.contains(property))
            .collect();
        let names: Vec<&str> = gone.iter().map(String::as_str).collect();
        let message = match names[..] {
            [] => return,
            [_] => format!("the style {} is removed", list(&names)),
            _ => format!("the styles {} are removed", list(&names)),
        };
        let hint = "nothing on a page can leave its place or load something by itself";
        found.push(self.warning("style-removed", message, hint));
    }

    fn warning(&self, code: &'static str, message: String, hint: &str) -> Diagnostic {
        Diagnostic::warning(code, self.file, message)
            .at_place(self.place)
            .with_hint(hint)
    }
}

/// The names of the properties of a style.
fn properties(style: &str) -> impl Iterator<Item = String> {
    let named = style.split(';').filter_map(|one| one.split_once(':'));
    named.map(|(name, _)| name.trim().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::super::config::{Config, ConfigFiles};
    use super::super::page::Page;

    fn found(markdown: &str) -> Vec<(&'static str, Option<usize>)> {
        let config = Config::read(ConfigFiles::default()).0;
        let page = Page::parse_for_author("intro", markdown, &config);
        let found = page.diagnostics.iter();
        found.map(|one| (one.code, one.line)).collect()
    }

    #[test]
    fn what_is_removed_is_named_with_its_line() {
        let cases = [
            ("x\n\n<script>\n1\n</script>", "element-removed", 3),
            ("x <blink>y</blink>", "element-removed", 1),
            ("<form>\n<b>x</b>\n</form>", "element-removed", 1),
            ("<style>a{}</style>", "element-removed", 1),
            ("<div>\n<p onclick=x>y</p></div>", "attribute-removed", 2),
            (
                "<p style='color:red;position:fixed'>x</p>",
                "style-removed",
                1,
            ),
            ("<p style='background:url(x)'>x</p>", "attribute-removed", 1),
            ("a\n\n*b*{onclick=x}", "attribute-removed", 3),
            ("a\n<a href='javascript:x'>y</a>", "address-refused", 2),
            (
                "<iframe src='https://example.com'></iframe>",
                "address-refused",
                1,
            ),
            ("<svg><path d=''/><g></g></svg>", "element-removed", 1),
        ];
        for (markdown, code, line) in cases {
            assert_eq!(found(markdown), [(code, Some(line))], "{markdown}");
        }
    }

    #[test]
    fn what_stays_is_not_named() {
        for markdown in [
            "<table><tr><td>x</td></tr></table>",
            "<a href=https://example.com rel=noopener target=_blank>x</a>",
            "<p style='color: red; margin : 0'>x</p>",
            "<p>a<p>b<br/>",
            "| a |\n|--:|\n| b |\n",
            "<!-- <script> -->",
            "`<script>`\n\n    <script>\n",
        ] {
            assert_eq!(found(markdown), [], "{markdown}");
        }
    }
}
