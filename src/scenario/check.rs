//! What is wrong with a scenario as a whole: its pages, its config and its files together.

use super::config::CONFIG_FILE;
use super::diagnostic::Place;
use super::link::{check_links, list_of_steps};
use super::text::{nearest, quote};
use super::{Block, Config, Diagnostic, Invocation, Page};
use regex::Regex;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::LazyLock;

/// The step that a lab begins with.
const INTRO: &str = "intro";

/// Documents about a folder, in lower case, that no page needs to lead to.
const ABOUT_THE_FOLDER: [&str; 7] = [
    "changelog",
    "code_of_conduct",
    "contributing",
    "license",
    "notice",
    "security",
    "readme",
];

/// A path below Gitpod's workspace, with the name of the folder in it.
#[expect(
    clippy::expect_used,
    reason = "the pattern is a constant, and tests use it"
)]
static WORKSPACE_PATH: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:^|[^\w./-])/workspace/(?<name>[\w.-]+)").expect("the pattern is valid")
});

/// A command that links may name.
#[derive(Debug, Clone, Copy)]
pub struct KnownCommand {
    /// Its id.
    pub id: &'static str,
    /// Whether a page's link may execute it.
    pub for_pages: bool,
}

/// A scenario with all that its check looks at.
#[derive(Debug, Clone, Copy)]
pub struct Scenario<'a> {
    /// The folder's name.
    pub name: &'a str,
    /// Layout and on-load commands.
    pub config: &'a Config,
    /// All steps, readable or not.
    pub steps: &'a [String],
    /// The pages to check: of a whole scenario all that are readable, in their order.
    pub pages: &'a [Page],
    /// The steps that each readable page leads to, by step; `None` where nobody looked.
    pub ways: Option<&'a HashMap<&'a str, Vec<String>>>,
    /// All files that pages may show, relative to the folder.
    pub files: &'a [String],
    /// All commands.
    pub commands: &'a [KnownCommand],
}

/// Checks a scenario. What is wrong with a page or the config by itself is told when it is read.
#[must_use]
pub fn check(scenario: Scenario<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    found.extend(scenario.intro());
    found.extend(scenario.steps_that_differ_in_case());
    found.extend(scenario.on_load());
    let names: Vec<&str> = scenario.steps.iter().map(String::as_str).collect();
    for page in scenario.pages {
        found.extend(check_links(page, &names));
        found.extend(scenario.commands(page));
        found.extend(scenario.files(page));
        found.extend(scenario.paths(page));
    }
    found.extend(scenario.unreachable());
    found
}

