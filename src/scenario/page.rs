//! Pages: a step's Markdown as sanitised HTML, and what is in it.

use super::attach::attach;
use super::blocks::{Blocks, Lines};
use super::config::ConfigFiles;
use super::extract::{Contents, extract};
use super::markdown::{self, normalise_source};
use super::nesting::limit_depth;
use super::removed::removed;
use super::render::{self, BLOCK_ATTRIBUTE, render};
use super::sanitise::sanitise;
use super::text::{Fnv, fold, quote};
use super::token::Fence;
use super::{Block, BlockKind, Config, Diagnostic, Link, Place, VerifyOn};
use serde::Serialize;
use std::borrow::Cow;

/// A step's page.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The step's name.
    pub step: String,
    /// The page's title: its `.step-title` or first heading, or the step's name.
    pub title: String,
    /// The whole scenario's title, where the page gives one as `.scenario-title`.
    pub scenario_title: Option<String>,
    /// What it is about: its `.scenario-description` or first paragraph; empty without one.
    pub summary: String,
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
    /// The files of the scenario that it shows or leads to, in document order.
    pub files: Vec<FileReference>,
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

/// A file of the scenario that a page shows or leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileReference {
    /// Its path, relative to the scenario, not encoded.
    pub path: String,
    /// Whether the page shows it, as it does an image; otherwise a link leads to it.
    pub shown: bool,
    /// Where the page names it.
    pub place: Option<Place>,
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
        Self::read(step, markdown, config, false)
    }

    /// Reads the page of `step`, and says as well what the sanitiser takes out of it, which costs
    /// two more readings of its HTML.
    #[must_use]
    pub fn parse_for_author(step: &str, markdown: &str, config: &Config) -> Self {
        Self::read(step, markdown, config, true)
    }

    /// The title of a page of which only the beginning is known. Little more of it is read than
    /// what comes before the title.
    #[must_use]
    pub fn title_of(step: &str, head: &str) -> String {
        let config = Config::read(ConfigFiles::default()).0;
        let title = |head| Self::parse(step, head, &config).title;
        let short = up_to_title(head);
        // What looks like a heading may stand in a block, and headings may be written as HTML.
        match title(short) {
            found if found == step && short.len() < head.len() => title(head),
            found => found,
        }
    }

    /// The steps that its links lead to.
    #[must_use]
    pub fn leads_to(&self) -> Vec<String> {
        let commands = self.links.iter().filter_map(|link| link.command.as_ref());
        let steps = commands.filter_map(|command| command.step());
        steps.map(str::to_owned).collect()
    }

    /// What people call a block: its title, or its place among those that run, from 1.
    #[must_use]
    pub fn block_name(&self, block: &Block) -> String {
        if let Some(title) = &block.expectation.title {
            return quote(title);
        }
        let runs = |block: &&Block| matches!(block.kind, BlockKind::Executable | BlockKind::Check);
        let before = self.blocks.iter().filter(runs);
        let before = before.take_while(|other| other.index < block.index);
        format!("block {}", before.count() + 1)
    }

    /// The checks that run by themselves when the block with that index has ended.
    pub fn checks_behind(&self, index: usize) -> impl Iterator<Item = &Block> {
        let behind = self.blocks.iter().filter(move |block| block.index > index);
        behind
            .take_while(|block| block.kind != BlockKind::Executable)
            .filter(|block| block.kind == BlockKind::Check)
            .filter(|block| block.expectation.verify == Some(VerifyOn::Block))
    }

    /// The block that a line of the page belongs to.
    #[must_use]
    pub fn block_at(&self, line: usize) -> Option<&Block> {
        self.blocks.iter().rfind(|block| {
            let end = block.text_line + block.invocation.command.lines().count();
            (block.line..=end).contains(&line)
        })
    }

    fn read(step: &str, markdown: &str, config: &Config, for_author: bool) -> Self {
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
        let html = limit_depth(&html, BLOCK_ATTRIBUTE);
        if matches!(html, Cow::Owned(_)) {
            diagnostics.push(too_deep_diagnostic(&file));
        }
        let place_of = |at| lines.place(at);
        let sanitised = sanitise(&html);
        if for_author {
            let found = removed(&html, &sanitised, &file, &place_of);
            diagnostics.extend(found.into_iter().map(|one| at_its_list(one, &source)));
        }
        let mut contents = extract(&sanitised, &file, &revision, &place_of);
        diagnostics.append(&mut contents.diagnostics);
        show_hidden_blocks(&mut contents, &blocks, &file, &mut diagnostics);
        for (index, link) in contents.links.iter().enumerate() {
            let Some(command) = &link.command else {
                continue;
            };
            let (_, found) = command.invocation(step, index, config);
            diagnostics.extend(
                found
                    .into_iter()
                    .map(|diagnostic| diagnostic.at_place(link.place())),
            );
        }
        Self {
            step: step.to_owned(),
            title: contents
                .titles
                .best()
                .map_or(step, |title| title)
                .to_owned(),
            summary: contents.titles.summary().cloned().unwrap_or_default(),
            scenario_title: contents.titles.scenario,
            revision,
            html: without_byte_order_mark(contents.html, &source),
            blocks,
            links: contents.links,
            images: contents.images,
            files: contents.files,
            headings: contents.headings,
            tables: contents.tables,
            details: contents.details,
            text: contents.text,
            diagnostics,
        }
    }
}

