//! Reads a sanitised page back: collects what is in it, and makes its addresses work.
//!
//! All passes go over the tree in a loop, never by recursion, so that no nesting can overflow the
//! stack.

use super::address::{Address, decode, encode_component};
use super::diagnostic::{Diagnostic, Place};
use super::link::{CommandLink, LOAD_PAGE, Link};
use super::mark::unmark;
use super::markdown::POSITION_ATTRIBUTE;
use super::page::{FileReference, Heading, Image};
use super::render::BLOCK_ATTRIBUTE;
use super::text::{fold, quote};
use scraper::node::Element;
use scraper::{CaseSensitivity, Html, Node};

/// Where the server has the scenario's files, relative to the page.
const FILES: &str = "files/";

/// What a page holds.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// The page, ready to be shown.
    pub(super) html: String,
    /// What it is about.
    pub(super) titles: Titles,
    /// Its links.
    pub(super) links: Vec<Link>,
    /// Its images.
    pub(super) images: Vec<Image>,
    /// The files of the scenario that it shows or leads to.
    pub(super) files: Vec<FileReference>,
    /// Its headings.
    pub(super) headings: Vec<Heading>,
    /// How many tables it has.
    pub(super) tables: usize,
    /// How many `<details>` it has.
    pub(super) details: usize,
    /// Its text.
    pub(super) text: String,
    /// Which blocks it shows, by index.
    pub(super) blocks: Vec<usize>,
    /// What is wrong with it.
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// Reads the sanitised HTML of a page. `place_of` tells the line and column of a
/// place in the Markdown.
pub(super) fn extract(
    html: &str,
    file: &str,
    nonce: &str,
    place_of: &dyn Fn(usize) -> Place,
) -> Contents {
    let mut tree = Html::parse_fragment(html);
    let mut extractor = Extractor {
        file,
        nonce,
        place_of,
        contents: Contents::default(),
        text: String::new(),
        open: Vec::new(),
        titles: Titles::default(),
    };
    walk(&mut tree, |opens, node| extractor.visit(opens, node));
    let mut contents = extractor.contents;
    contents.text = fold(&extractor.text);
    contents.titles = extractor.titles;
    contents.html = tree.root_element().inner_html();
    contents
}

/// Visits every node of a tree twice: when it begins, and when it ends.
fn walk(tree: &mut Html, mut visit: impl FnMut(bool, &mut Node)) {
    let mut next = Some((true, tree.tree.root().id()));
    while let Some((opens, id)) = next {
        let Some(mut node) = tree.tree.get_mut(id) else {
            return;
        };
        visit(opens, node.value());
        let node = node.as_ref();
        let child = node.first_child().filter(|_| opens);
        next = child
            .map(|child| (true, child.id()))
            .or_else(|| opens.then_some((false, id)))
            .or_else(|| node.next_sibling().map(|sibling| (true, sibling.id())))
            .or_else(|| node.parent().map(|parent| (false, parent.id())));
    }
}

/// Goes over a page.
struct Extractor<'a> {
    file: &'a str,
    nonce: &'a str,
    place_of: &'a dyn Fn(usize) -> Place,
    contents: Contents,
    /// All text so far, as it stands.
    text: String,
    /// The elements that are open and whose text is wanted.
    open: Vec<Wanted>,
    titles: Titles,
}

/// An element whose text is wanted when it ends.
#[derive(Debug)]
struct Wanted {
    /// Where its text begins.
    start: usize,
    /// What the text is for.
    purposes: Vec<Purpose>,
}

#[derive(Debug)]
enum Purpose {
    Link(usize),
    Heading(usize),
    StepTitle,
    ScenarioTitle,
    Description,
    Paragraph,
}

/// What a page says of itself, each the first that is not empty.
#[derive(Debug, Default)]
pub(super) struct Titles {
    step: Option<String>,
    heading: Option<String>,
    pub(super) scenario: Option<String>,
    description: Option<String>,
    paragraph: Option<String>,
}

impl Titles {
    /// The page's title.
    pub(super) fn best(&self) -> Option<&String> {
        self.step
            .as_ref()
            .or(self.heading.as_ref())
            .or(self.scenario.as_ref())
    }

    /// The page's first words about its content.
    pub(super) fn summary(&self) -> Option<&String> {
        self.description.as_ref().or(self.paragraph.as_ref())
    }
}

/// Sets the first text that is not empty.
fn set_first(title: &mut Option<String>, text: &str) {
    if title.is_none() && !text.is_empty() {
        *title = Some(text.to_owned());
    }
}