impl Scenario<'_> {
    fn has_step(&self, step: &str) -> bool {
        self.steps.iter().any(|known| known == step)
    }

    fn intro(&self) -> Option<Diagnostic> {
        if self.has_step(INTRO) {
            return None;
        }
        let file = format!("{INTRO}.md");
        let similar = self
            .steps
            .iter()
            .find(|step| step.eq_ignore_ascii_case(INTRO));
        let hint = match similar {
            Some(step) => format!("rename `{step}.md`"),
            None => "write the page that a lab begins with".to_owned(),
        };
        let message = format!("there is no `{file}`");
        Some(Diagnostic::error("missing-intro", &file, message).with_hint(hint))
    }

    fn steps_that_differ_in_case(&self) -> Vec<Diagnostic> {
        let mut seen: HashMap<String, &str> = HashMap::new();
        let mut found = Vec::new();
        for step in self.steps {
            if let Some(other) = seen.insert(step.to_lowercase(), step) {
                let file = format!("{step}.md");
                let message = format!("`{file}` and `{other}.md` differ only in case");
                found.push(
                    Diagnostic::warning("steps-differ-in-case", &file, message)
                        .with_hint("some systems take both for one file; rename one"),
                );
            }
        }
        found
    }

    /// On-load commands of steps that do not exist, and their paths.
    fn on_load(&self) -> Vec<Diagnostic> {
        let names: Vec<&str> = self.steps.iter().map(String::as_str).collect();
        let mut found = Vec::new();
        for on_load in &self.config.on_load {
            if !self.has_step(&on_load.step) && !on_load.commands.is_empty() {
                let step = quote(&on_load.step);
                let message = format!("on-load commands for {step}, a step that does not exist");
                found.push(
                    Diagnostic::warning("on-load-unknown-step", CONFIG_FILE, message)
                        .at_place(on_load.place)
                        .with_hint(format!(
                            "they never run; {}",
                            list_of_steps(&on_load.step, &names)
                        )),
                );
            }
            for (command, line) in on_load.commands.iter().zip(&on_load.lines) {
                let place = format!("an on-load command of step {}", quote(&on_load.step));
                found.extend(self.foreign_paths(command, CONFIG_FILE, *line, &place));
            }
        }
        found
    }

    /// Links whose command does not exist, or is not for pages.
    fn commands(&self, page: &Page) -> Vec<Diagnostic> {
        let ids: Vec<&str> = self.commands.iter().map(|known| known.id).collect();
        let mut found = Vec::new();
        for link in &page.links {
            let Some(command) = &link.command else {
                continue;
            };
            let id = quote(&command.command);
            let known = self
                .commands
                .iter()
                .find(|known| known.id == command.command);
            let (message, hint) = match known {
                Some(known) if known.for_pages => continue,
                Some(_) => (
                    format!("a page's link may not execute {id}"),
                    "put the text into a code block, which shows what will run".to_owned(),
                ),
                None => (
                    format!("there is no command {id}"),
                    nearest(&command.command, &ids).map_or_else(
                        || "`katahost commands` lists them".to_owned(),
                        |near| format!("did you mean {}?", quote(near)),
                    ),
                ),
            };
            found.push(
                Diagnostic::error("unknown-command", &file_of(page), message)
                    .at_place(link.place())
                    .with_hint(hint),
            );
        }
        found
    }

    /// Images and files that are not there.
    fn files(&self, page: &Page) -> Vec<Diagnostic> {
        let missing = page
            .files
            .iter()
            .filter(|file| !self.files.contains(&file.path));
        let report = |file: &super::page::FileReference| {
            let similar = self
                .files
                .iter()
                .find(|known| known.to_lowercase() == file.path.to_lowercase());
            let names: Vec<&str> = self.files.iter().map(String::as_str).collect();
            let hint = if let Some(similar) = similar {
                format!("the file is {}: upper and lower case count", quote(similar))
            } else if file.path.split('/').any(|part| part.starts_with('.')) {
                "hidden files are not served".to_owned()
            } else if let Some(step) = self.step_meant(&file.path) {
                format!("write command:katapod.loadPage?{step} to show a step")
            } else if let Some(near) = nearest(&file.path, &names) {
                format!("did you mean {}?", quote(near))
            } else {
                "put it into the scenario's folder, or write the address as https://…".to_owned()
            };
            let what = if file.shown {
                "the page shows"
            } else {
                "a link leads to"
            };
            let message = format!("{what} {}, a file that does not exist", quote(&file.path));
            Diagnostic::error("missing-file", &file_of(page), message)
                .at_place(file.place)
                .with_hint(hint)
        };
        missing.map(report).collect()
    }

    /// The step whose bare name stands where a file's path should.
    fn step_meant<'p>(&self, path: &'p str) -> Option<&'p str> {
        Some(path).filter(|path| self.has_step(path))
    }

    /// Absolute paths of another scenario's folder, in what a page types.
    fn paths(&self, page: &Page) -> Vec<Diagnostic> {
        let file = file_of(page);
        let mut found = Vec::new();
        for block in &page.blocks {
            let place = format!("block {}", block.index);
            let line = Some(line_of_path(block));
            found.extend(self.foreign_paths(&block.invocation, &file, line, &place));
        }
        for (index, link) in page.links.iter().enumerate() {
            let invocation = link
                .command
                .as_ref()
                .and_then(|command| command.invocation(&page.step, index, self.config).0);
            if let Some(invocation) = invocation {
                let place = format!("the link {}", quote(&link.text));
                found.extend(self.foreign_paths(&invocation, &file, link.line, &place));
            }
        }
        found
    }

    fn foreign_paths(
        &self,
        invocation: &Invocation,
        file: &str,
        line: Option<usize>,
        place: &str,
    ) -> Vec<Diagnostic> {
        let mut seen = HashSet::new();
        let names = WORKSPACE_PATH.captures_iter(&invocation.command);
        names
            .filter_map(|path| path.name("name"))
            .map(|name| name.as_str())
            .filter(|name| *name != self.name && seen.insert(*name))
            .map(|name| {
                let path = quote(&format!("/workspace/{name}"));
                let message = format!("the path {path} in {place} is not this scenario's folder");
                Diagnostic::warning("foreign-path", file, message)
                    .at(line)
                    .with_hint(format!(
                        "the folder is {}; terminals begin there, so a relative path works \
                         everywhere",
                        quote(self.name)
                    ))
            })
            .collect()
    }

    /// Steps that no way of links leads to from the first page.
    fn unreachable(&self) -> Vec<Diagnostic> {
        let Some(ways) = self.ways.filter(|_| self.has_step(INTRO)) else {
            return Vec::new();
        };
        let reached = reached(ways);
        let unreached = self.steps.iter().filter(|step| {
            let name = step.rsplit('/').next().unwrap_or(step).to_lowercase();
            !reached.contains(step.as_str()) && !ABOUT_THE_FOLDER.contains(&name.as_str())
        });
        unreached
            .map(|step| {
                let file = format!("{step}.md");
                let message = format!("no way of links leads from `intro` to {}", quote(step));
                Diagnostic::warning("step-unreachable", &file, message).with_hint(format!(
                    "link to it: [Next](command:katapod.loadPage?{step})"
                ))
            })
            .collect()
    }
}