/// The beginning of a page, up to its title as far as that can be told without reading it.
fn up_to_title(head: &str) -> &str {
    let mut end = 0;
    let mut found = None;
    for line in head.split_inclusive('\n') {
        end += line.len();
        if line.contains("step-title") {
            // Its text may stand in the next lines.
            let rest = head.get(end..).unwrap_or_default();
            let paragraph = rest.find("\n\n").unwrap_or(rest.len());
            return head.get(..end + paragraph).unwrap_or(head);
        }
        if found.is_none() && line.starts_with('#') {
            found = Some(end);
        }
    }
    found.and_then(|end| head.get(..end)).unwrap_or(head)
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

/// Names the line of an attribute that stands in a list of braces, and so in no tag: the first such
/// line that has its name.
fn at_its_list(diagnostic: Diagnostic, source: &str) -> Diagnostic {
    if diagnostic.line.is_some() {
        return diagnostic;
    }
    let name = diagnostic.message.split('`').nth(1).unwrap_or_default();
    let line = source
        .lines()
        .position(|line| line.contains('{') && line.contains(name));
    diagnostic.at(line.map(|line| line + 1))
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

#[cfg(test)]
mod tests {
    use super::super::block::BlockKind;
    use super::super::config::ConfigFiles;
    use super::*;
    use proptest::prelude::*;

    fn page(markdown: &str) -> Page {
        Page::parse("intro", markdown, &Config::read(ConfigFiles::default()).0)
    }

    fn html(markdown: &str) -> String {
        page(markdown).html
    }

    fn codes(markdown: &str) -> Vec<(&'static str, Option<usize>)> {
        page(markdown)
            .diagnostics
            .iter()
            .map(|found| (found.code, found.line))
            .collect()
    }

    #[test]
    fn fence_becomes_a_numbered_block() {
        assert_eq!(
            html("```BASH {.wide #main}\n### api\na < b\n```\n"),
            "<pre class=\"wide\" id=\"main\" data-block=\"0\">\
             <code class=\"language-bash\">a &lt; b\n</code></pre>\n"
        );
        let page = page("x\n\n```BASH x=1\n### api\nls\n```\n");
        let block = &page.blocks[0];
        assert_eq!(
            (block.index, block.line, block.language.as_str()),
            (0, 3, "BASH")
        );
        assert_eq!(block.invocation.id, "inPage_intro_0");
        assert_eq!(page.diagnostics[0].line, Some(4));
    }

    #[test]
    fn diagrams_and_switched_off_blocks_keep_their_index_and_never_run() {
        let source = "```mermaid\na\n```\n```plantuml\nb\n```\n```\n### {\"execute\": false}\n```\n```\n```\n";
        let page = page(source);
        let kinds: Vec<BlockKind> = page.blocks.iter().map(|block| block.kind).collect();
        assert_eq!(
            kinds,
            [
                BlockKind::Mermaid,
                BlockKind::Text,
                BlockKind::Text,
                BlockKind::Executable
            ]
        );
        let executable = page.blocks.iter().map(|block| block.invocation.executable);
        assert_eq!(executable.collect::<Vec<_>>(), [false, false, false, true]);
        assert_eq!(page.blocks[3].invocation.id, "inPage_intro_3");
    }

    #[test]
    fn command_links_name_their_index_and_work_as_addresses() {
        assert_eq!(
            html("[a](https://example.com) [b](command:katapod.loadPage?my%20step){.go}"),
            "<p><a href=\"https://example.com\" target=\"_blank\" rel=\"noopener noreferrer\">a</a> \
             <a class=\"go\" href=\"?step=my%20step\" data-link=\"1\">b</a></p>\n"
        );
        assert_eq!(
            html(
                "<a href='command:katapod.start' target='_top' data-link='7' data-block='0'>x</a>"
            ),
            "<p><a href=\"#\" data-link=\"0\">x</a></p>\n"
        );
    }

    #[test]
    fn files_are_served_from_the_scenario() {
        let cases = [
            (
                "![a](/images/my%20pic.png)",
                "<p><img alt=\"a\" src=\"files/images/my%20pic.png\"></p>\n",
            ),
            (
                "[x](docs/a.md#top)",
                "<p><a href=\"files/docs/a.md#top\">x</a></p>\n",
            ),
            ("[x](#top)", "<p><a href=\"#top\">x</a></p>\n"),
            ("<img src=../../etc/passwd>", "<img>"),
            ("[x](//example.com)", "<p><a>x</a></p>\n"),
            (
                "<video src=v.mp4 poster=p.png></video>",
                "<p><video poster=\"files/p.png\" src=\"files/v.mp4\"></video></p>\n",
            ),
        ];
        for (markdown, expected) in cases {
            assert_eq!(html(markdown), expected, "{markdown}");
        }
        assert_eq!(codes("[x](../y)"), [("address-outside", Some(1))]);
    }

    #[test]
    fn title_prefers_the_step_title() {
        let step =
            "<h1 class='scenario-title'>Scenario</h1>\n\n# One\n\n<p class='step-title'>Two</p>\n";
        assert_eq!(page(step).title, "Two");
        assert_eq!(page("# One").title, "One");
        assert_eq!(page("<p class='scenario-title'>Three</p>").title, "Three");
        assert_eq!(page("text").title, "intro");
    }

    #[test]
    fn braces_go_to_what_they_stand_behind() {
        let cases = [
            ("# A {#b .c}", "<h1 class=\"c\" id=\"b\">A</h1>\n"),
            ("*a*{.b} c", "<p><em class=\"b\">a</em> c</p>\n"),
            ("`a`{.b}", "<p><code class=\"b inline_code\">a</code></p>\n"),
            (
                "![a](https://b/c){.d}",
                "<p><img alt=\"a\" class=\"d\" src=\"https://b/c\"></p>\n",
            ),
            ("a\n{.b}", "<p class=\"b\">a</p>\n"),
            (
                "- a {.b}\n- c\n{.d}",
                "<ul class=\"d\">\n<li class=\"b\">a</li>\n<li>c</li>\n</ul>\n",
            ),
            (
                "> a\n{.b}",
                "<blockquote class=\"b\">\n<p>a</p>\n</blockquote>\n",
            ),
            ("--- {.a}", "<hr class=\"a\">\n"),
            ("use ${HOME}", "<p>use $</p>\n"),
            (
                "a {onclick=x style=color:red}",
                "<p style=\"color:red\">a</p>\n",
            ),
        ];
        for (markdown, expected) in cases {
            assert_eq!(html(markdown), expected, "{markdown}");
        }
        let table = html("| a |\n|---|\n| b |\n\n{.c}\n");
        assert!(
            table.starts_with("<table class=\"c katapod-table\">"),
            "{table}"
        );
    }

    #[test]
    fn swallowed_blocks_are_shown_at_the_end() {
        let source = "<div title=\"\n\n```\nls\n```\n";
        let page = page(source);
        assert!(
            page.html
                .ends_with("<pre data-block=\"0\"><code>ls\n</code></pre>\n")
        );
        assert_eq!(codes(source), [("block-hidden", Some(3))]);
    }

    #[test]
    fn revision_names_markdown_and_terminals() {
        assert_eq!(page("a").revision, page("a").revision);
        assert_ne!(page("a").revision, page("b").revision);
        let config = r#"{"layout": {"terminals": [{"id": "x"}]}}"#;
        let (other, _) = Config::read(ConfigFiles {
            config: Some(config),
            ..ConfigFiles::default()
        });
        assert_ne!(
            page("a").revision,
            Page::parse("intro", "a", &other).revision
        );
    }

    #[test]
    fn hostile_nesting_neither_overflows_nor_hangs() {
        let pages = [
            format!("{}x", "> ".repeat(10_000)),
            "<div>\n\n".repeat(50_000),
            format!("<p>{}", "<b id=x>".repeat(50_000)),
            "[".repeat(50_000),
            "*a_ ".repeat(20_000),
            "{.a ".repeat(20_000),
            format!("a {{{}}}", "b=c ".repeat(50_000)),
            "```\n### {\"maxInvocations\": 1}\nls\n```\n".repeat(10_000),
            "- a {.b}\n".repeat(10_000),
            "|a".repeat(1_000) + "\n" + &"|-".repeat(1_000) + "\n" + &"|b\n".repeat(200),
        ];
        for markdown in pages {
            let page = page(&markdown);
            let blocks = page.html.matches("data-block=").count();
            assert_eq!(page.blocks.len(), blocks);
        }
    }

    /// Pieces that pages are made of, so that random pages are not all plain text.
    fn markdown() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            "\\PC{0,8}",
            "[<>/a-z \"'=!-]{0,12}",
            "[\\[\\](){}`*_~#.|:\\\\>\\n -]{0,8}",
            Just("\n\n".to_owned()),
            Just("\n```sh {.a}\n### b\nls\n```\n".to_owned()),
            Just("[a](command:katapod.loadPage?b){.c}".to_owned()),
            Just("<div title=\"".to_owned()),
            Just("<table><tr><select>".to_owned()),
            Just("</div>\n\n".to_owned()),
        ];
        proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn prop_any_page_is_read_the_same_way_twice(markdown in markdown()) {
            prop_assert_eq!(page(&markdown), page(&markdown));
        }

        #[test]
        fn prop_every_block_and_command_link_is_in_the_html(markdown in markdown()) {
            let page = page(&markdown);
            prop_assert_eq!(page.html.matches(" data-block=\"").count(), page.blocks.len());
            let commands = page.links.iter().filter(|link| link.command.is_some()).count();
            prop_assert_eq!(page.html.matches(" data-link=\"").count(), commands);
            let tree = scraper::Html::parse_fragment(&page.html);
            let elements = tree.tree.nodes().filter_map(|node| node.value().as_element());
            let ours = elements.flat_map(scraper::node::Element::attrs);
            prop_assert!(!ours.into_iter().any(|(name, _)| name.starts_with("data-katahost")));
        }
    }
}
