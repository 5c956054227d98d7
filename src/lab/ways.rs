//! Which steps a scenario's pages lead to, and so which come before another one.

use std::collections::{HashMap, HashSet};

use super::folder::{Folder, Stamp};
use crate::{
    command::state::ENTRY_STEP,
    scenario::{Config, Page},
};

/// How much text is read to find out where links lead; of a scenario with more nothing is said.
const MAX_BYTES: u64 = 32 * 1024 * 1024;

/// The steps that each page leads to, as far as they are known from the last look.
#[derive(Debug, Default)]
pub(super) struct Ways {
    known: HashMap<String, (Stamp, Vec<String>)>,
}

impl Ways {
    /// Finds the ways from all pages, of which only those that changed are read; `page` is known.
    /// Returns whether all could be; where they are too much, nothing is known any more.
    pub(super) fn look(
        &mut self,
        folder: &Folder,
        steps: &[String],
        config: &Config,
        page: &Page,
    ) -> bool {
        let stamps: Vec<(&String, Stamp)> = steps
            .iter()
            .filter_map(|step| Some((step, folder.stamp(step)?)))
            .collect();
        if stamps.iter().map(|(_, (_, bytes))| bytes).sum::<u64>() > MAX_BYTES {
            self.known.clear();
            return false;
        }
        let mut before = std::mem::take(&mut self.known);
        for (step, stamp) in stamps {
            let known = before.remove(step).filter(|(known, _)| *known == stamp);
            let ways = match known {
                _ if *step == page.step => page.leads_to(),
                Some((_, ways)) => ways,
                None => match folder.read_step(step) {
                    Ok(markdown) => Page::parse(step, &markdown, config).leads_to(),
                    Err(_) => continue,
                },
            };
            self.known.insert(step.clone(), (stamp, ways));
        }
        true
    }

    /// The steps that each leads to.
    pub(super) fn by_step(&self) -> HashMap<&str, Vec<String>> {
        let known = self.known.iter();
        known
            .map(|(step, (_, ways))| (step.as_str(), ways.clone()))
            .collect()
    }

    /// The steps that come before `step`: fewer links lead to them from where every lab begins.
    /// None, where no links lead to it.
    pub(super) fn before(&self, step: &str) -> HashSet<String> {
        let mut before = HashSet::new();
        let mut next = vec![ENTRY_STEP];
        while !next.is_empty() {
            if next.contains(&step) {
                return before;
            }
            before.extend(next.iter().map(|step| (*step).to_owned()));
            let ways = next.iter().filter_map(|step| self.known.get(*step));
            let targets = ways.flat_map(|(_, ways)| ways).map(String::as_str);
            let mut fresh: Vec<&str> = targets.filter(|target| !before.contains(*target)).collect();
            fresh.sort_unstable();
            fresh.dedup();
            next = fresh;
        }
        HashSet::new()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;
    use crate::scenario::config::ConfigFiles;

    /// What comes before `step` in a lab whose pages lead to these.
    fn check(pages: &[(&str, &[&str])], step: &str) -> Vec<String> {
        let temp = tempfile::tempdir().unwrap();
        for (step, ways) in pages {
            let links = ways
                .iter()
                .map(|way| format!("[go](command:katapod.loadPage?{way})\n\n"));
            let file = temp.path().join(format!("{step}.md"));
            fs::write(file, links.collect::<String>()).unwrap();
        }
        let folder = Folder::open(temp.path()).unwrap();
        let (config, _) = Config::read(ConfigFiles::default());
        let markdown = folder.read_step(step).unwrap();
        let page = Page::parse(step, &markdown, &config);
        let mut ways = Ways::default();
        assert!(ways.look(&folder, &folder.steps(), &config, &page));
        let mut before: Vec<String> = ways.before(step).into_iter().collect();
        before.sort();
        before
    }

    #[test]
    fn nothing_is_before_a_step_of_a_scenario_that_grew_too_large() {
        let temp = tempfile::tempdir().unwrap();
        fs::write(
            temp.path().join("intro.md"),
            "[go](command:katapod.loadPage?a)",
        )
        .unwrap();
        fs::write(temp.path().join("a.md"), "# A").unwrap();
        let folder = Folder::open(temp.path()).unwrap();
        let (config, _) = Config::read(ConfigFiles::default());
        let page = Page::parse("a", "# A", &config);
        let mut ways = Ways::default();
        assert!(ways.look(&folder, &folder.steps(), &config, &page));
        assert_eq!(ways.before("a").len(), 1);
        // Nothing is read of it, so that a hole does.
        let large = fs::File::create(temp.path().join("large.md")).unwrap();
        large.set_len(MAX_BYTES + 1).unwrap();
        assert!(!ways.look(&folder, &folder.steps(), &config, &page));
        assert!(ways.before("a").is_empty());
    }

    const LAB: [(&str, &[&str]); 6] = [
        ("intro", &["a", "b"]),
        ("a", &["intro", "a2"]),
        ("a2", &["a", "end"]),
        ("b", &["intro", "end"]),
        ("end", &["a2", "b"]),
        ("lost", &["intro"]),
    ];

    #[test]
    fn steps_before_another_are_those_nearer_to_the_beginning() {
        for (step, before) in [
            ("intro", &[][..]),
            ("a", &["intro"]),
            ("a2", &["a", "b", "intro"]),
            ("end", &["a", "b", "intro"]),
            ("lost", &[]),
        ] {
            assert_eq!(check(&LAB, step), before, "{step}");
        }
    }

    proptest! {
        /// However steps are linked, a step is never before itself, and of two that lead on from
        /// one another by a shortest way only one is before the other.
        #[test]
        fn prop_no_two_steps_are_before_each_other(
            links in prop::collection::vec((0usize..6, 0usize..6), 0..20)
        ) {
            let name = |step: usize| if step == 0 { "intro".to_owned() } else { step.to_string() };
            let mut known: HashMap<String, (Stamp, Vec<String>)> = HashMap::new();
            let stamp = (std::time::SystemTime::UNIX_EPOCH, 0);
            for (from, to) in links {
                let (_, ways) = known.entry(name(from)).or_insert((stamp, Vec::new()));
                ways.push(name(to));
            }
            let ways = Ways { known };
            for one in (0..6).map(name) {
                prop_assert!(!ways.before(&one).contains(&one));
                for other in ways.before(&one) {
                    prop_assert!(!ways.before(&other).contains(&one));
                }
            }
        }
    }
}
