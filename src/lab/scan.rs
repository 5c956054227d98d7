//! Reads a scenario with everything that can be wrong with it, for whoever reports it.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use super::{
    archive::CONFIGS,
    folder::{Description, Folder, StepError, UNREADABLE_HINT},
    listing, recordings,
};
use crate::{
    command::registry::REGISTRY,
    scenario::{
        BlockKind, Diagnostic, Page,
        check::{KnownCommand, Scenario, arrange, check},
        config::CONFIG_FILE,
        fix::{Edit, Names, fix},
    },
};

/// How many files a folder may have. One more is looked for, to tell that there are more.
const MAX_FILES: usize = 20_000;

/// How deep files are looked for.
const MAX_DEPTH: usize = 16;

/// How the names begin of what Git, and those who host it, keep in a folder.
const GIT: &str = ".git";

/// How the names begin of files that usually hold secrets, and how those end that only show their
/// form.
const SECRET: &str = ".env";
const SAMPLES: [&str; 4] = ["example", "sample", "template", "dist"];

/// The hidden files of a scenario, by their paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hidden {
    /// Those that a block which runs, or an on-load command, names.
    pub named: Vec<String>,
    /// Those that usually hold secrets, whoever names them.
    pub secret: Vec<String>,
    /// All others, and the folders that hold others, which end in a slash.
    pub others: Vec<String>,
}

/// A scenario, read for its author.
#[derive(Debug)]
pub struct Scan {
    /// What the folder's own files say of it.
    pub description: Description,
    /// The pages that could be read, in the order of the steps.
    pub pages: Vec<Page>,
    /// Files and their texts, in the order of their diagnostics.
    pub sources: Vec<(String, String)>,
    /// Everything that is wrong, in that order.
    pub diagnostics: Vec<Diagnostic>,
    steps: Vec<String>,
    files: Vec<String>,
}

impl Scan {
    /// Reads the scenario of a folder.
    #[must_use]
    pub fn new(folder: &Folder) -> Self {
        let mut description = folder.describe();
        let mut diagnostics = std::mem::take(&mut description.diagnostics);
        let steps = folder.steps();
        let mut sources = Vec::new();
        sources.extend(read_config(folder, &mut diagnostics));
        let mut pages = Vec::new();
        for step in &steps {
            let file = format!("{step}.md");
            match folder.read_step(step) {
                Ok(markdown) => {
                    diagnostics.extend(not_utf8(folder, &file));
                    let page = Page::parse_for_author(step, &markdown, &description.config);
                    diagnostics.extend(page.diagnostics.iter().cloned());
                    pages.push(page);
                    sources.push((file, markdown));
                }
                Err(error) => {
                    diagnostics.push(unreadable(&file, &error));
                    sources.push((file, String::new()));
                }
            }
        }
        let files = files(folder);
        if files.len() > MAX_FILES {
            let message = format!("the folder holds more than {MAX_FILES} files");
            diagnostics.push(
                Diagnostic::warning("too-many-files", "intro.md", message)
                    .with_hint("those beyond are not looked at; keep only the lab in its folder"),
            );
        }
        let ways: HashMap<&str, Vec<String>> = pages
            .iter()
            .map(|page| (page.step.as_str(), page.leads_to()))
            .collect();
        diagnostics.extend(check(Scenario {
            name: folder.name(),
            config: &description.config,
            steps: &steps,
            pages: &pages,
            ways: Some(&ways),
            files: &files,
            commands: &known_commands(),
        }));
        diagnostics.extend(recordings::stale(folder, &files, &pages));
        arrange(&mut diagnostics, &sources);
        Self {
            description,
            pages,
            sources,
            diagnostics,
            steps,
            files,
        }
    }

    /// The text of a file of the scenario that was read.
    #[must_use]
    pub fn source(&self, file: &str) -> Option<&str> {
        let source = self.sources.iter().find(|(name, _)| name == file);
        source.map(|(_, text)| text.as_str())
    }

    /// The line that a diagnostic is about.
    #[must_use]
    pub fn line(&self, found: &Diagnostic) -> Option<&str> {
        let index = found.line?.checked_sub(1)?;
        self.source(&found.file)?.lines().nth(index)
    }