impl Extractor<'_> {
    fn visit(&mut self, opens: bool, node: &mut Node) {
        match node {
            Node::Text(text) if opens => {
                if let Some(plain) = unmark(text) {
                    text.text = plain.as_str().into();
                }
                self.text.push_str(text);
            }
            Node::Element(element) if opens => self.begin(element),
            Node::Element(_) => self.end(),
            _ => {}
        }
    }

    fn begin(&mut self, element: &mut Element) {
        let place = self.place(element);
        self.block(element);
        let mut purposes = Vec::new();
        match element.name() {
            "a" => purposes.extend(self.link(element, place)),
            "img" => self.image(element, place),
            "video" | "source" => self.media(element, place),
            "table" => self.contents.tables += 1,
            "details" => self.contents.details += 1,
            "p" => purposes.push(Purpose::Paragraph),
            name => purposes.extend(self.heading(heading_level(name))),
        }
        for (class, purpose) in [
            ("step-title", Purpose::StepTitle),
            ("scenario-title", Purpose::ScenarioTitle),
            ("scenario-description", Purpose::Description),
        ] {
            if element.has_class(class, CaseSensitivity::CaseSensitive) {
                purposes.push(purpose);
            }
        }
        self.open.push(Wanted {
            start: self.text.len(),
            purposes,
        });
    }

    fn end(&mut self) {
        let Some(wanted) = self.open.pop() else {
            return;
        };
        if wanted.purposes.is_empty() {
            return;
        }
        let text = fold(self.text.get(wanted.start..).unwrap_or_default());
        for purpose in wanted.purposes {
            match purpose {
                Purpose::Link(index) => self.contents.links[index].text.clone_from(&text),
                Purpose::Heading(index) => {
                    set_first(&mut self.titles.heading, &text);
                    self.contents.headings[index].text.clone_from(&text);
                }
                Purpose::StepTitle => set_first(&mut self.titles.step, &text),
                Purpose::ScenarioTitle => set_first(&mut self.titles.scenario, &text),
                Purpose::Description => set_first(&mut self.titles.description, &text),
                Purpose::Paragraph => set_first(&mut self.titles.paragraph, &text),
            }
        }
    }

    /// Takes the mark of an element's place off it.
    fn place(&self, element: &mut Element) -> Option<Place> {
        let position = take(element, POSITION_ATTRIBUTE);
        for (_, value) in &mut element.attrs {
            if let Some(plain) = unmark(value) {
                *value = plain.as_str().into();
            }
        }
        Some((self.place_of)(position?.parse().ok()?))
    }

    /// Notes that the page shows or leads to a file of the scenario.
    fn file(&mut self, path: &str, shown: bool, place: Option<Place>) {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        self.contents.files.push(FileReference {
            path: decode(path),
            shown,
            place,
        });
    }

    /// Gives a fence's element the index of its block.
    fn block(&mut self, element: &mut Element) {
        let Some(value) = take(element, BLOCK_ATTRIBUTE) else {
            return;
        };
        let index = value
            .strip_prefix(self.nonce)
            .and_then(|rest| rest.strip_prefix(':'))
            .and_then(|index| index.parse().ok());
        if let Some(index) = index {
            set(element, "data-block", &format!("{index}"));
            self.contents.blocks.push(index);
        }
    }

    fn heading(&mut self, level: Option<u8>) -> Option<Purpose> {
        let level = level?;
        self.contents.headings.push(Heading {
            level,
            text: String::new(),
        });
        Some(Purpose::Heading(self.contents.headings.len() - 1))
    }

    fn link(&mut self, element: &mut Element, place: Option<Place>) -> Option<Purpose> {
        let href = get(element, "href")?;
        let index = self.contents.links.len();
        let mut command = None;
        match Address::read(&href) {
            Address::Command => command = self.command(element, &href, index, place),
            Address::Web => open_outside(element),
            Address::Anchor | Address::Other => drop(take(element, "target")),
            Address::File(path) => {
                self.file(&path, false, place);
                set(element, "href", &format!("{FILES}{path}"));
                if take(element, "target").is_some() {
                    open_outside(element);
                }
            }
            Address::Outside => self.outside(element, "href", &href, place),
            Address::InlineImage | Address::Refused => self.refused(element, "href", &href, place),
        }
        self.contents.links.push(Link {
            text: String::new(),
            href,
            line: place.map(|place| place.line),
            column: place.map(|place| place.column),
            command,
        });
        Some(Purpose::Link(index))
    }

    /// Makes a command link of an element: the page says which link it is, never what it does.
    fn command(
        &mut self,
        element: &mut Element,
        href: &str,
        index: usize,
        place: Option<Place>,
    ) -> Option<CommandLink> {
        let (command, result) = CommandLink::parse(href)?;
        let step = command.step();
        if let Err(error) = result {
            self.report(
                "unreadable-link",
                format!("the link {}: {error}", quote(href)),
                place,
            );
        } else if step.is_none() && command.command == LOAD_PAGE {
            self.report(
                "link-without-step",
                format!("the link {} names no step", quote(href)),
                place,
            );
        }
        let address = step.map_or_else(
            || "#".to_owned(),
            |s| format!("?step={}", encode_component(s)),
        );
        take(element, "target");
        set(element, "href", &address);
        set(element, "data-link", &index.to_string());
        Some(command)
    }

    fn image(&mut self, element: &mut Element, place: Option<Place>) {
        let Some(src) = get(element, "src") else {
            return;
        };
        let alt = get(element, "alt").unwrap_or_default();
        let (src, local) = match Address::read(&src) {
            Address::Web | Address::InlineImage => (src, false),
            Address::File(path) => {
                self.file(&path, true, place);
                set(element, "src", &format!("{FILES}{path}"));
                (path, true)
            }
            Address::Outside => {
                self.outside(element, "src", &src, place);
                (src, true)
            }
            _ => {
                self.refused(element, "src", &src, place);
                (src, false)
            }
        };
        self.contents.images.push(Image { src, local, alt });
    }

    fn media(&mut self, element: &mut Element, place: Option<Place>) {
        for attribute in ["src", "poster"] {
            let Some(address) = get(element, attribute) else {
                continue;
            };
            match Address::read(&address) {
                Address::Web | Address::InlineImage => {}
                Address::File(path) => {
                    self.file(&path, true, place);
                    set(element, attribute, &format!("{FILES}{path}"));
                }
                Address::Outside => self.outside(element, attribute, &address, place),
                _ => self.refused(element, attribute, &address, place),
            }
        }
    }

    fn outside(&mut self, element: &mut Element, name: &str, address: &str, place: Option<Place>) {
        take(element, name);
        let message = format!("the address {} leads out of the scenario", quote(address));
        self.report("address-outside", message, place);
    }

    fn refused(&mut self, element: &mut Element, name: &str, address: &str, place: Option<Place>) {
        take(element, name);
        self.report(
            "address-refused",
            format!("the address {} is not allowed", quote(address)),
            place,
        );
    }

    fn report(&mut self, code: &'static str, message: String, place: Option<Place>) {
        let hint = match code {
            "unreadable-link" => "write the arguments as a JSON array: [{\"step\":\"step2\"}]",
            "link-without-step" => "write command:katapod.loadPage?[{\"step\":\"step2\"}]",
            "address-outside" => "it is left out; files of the scenario are reached without `..`",
            _ => "it is left out; write https://…, or the path of a file of the scenario",
        };
        let diagnostic = Diagnostic::error(code, self.file, message)
            .at_place(place)
            .with_hint(hint);
        self.contents.diagnostics.push(diagnostic);
    }
}