/// The steps that ways lead to from the first page.
fn reached<'a>(ways: &'a HashMap<&str, Vec<String>>) -> HashSet<&'a str> {
    let mut reached = HashSet::from([INTRO]);
    let mut next = VecDeque::from([INTRO]);
    while let Some(ways) = next.pop_front().map(|step| ways.get(step)) {
        for step in ways.into_iter().flatten() {
            if reached.insert(step) {
                next.push_back(step);
            }
        }
    }
    reached
}

fn file_of(page: &Page) -> String {
    format!("{}.md", page.step)
}

/// The line of a block's first path of the workspace.
fn line_of_path(block: &Block) -> usize {
    let lines = block.invocation.command.lines();
    let before = lines.take_while(|line| !WORKSPACE_PATH.is_match(line));
    block.text_line + before.count()
}

/// Brings diagnostics into the order of files and lines, and names their columns. `files` are the
/// files in order, with their text.
pub fn arrange(found: &mut [Diagnostic], files: &[(String, String)]) {
    let order: HashMap<&str, usize> = files
        .iter()
        .enumerate()
        .map(|(index, (name, _))| (name.as_str(), index))
        .collect();
    let lines: HashMap<&str, Vec<&str>> = files
        .iter()
        .map(|(name, text)| (name.as_str(), text.lines().collect()))
        .collect();
    for diagnostic in found.iter_mut() {
        if let Some(lines) = lines.get(diagnostic.file.as_str()) {
            diagnostic.locate(lines);
        }
    }
    found.sort_by_key(|one| {
        let file = order.get(one.file.as_str()).copied();
        let place = Place {
            line: one.line.unwrap_or_default(),
            column: one.column.unwrap_or_default(),
        };
        (file.unwrap_or(usize::MAX), place)
    });
}
