//! Lets through what real pages use, and nothing that runs.
//!
//! A page is content: scripts, event handlers, forms that go somewhere and style sheets are
//! removed. What addresses point at is judged once more when the page is read back, in `extract`.

use super::address::Address;
use ammonia::Builder;
use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::LazyLock;

/// Attributes that are ours: an author who writes them would speak for the program.
const RESERVED: [&str; 2] = ["data-block", "data-link"];

const TAGS: [&str; 13] = [
    "button", "font", "footer", "iframe", "input", "label", "main", "section", "source", "tfoot",
    "u", "video", "strike",
];

const GENERIC_ATTRIBUTES: [&str; 12] = [
    "align", "class", "dir", "height", "hidden", "id", "lang", "role", "style", "tabindex",
    "title", "width",
];

/// Style properties that can't move an element out of its place or load anything.
const STYLE_PROPERTIES: [&str; 74] = [
    "background",
    "background-color",
    "border",
    "border-bottom",
    "border-collapse",
    "border-color",
    "border-left",
    "border-radius",
    "border-right",
    "border-spacing",
    "border-style",
    "border-top",
    "border-width",
    "box-shadow",
    "clear",
    "color",
    "column-gap",
    "cursor",
    "display",
    "flex",
    "flex-basis",
    "flex-direction",
    "flex-flow",
    "flex-grow",
    "flex-shrink",
    "flex-wrap",
    "align-content",
    "align-items",
    "align-self",
    "justify-content",
    "float",
    "font",
    "font-family",
    "font-size",
    "font-style",
    "font-variant",
    "font-weight",
    "gap",
    "grid-template-columns",
    "height",
    "letter-spacing",
    "line-height",
    "list-style",
    "list-style-type",
    "margin",
    "margin-bottom",
    "margin-left",
    "margin-right",
    "margin-top",
    "max-height",
    "max-width",
    "min-height",
    "min-width",
    "opacity",
    "overflow",
    "overflow-x",
    "overflow-y",
    "padding",
    "padding-bottom",
    "padding-left",
    "padding-right",
    "padding-top",
    "row-gap",
    "text-align",
    "text-decoration",
    "text-indent",
    "text-transform",
    "vertical-align",
    "visibility",
    "white-space",
    "width",
    "word-break",
    "word-wrap",
    "overflow-wrap",
];

/// Where an `<iframe>` may come from.
const FRAME_SOURCES: [&str; 3] = [
    "https://www.youtube.com/embed/",
    "https://youtube.com/embed/",
    "https://www.youtube-nocookie.com/embed/",
];

/// What an `<input>` may be: something to tick or write in, without a file, picture or password.
const INPUT_TYPES: [&str; 6] = ["checkbox", "radio", "text", "number", "range", "button"];

static SANITISER: LazyLock<Builder<'static>> = LazyLock::new(builder);

/// Sanitises a page.
pub(super) fn sanitise(html: &str) -> String {
    SANITISER.clean(html).to_string()
}

fn builder() -> Builder<'static> {
    let mut builder = Builder::default();
    builder
        .add_tags(TAGS)
        .add_generic_attributes(GENERIC_ATTRIBUTES)
        .add_generic_attribute_prefixes(["data-", "aria-"])
        .add_tag_attributes("a", ["name", "target"])
        .add_tag_attributes("button", ["type", "disabled"])
        .add_tag_attributes("details", ["open"])
        .add_tag_attributes("font", ["color", "face", "size"])
        .add_tag_attributes(
            "iframe",
            ["src", "allow", "allowfullscreen", "frameborder", "loading"],
        )
        .add_tag_attributes("img", ["loading"])
        .add_tag_attributes(
            "input",
            ["type", "checked", "disabled", "placeholder", "value"],
        )
        .add_tag_attributes("label", ["for"])
        .add_tag_attributes("ol", ["type", "reversed"])
        .add_tag_attributes("source", ["src", "type"])
        .add_tag_attributes("table", ["border", "cellpadding", "cellspacing"])
        .add_tag_attributes("td", ["valign"])
        .add_tag_attributes("th", ["valign"])
        .add_tag_attributes("tr", ["valign"])
        .add_tag_attributes(
            "video",
            [
                "src",
                "poster",
                "controls",
                "autoplay",
                "loop",
                "muted",
                "playsinline",
                "preload",
            ],
        )
        .url_schemes(HashSet::from([
            "http", "https", "mailto", "command", "data",
        ]))
        .filter_style_properties(HashSet::from(STYLE_PROPERTIES))
        // Set on web links alone, when the page is read back.
        .link_rel(None)
        .attribute_filter(|element, attribute, value| filter(element, attribute, value));
    builder
}

fn filter<'v>(element: &str, attribute: &str, value: &'v str) -> Option<Cow<'v, str>> {
    let allowed = match (element, attribute) {
        _ if RESERVED.contains(&attribute) => false,
        ("iframe", "src") => FRAME_SOURCES.iter().any(|source| value.starts_with(source)),
        ("input", "type") => INPUT_TYPES.contains(&value.to_ascii_lowercase().as_str()),
        (_, "src" | "poster" | "cite") => {
            !matches!(Address::read(value), Address::Command | Address::Refused)
        }
        (_, "href") => !matches!(Address::read(value), Address::InlineImage),
        // The only function that a style may call; `url(…)` would load something.
        (_, "style") => !loads_something(value),
        _ => true,
    };
    allowed.then_some(Cow::Borrowed(value))
}

/// Whether a style asks for anything from anywhere. CSS escapes could spell `url` otherwise.
fn loads_something(style: &str) -> bool {
    let style = style.to_ascii_lowercase();
    ["url", "image", "\\", "@", "expression"]
        .iter()
        .any(|word| style.contains(word))
}