fn heading_level(name: &str) -> Option<u8> {
    match name.as_bytes() {
        [b'h', level @ b'1'..=b'6'] => Some(level - b'0'),
        _ => None,
    }
}

/// Opens a link in a tab of its own, which learns nothing about this one.
fn open_outside(element: &mut Element) {
    set(element, "target", "_blank");
    set(element, "rel", "noopener noreferrer");
}

fn get(element: &Element, name: &str) -> Option<String> {
    let found = element.attrs.iter().find(|(key, _)| &*key.local == name);
    found.map(|(_, value)| value.to_string())
}

fn take(element: &mut Element, name: &str) -> Option<String> {
    let index = element
        .attrs
        .iter()
        .position(|(key, _)| &*key.local == name)?;
    Some(element.attrs.remove(index).1.to_string())
}

/// Sets an attribute.
fn set(element: &mut Element, name: &str, value: &str) {
    let existing = element
        .attrs
        .iter()
        .position(|(key, _)| &*key.local == name);
    if let Some(index) = existing {
        element.attrs[index].1 = value.into();
        return;
    }
    // The type of names belongs to a crate below scraper, so a new name is made of the element's.
    let mut key = element.name.clone();
    key.local = name.into();
    key.ns = "".into();
    element.attrs.push((key, value.into()));
}
