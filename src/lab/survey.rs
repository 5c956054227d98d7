//! What is wrong with one page of a scenario and with the scenario around it, for a lab's author.

use super::{
    folder::Folder,
    scan::{files, known_commands, not_utf8, read_config},
    ways::Ways,
};
use crate::scenario::{
    Config, Diagnostic, Page, Severity,
    check::{Scenario, arrange, check},
    config::CONFIG_FILE,
};

/// How many diagnostics of a page are told; nobody reads more at once.
const MAX_TOLD: usize = 200;

/// What the last look at a scenario's pages gave.
#[derive(Debug, Default)]
pub(super) struct Survey {
    ways: Ways,
}

impl Survey {
    /// All that `katahost check` says of a page, of the config, and of pages that are missing.
    /// `page` was parsed for its author, with the `config` that the lab has.
    pub(super) fn diagnose(
        &mut self,
        folder: &Folder,
        config: &Config,
        page: &Page,
        markdown: &str,
    ) -> Vec<Diagnostic> {
        let file = format!("{}.md", page.step);
        let steps = folder.steps();
        let mut description = folder.describe();
        let mut found = std::mem::take(&mut description.diagnostics);
        let mut sources = Vec::from_iter(read_config(folder, &mut found));
        let is_usable = found.iter().all(|one| one.severity != Severity::Error);
        if is_usable && description.config != *config {
            let message = "the config has changed since the lab started";
            found.push(
                Diagnostic::warning("config-changed", CONFIG_FILE, message)
                    .with_hint("start the lab over to use it as it is now"),
            );
        }
        found.extend(not_utf8(folder, &file));
        found.extend(page.diagnostics.iter().cloned());
        let judged = self.ways.look(folder, &steps, config, page);
        let ways = self.ways.by_step();
        found.extend(check(Scenario {
            name: folder.name(),
            config: &description.config,
            steps: &steps,
            pages: std::slice::from_ref(page),
            ways: judged.then_some(&ways),
            files: &files(folder),
            commands: &known_commands(),
        }));
        found.retain(|one| {
            let other = one.file.strip_suffix(".md");
            one.file == file || !other.is_some_and(|other| steps.iter().any(|step| step == other))
        });
        sources.push((file.clone(), markdown.to_owned()));
        arrange(&mut found, &sources);
        if found.len() > MAX_TOLD {
            let more = found.len() - MAX_TOLD;
            found.truncate(MAX_TOLD);
            let message = format!("there are {more} more problems");
            found.push(
                Diagnostic::warning("more-problems", &file, message)
                    .with_hint("`katahost check` lists them all"),
            );
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::lab::{Library, Scan};

    /// Checks that what is told on the pages of a scenario is what is told of it as a whole.
    fn check_pages(folder: &Folder) {
        let scan = Scan::new(folder);
        let steps = folder.steps();
        let of_step = |file: &str, step: &str| {
            let other = file.strip_suffix(".md").filter(|other| *other != step);
            !other.is_some_and(|other| steps.iter().any(|step| step == other))
        };
        let mut survey = Survey::default();
        for page in &scan.pages {
            let step = page.step.as_str();
            let markdown = folder.read_step(step).unwrap();
            let config = &scan.description.config;
            let told = survey.diagnose(folder, config, page, &markdown);
            let mut expected = scan.diagnostics.clone();
            expected.retain(|one| of_step(&one.file, step));
            assert_eq!(told, expected, "{} {step}", folder.name());
        }
    }

    #[test]
    fn pages_of_real_scenarios_tell_what_check_says() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for path in ["scenarios", "../shared/corpus"].map(|path| root.join(path)) {
            // A clone has no corpus beside it.
            let library = Library::open(&path).ok();
            let scenarios = library.iter().flat_map(Library::scenarios);
            scenarios.for_each(check_pages);
        }
    }
}
