//! Lets through what real pages use, and nothing that runs.
//!
//! A page is content: scripts, event handlers, forms that go somewhere and style sheets are
//! removed. What addresses point at is judged once more when the page is read back, in `extract`.

use super::address::Address;
use super::stray::unwrap_stray;
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
    SANITISER.clean(&unwrap_stray(html)).to_string()
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
        .attribute_filter(filter);
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

#[cfg(test)]
mod tests {
    use super::super::config::{Config, ConfigFiles};
    use super::super::page::Page;

    fn html(markdown: &str) -> String {
        Page::parse("intro", markdown, &Config::read(ConfigFiles::default()).0).html
    }

    #[test]
    fn nothing_that_runs_gets_through() {
        let attacks = [
            "<script>alert(1)</script>",
            "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
            "<img src=x onerror=alert(1)>",
            "<img src=x:alert(1) onerror=eval(src)>",
            "<div onclick='alert(1)' onmouseover=alert(1)>x</div>",
            "<details open ontoggle=alert(1)>x</details>",
            "<a href='javascript:alert(1)'>x</a>",
            "<a href='JaVaScRiPt:alert(1)'>x</a>",
            "<a href=' javascript:alert(1)'>x</a>",
            "<a href='java&#x0A;script:alert(1)'>x</a>",
            "<a href='java&Tab;script:alert(1)'>x</a>",
            "<a href='&#1;javascript:alert(1)'>x</a>",
            "<a href='vbscript:alert(1)'>x</a>",
            "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
            "[x](javascript:alert(1))",
            "[x](<java\\script:alert(1)>){href=javascript:alert(1)}",
            "[x](data:text/html;base64,PHNjcmlwdD4=)",
            "![x](javascript:alert(1))",
            "![x](command:katapod.start)",
            "<img src='command:katapod.start'>",
            "<svg onload=alert(1)><script>alert(1)</script></svg>",
            "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>",
            "<svg><animate attributeName=href values=javascript:alert(1) /></svg>",
            "<math><mtext><table><mglyph><style><img src onerror=alert(1)>",
            "<form action='https://evil.example'><input name=a><button formaction='javascript:alert(1)'>x</button></form>",
            "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
            "<base href='https://evil.example/'>",
            "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
            "<link rel=stylesheet href='https://evil.example/x.css'>",
            "<style>@import url(https://evil.example/x.css);</style>",
            "<p style='background:url(https://evil.example/x)'>x</p>",
            "<p style='position:fixed;top:0;left:0;z-index:9'>x</p>",
            "<p style='background:u\\72l(https://evil.example/x)'>x</p>",
            "<p style='width:expression(alert(1))'>x</p>",
            "<p style='-moz-binding:url(x)'>x</p>",
            "<iframe src='https://evil.example'></iframe>",
            "<iframe src='javascript:alert(1)'></iframe>",
            "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
            "<iframe src='https://www.youtube.com.evil.example/embed/x'></iframe>",
            "<object data='javascript:alert(1)'></object>",
            "<embed src='javascript:alert(1)'>",
            "<video src='javascript:alert(1)' onplay=alert(1)></video>",
            "<video poster='javascript:alert(1)'></video>",
            "<input type=image src=x onerror=alert(1) formaction=javascript:alert(1)>",
            "<button formaction='javascript:alert(1)'>x</button>",
            "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
            "<textarea><p title='</textarea><img src=x onerror=alert(1)>'>",
            "<svg></p><style><a id='</style><img src=1 onerror=alert(1)>'>",
            "<svg><iframe><a title='</iframe><img src onerror=alert(1)>'>x",
            "<select><template><style><!--</style><a rel='--></style></template></select><img src onerror=alert(1)>'>",
            "x {onclick=alert(1)}",
            "*x*{onmouseover=\"alert(1)\"}",
            "```js {onclick=alert(1)}\nx\n```",
            "a{\"><script>alert(1)</script>=x}",
        ];
        for attack in attacks {
            let html = html(attack);
            assert_harmless(attack, &html);
        }
    }

    /// Parses the page as a browser would, and looks for anything that runs or loads.
    fn assert_harmless(attack: &str, html: &str) {
        let tree = scraper::Html::parse_fragment(html);
        for node in tree.tree.nodes() {
            let Some(element) = node.value().as_element() else {
                continue;
            };
            let forbidden = [
                "script", "style", "svg", "math", "form", "base", "meta", "link", "object",
                "embed", "template", "noscript", "textarea",
            ];
            assert!(!forbidden.contains(&element.name()), "{attack}\n{html}");
            for (name, value) in element.attrs() {
                assert!(!name.starts_with("on"), "{attack}\n{html}");
                assert!(
                    !["srcdoc", "formaction", "action", "srcset"].contains(&name),
                    "{attack}\n{html}"
                );
                let value = value.to_ascii_lowercase();
                if ["href", "src", "poster"].contains(&name) {
                    let start = value.split([':', '/']).next().unwrap();
                    assert!(
                        ["", "#", "https", "files", "?step="].contains(&start),
                        "{attack}\n{html}"
                    );
                    assert!(!value.contains("evil"), "{attack}\n{html}");
                }
                if name == "style" {
                    assert!(
                        !value.contains("url") && !value.contains("position"),
                        "{attack}\n{html}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_real_pages_use_stays() {
        let kept = [
            "<main class=\"container px-4 py-2\"><div class=\"row\" id=\"x\"></div></main>",
            "<a class=\"btn btn-dark\" style=\"margin-left:8px\" title=\"x\">x</a>",
            "<p style=\"font-family:monospace;border-width:1px;border-color:red;cursor:pointer\">x</p>",
            "<details class=\"katapod-details\" open=\"\"><summary>x</summary></details>",
            "<iframe allow=\"autoplay\" src=\"https://www.youtube.com/embed/x\" width=\"560\"></iframe>",
            "<p align=\"center\"><kbd>x</kbd><u>y</u><font color=\"red\">z</font></p>",
            "<img alt=\"x\" src=\"data:image/png;base64,AA\" width=\"10\">",
            "<button aria-label=\"x\" data-bs-toggle=\"y\" type=\"button\">x</button>",
        ];
        for source in kept {
            let html = html(&format!("<div>\n{source}\n</div>"));
            assert_eq!(html, format!("<div>\n{source}\n</div>"));
        }
    }
}