    /// The hidden files of the folder that is scanned, apart from the configs and what Git keeps.
    #[must_use]
    pub fn hidden(&self, folder: &Folder) -> Hidden {
        let blocks = self.pages.iter().flat_map(|page| &page.blocks);
        let blocks =
            blocks.filter(|block| matches!(block.kind, BlockKind::Executable | BlockKind::Check));
        let on_load = &self.description.config.on_load;
        let on_load = on_load.iter().flat_map(|on_load| &on_load.commands);
        let runs = blocks.map(|block| &block.invocation).chain(on_load);
        let texts = runs.map(|run| run.command.as_str());
        let mut named: Vec<String> = listing::named(folder, texts).into_keys().collect();
        named.retain(|path| {
            let parts = || path.split('/');
            !CONFIGS.contains(&path.as_str())
                && parts().any(|part| part.starts_with('.'))
                && !parts().any(|part| part == GIT || part == "node_modules")
        });
        let mut others = Tree::of(folder).hidden;
        others.retain(|path| {
            let is_git = path.split('/').any(|part| part.starts_with(GIT));
            !CONFIGS.contains(&path.as_str()) && !is_git && !named.contains(path)
        });
        let mut secret: Vec<String> = named.extract_if(.., |path| is_secret(path)).collect();
        secret.extend(others.extract_if(.., |path| is_secret(path)));
        others.sort();
        secret.sort();
        Hidden {
            named,
            secret,
            others,
        }
    }

    /// What mends a mistake, where there is no doubt.
    #[must_use]
    pub fn fix(&self, found: &Diagnostic) -> Option<Edit> {
        let names = Names {
            steps: &self.steps,
            files: &self.files,
        };
        fix(found, self.line(found)?, names)
    }
}

/// Whether a file usually holds secrets, by its name.
fn is_secret(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.starts_with(SECRET) && !SAMPLES.iter().any(|sample| name.ends_with(sample))
}

fn unreadable(file: &str, error: &StepError) -> Diagnostic {
    Diagnostic::error("unreadable-step", file, error.to_string()).with_hint(UNREADABLE_HINT)
}

/// The registry, as far as links need it.
pub(super) fn known_commands() -> Vec<KnownCommand> {
    let known = |command: &crate::command::Command| KnownCommand {
        id: command.id,
        for_pages: command.for_pages,
    };
    REGISTRY.iter().map(known).collect()
}

/// The text of the config, where there is one.
pub(super) fn read_config(
    folder: &Folder,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<(String, String)> {
    let path = folder.root().join(CONFIG_FILE);
    fs::symlink_metadata(&path).ok()?;
    if !folder.has_config() {
        diagnostics.push(
            Diagnostic::error("config-unreadable", CONFIG_FILE, "the config can't be read")
                .with_hint("it is a file of at most 1 MiB inside the folder; it is ignored"),
        );
        return Some((CONFIG_FILE.to_owned(), String::new()));
    }
    let text = fs::read(&path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    Some((CONFIG_FILE.to_owned(), text))
}

/// Bytes of a page that are no UTF-8.
pub(super) fn not_utf8(folder: &Folder, file: &str) -> Option<Diagnostic> {
    let bytes = fs::read(folder.root().join(file)).ok()?;
    let end = std::str::from_utf8(&bytes).err()?.valid_up_to();
    let before = bytes.get(..end)?.iter().filter(|byte| **byte == b'\n');
    let message = "the page is not UTF-8";
    Some(
        Diagnostic::warning("not-utf8", file, message)
            .at(Some(before.count() + 1))
            .with_hint("what can't be read is shown as `\u{fffd}`; save the file as UTF-8"),
    )
}

/// The files that pages may show, relative to the folder.
pub(super) fn files(folder: &Folder) -> Vec<String> {
    Tree::of(folder).files
}

/// The files of a folder, as they are found.
struct Tree<'a> {
    folder: &'a Folder,
    /// The folders that are looked at, each in the one before it, without links.
    above: Vec<PathBuf>,
    files: Vec<String>,
    /// Hidden files, and hidden folders, which end in a slash.
    hidden: Vec<String>,
}

impl<'a> Tree<'a> {
    fn of(folder: &'a Folder) -> Self {
        let mut tree = Self {
            folder,
            above: Vec::new(),
            files: Vec::new(),
            hidden: Vec::new(),
        };
        tree.collect(folder.root(), "");
        tree
    }

    fn collect(&mut self, folder: &Path, prefix: &str) {
        let Ok(real) = folder.canonicalize() else {
            return;
        };
        // A link that leads out, or back to where it is, holds nothing of its own.
        let leads_back = self.above.iter().any(|above| above.starts_with(&real));
        if leads_back || !real.starts_with(self.folder.root()) || self.above.len() > MAX_DEPTH {
            return;
        }
        let Ok(entries) = fs::read_dir(folder) else {
            return;
        };
        self.above.push(real);
        for entry in entries.flatten() {
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            if name == "node_modules" || self.files.len() > MAX_FILES {
                continue;
            }
            let path = format!("{prefix}{name}");
            let is_folder = entry.path().is_dir();
            if name.starts_with('.') {
                let slash = if is_folder { "/" } else { "" };
                self.hidden.push(path + slash);
            } else if is_folder {
                self.collect(&entry.path(), &format!("{path}/"));
            } else if self.folder.asset(&path).is_some() {
                self.files.push(path);
            }
        }
        self.above.pop();
    }
}
