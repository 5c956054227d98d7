//! Fences as blocks: numbered in document order, with what their headers say.

use super::block::{Block, BlockKind, Limit};
use super::config::Config;
use super::diagnostic::{Diagnostic, Place, Reporter};
use super::expected::{self, Written};
use super::header::{self, Defaults, Header};
use super::render::language;
use super::token::{Fence, Kind, Token};

/// Reads the blocks of a page.
pub(super) struct Blocks<'a> {
    /// The step.
    pub(super) step: &'a str,
    /// Its file.
    pub(super) file: &'a str,
    /// The terminals that headers name.
    pub(super) config: &'a Config,
    /// Where the lines of its Markdown begin.
    pub(super) lines: &'a Lines<'a>,
}

impl Blocks<'_> {
    /// Reads all fences among the tokens, in order.
    pub(super) fn read(&self, tokens: &[Token], diagnostics: &mut Vec<Diagnostic>) -> Vec<Block> {
        let fences = tokens.iter().filter_map(|token| match &token.kind {
            Kind::Fence(fence) => Some(fence),
            _ => None,
        });
        let mut follows = false;
        fences
            .enumerate()
            .map(|(index, fence)| {
                let block = self.block(index, fence, follows, diagnostics);
                follows |= block.kind == BlockKind::Executable;
                block
            })
            .collect()
    }

    /// Reads one; `follows` says whether a block that runs comes before it.
    fn block(
        &self,
        index: usize,
        fence: &Fence,
        follows: bool,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Block {
        let line = self.lines.line(fence.start);
        let parted = header::part(&fence.content);
        let place = format!("block {index}");
        let mut reporter = Reporter {
            file: self.file,
            line: Some(parted.header.map_or(line, |(number, _)| line + number + 1)),
            keys: &[],
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
        let expectation = header.expectation.clone();
        let written = Written::of(&header, follows);
        let mut invocation =
            header.into_invocation(parted.command, defaults, self.config, &mut reporter);
        let language = language(&fence.info).to_owned();
        let kind = kind(
            &language,
            invocation.executable,
            expectation.verify.is_some(),
        );
        // What is not typed is admitted by nothing that types.
        invocation.executable = kind == BlockKind::Executable;
        invocation.block = Some(index);
        let block = Block {
            index,
            line,
            text_line: line + 1 + parted.before,
            language,
            kind,
            invocation,
            expectation,
            recorded: false,
        };
        expected::report(&block, &written, &mut reporter);
        block
    }
}

/// What a block is for: diagrams are never run.
fn kind(language: &str, executable: bool, verifies: bool) -> BlockKind {
    match language.to_ascii_lowercase().as_str() {
        "mermaid" => BlockKind::Mermaid,
        "plantuml" => BlockKind::Text,
        _ if executable && verifies => BlockKind::Check,
        _ if executable => BlockKind::Executable,
        _ => BlockKind::Text,
    }
}

/// Where the lines of a text begin.
pub(super) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    /// Finds the lines of a text.
    pub(super) fn new(text: &'a str) -> Self {
        let behind_breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        let starts = std::iter::once(0).chain(behind_breaks).collect();
        Self { text, starts }
    }

    /// The line of a place in the text, from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        self.starts.partition_point(|&start| start <= at)
    }

    /// The line and column of a place in the text.
    pub(super) fn place(&self, at: usize) -> Place {
        let line = self.line(at);
        let start = line.checked_sub(1).and_then(|line| self.starts.get(line));
        let before = start.and_then(|&start| self.text.get(start..at));
        let column = before.map_or(1, |before| before.chars().count() + 1);
        Place { line, column }
    }
}
