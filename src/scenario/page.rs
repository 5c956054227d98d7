//! Pages: a step's Markdown as sanitised HTML, and what is in it.

use super::{Block, Config, Diagnostic, Link};
use serde::Serialize;

/// A step's page.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The step's name.
    pub step: String,
    /// The page's title: its `.step-title` or first heading, or the step's name.
    pub title: String,
    /// Names the content: equal for equal Markdown and config.
    pub revision: String,
    /// Sanitised HTML.
    pub html: String,
    /// All fences, in document order.
    pub blocks: Vec<Block>,
    /// All links, in document order; `data-link` in the HTML is an index into this.
    pub links: Vec<Link>,
    /// All images, in document order.
    pub images: Vec<Image>,
    /// All headings, in document order.
    pub headings: Vec<Heading>,
    /// How many tables there are.
    pub tables: usize,
    /// How many `<details>` there are.
    pub details: usize,
    /// All visible text, code included, white space folded.
    pub text: String,
    /// What is wrong with the page.
    pub diagnostics: Vec<Diagnostic>,
}

/// An image of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Image {
    /// Where it comes from; local ones relative to the scenario.
    pub src: String,
    /// Whether it is a file of the scenario.
    pub local: bool,
    /// Its alternative text.
    pub alt: String,
}

/// A heading of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Heading {
    /// 1 to 6.
    pub level: u8,
    /// Its text, white space folded.
    pub text: String,
}

impl Page {
    /// Reads the page of `step`.
    #[must_use]
    pub fn parse(_step: &str, _markdown: &str, _config: &Config) -> Self {
        unimplemented!()
    }
}
