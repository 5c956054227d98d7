//! Pages: a step's Markdown as sanitised HTML, and what is in it.

use super::attach::attach;
use super::block::{BlockKind, Limit};
use super::diagnostic::Reporter;
use super::extract::{Contents, extract};
use super::header::{self, Defaults, Header};
use super::markdown::{self, normalise_source};
use super::nesting::limit_depth;
use super::render::{self, BLOCK_ATTRIBUTE, language, render};
use super::sanitise::sanitise;
use super::text::{Fnv, fold};
use super::token::{Fence, Kind, Token};
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
    pub fn parse(step: &str, markdown: &str, config: &Config) -> Self {
        let source = normalise_source(markdown);
        let revision = revision(&source, config);
        let file = format!("{step}.md");
        let lines = Lines::new(&source);
        let mut diagnostics = Vec::new();

        let mut tokens = markdown::read(&source);
        attach(&mut tokens, &source);
        let blocks = Blocks {
            step,
            file: &file,
            config,
            lines: &lines,
        }
        .read(&tokens, &mut diagnostics);

        let html = render(&tokens, &revision);
        let (html, too_deep) = limit_depth(&html, BLOCK_ATTRIBUTE);
        if too_deep {
            diagnostics.push(too_deep_diagnostic(&file));
        }
        let mut contents = extract(&sanitise(&html), &file, &revision, &|at| lines.line(at));
        diagnostics.append(&mut contents.diagnostics);
        show_hidden_blocks(&mut contents, &blocks, &file, &mut diagnostics);
        for (index, link) in contents.links.iter().enumerate() {
            let Some(command) = &link.command else {
                continue;
            };
            let (_, found) = command.invocation(step, index, config);
            diagnostics.extend(found.into_iter().map(|diagnostic| diagnostic.at(link.line)));
        }
        Self {
            step: step.to_owned(),
            title: contents.title.unwrap_or_else(|| step.to_owned()),
            revision,
            html: without_byte_order_mark(contents.html, &source),
            blocks,
            links: contents.links,
            images: contents.images,
            headings: contents.headings,
            tables: contents.tables,
            details: contents.details,
            text: contents.text,
            diagnostics,
        }
    }
}

/// The hash of all that a page is made of.
fn revision(source: &str, config: &Config) -> String {
    let hash = config
        .terminals
        .iter()
        .fold(Fnv::new().text(source), |hash, terminal| {
            hash.text(&terminal.id).text(&terminal.name)
        });
    hash.hex()
}

/// Drops the byte order mark that a page began with.
///
/// # Compatibility
///
/// markdown-it read the mark as text, so a heading behind it was a paragraph, and still is.
fn without_byte_order_mark(html: String, source: &str) -> String {
    if source.starts_with('\u{feff}') {
        html.replacen('\u{feff}', "", 1)
    } else {
        html
    }
}

fn too_deep_diagnostic(file: &str) -> Diagnostic {
    Diagnostic::warning(
        "nested-too-deep",
        file,
        "the page nests its elements too deep",
    )
    .with_hint("the innermost ones are left out; their text stays")
}

/// Shows blocks that the page's HTML swallowed, such as those behind an attribute whose quote is
/// never closed: at the end, so that every block can be run.
fn show_hidden_blocks(
    contents: &mut Contents,
    blocks: &[Block],
    file: &str,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut shown = vec![false; blocks.len()];
    for &index in &contents.blocks {
        if let Some(flag) = shown.get_mut(index) {
            *flag = true;
        }
    }
    for (block, _) in blocks.iter().zip(shown).filter(|(_, shown)| !shown) {
        let fence = Fence {
            info: block.language.clone(),
            content: block.invocation.command.clone(),
            start: 0,
        };
        contents
            .html
            .push_str(&render::fence_with_index(&fence, block.index));
        let text = fold(&block.invocation.command);
        if !contents.text.is_empty() && !text.is_empty() {
            contents.text.push(' ');
        }
        contents.text.push_str(&text);
        let message = format!("block {} is inside HTML that does not show it", block.index);
        diagnostics.push(
            Diagnostic::warning("block-hidden", file, message)
                .at(Some(block.line))
                .with_hint("it is shown at the end; look for an open tag or quote before it"),
        );
    }
}

/// Reads the blocks of a page.
struct Blocks<'a> {
    step: &'a str,
    file: &'a str,
    config: &'a Config,
    lines: &'a Lines,
}

impl Blocks<'_> {
    fn read(&self, tokens: &[Token], diagnostics: &mut Vec<Diagnostic>) -> Vec<Block> {
        let fences = tokens.iter().filter_map(|token| match &token.kind {
            Kind::Fence(fence) => Some(fence),
            _ => None,
        });
        fences
            .enumerate()
            .map(|(index, fence)| self.block(index, fence, diagnostics))
            .collect()
    }

    fn block(&self, index: usize, fence: &Fence, diagnostics: &mut Vec<Diagnostic>) -> Block {
        let line = self.lines.line(fence.start);
        let parted = header::part(&fence.content);
        let place = format!("block {index}");
        let mut reporter = Reporter {
            file: self.file,
            line: Some(parted.header.map_or(line, |(number, _)| line + number + 1)),
            place: &place,
            diagnostics,
        };
        let header = parted.header.map_or_else(Header::default, |(_, text)| {
            Header::read(text, &mut reporter)
        });
        let defaults = Defaults {
            id: format!("inPage_{}_{index}", self.step),
            terminal: None,
            limit: Limit::UNLIMITED,
        };
        let mut invocation =
            header.into_invocation(parted.command, defaults, self.config, &mut reporter);
        let language = language(&fence.info).to_owned();
        let kind = kind(&language, invocation.executable);
        invocation.executable = kind == BlockKind::Executable;
        Block {
            index,
            line,
            language,
            kind,
            invocation,
        }
    }
}

/// What a block is for: diagrams are never run.
fn kind(language: &str, executable: bool) -> BlockKind {
    match language.to_ascii_lowercase().as_str() {
        "mermaid" => BlockKind::Mermaid,
        "plantuml" => BlockKind::Text,
        _ if executable => BlockKind::Executable,
        _ => BlockKind::Text,
    }
}

/// Where the lines of a text begin.
struct Lines(Vec<usize>);

impl Lines {
    fn new(text: &str) -> Self {
        let behind_breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        Self(std::iter::once(0).chain(behind_breaks).collect())
    }

    /// The line of a place in the text, from 1.
    fn line(&self, at: usize) -> usize {
        self.0.partition_point(|&start| start <= at)
    }
}
