//! The titles of all steps, read from the beginnings of their pages.

use std::collections::HashMap;

use super::{
    event::StepTitle,
    folder::{Folder, Stamp},
};
use crate::scenario::Page;

/// How much of a page is looked at for its title.
const HEAD_BYTES: u64 = 64 * 1024;

/// Titles, as far as they are known from the last reading.
#[derive(Debug, Default)]
pub(super) struct Titles {
    known: HashMap<String, (Stamp, String)>,
}

impl Titles {
    /// All steps with their titles; only pages that changed are read.
    pub(super) fn read(&mut self, folder: &Folder) -> Vec<StepTitle> {
        let mut before = std::mem::take(&mut self.known);
        let mut steps = Vec::new();
        for step in folder.steps() {
            let stamp = folder.stamp(&step);
            let known = before.remove(&step);
            let title = match known.filter(|(known, _)| Some(*known) == stamp) {
                Some((_, title)) => title,
                None => match folder.read_head(&step, HEAD_BYTES) {
                    Some(head) => Page::title_of(&step, &head),
                    None => step.clone(),
                },
            };
            if let Some(stamp) = stamp {
                self.known.insert(step.clone(), (stamp, title.clone()));
            }
            steps.push(StepTitle { step, title });
        }
        steps
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn titles_are_those_of_the_pages() {
        let temp = tempfile::tempdir().unwrap();
        let long = format!("{}\n# Too late", "word ".repeat(20_000));
        let pages = [
            ("intro", "# A *lab*\n\nText", "A lab"),
            ("a", "text\n\n## Second level\n", "Second level"),
            (
                "b",
                "```\n# a comment\n```\n\nUnderlined\n==========\n",
                "Underlined",
            ),
            (
                "c",
                "# Lab\n\n<div class=\"step-title\">\nThe step\n</div>\n\n# More",
                "The step",
            ),
            ("d", "<h1>In HTML</h1>", "In HTML"),
            ("e", "no heading", "e"),
            ("f", &long, "f"),
            ("g", "", "g"),
        ];
        for (step, text, _) in pages {
            fs::write(temp.path().join(format!("{step}.md")), text).unwrap();
        }
        let folder = Folder::open(temp.path()).unwrap();
        let mut titles = Titles::default();
        let mut wanted: Vec<StepTitle> = Vec::new();
        wanted.extend(pages.map(|(step, _, title)| StepTitle {
            step: step.to_owned(),
            title: title.to_owned(),
        }));
        assert_eq!(titles.read(&folder), wanted);
        fs::write(temp.path().join("g.md"), "# Written now").unwrap();
        wanted[7].title = "Written now".to_owned();
        fs::remove_file(temp.path().join("f.md")).unwrap();
        wanted.remove(6);
        assert_eq!(titles.read(&folder), wanted);
    }
}
