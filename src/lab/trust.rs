//! Whether a lab may run something by itself: on-load commands, and checks that nobody asks for.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use super::{
    folder::Folder,
    listing::{Listing, named},
    look::Trace,
};
use crate::scenario::{
    Config, Page,
    unattended::{checks, on_load},
};

pub use super::answers::Answers;

/// Who says that labs may run something by themselves.
#[derive(Debug, Clone)]
pub enum Trust {
    /// Whoever made them: they may.
    Given,
    /// Their driver, once for all that a scenario would run. What was said before counts.
    Asked(Answers),
}

/// How a lab stands with what it runs by itself.
#[derive(Debug)]
pub(super) struct Consent {
    trust: Trust,
    root: PathBuf,
    /// What the scenario runs by itself, where that matters and there is something.
    listing: Option<Arc<Listing>>,
    /// How the files looked that on-load commands name, by path.
    traces: BTreeMap<String, Option<Trace>>,
    /// Whether it may.
    holds: bool,
}

impl Consent {
    /// Knows nothing yet of the scenario in `folder`, which may run nothing before a look.
    pub(super) fn new(trust: Trust, folder: &Folder) -> Self {
        Self {
            holds: matches!(trust, Trust::Given),
            trust,
            root: folder.root().to_owned(),
            listing: None,
            traces: BTreeMap::new(),
        }
    }

    /// Whether the lab may run by itself what it has.
    pub(super) fn holds(&self) -> bool {
        self.holds
    }

    /// What waits for the driver's yes.
    pub(super) fn pending(&self) -> Option<&Arc<Listing>> {
        self.listing.as_ref().filter(|_| !self.holds)
    }

    /// Whether all checks of a page that run by themselves are known.
    pub(super) fn knows(&self, page: &Page) -> bool {
        if matches!(self.trust, Trust::Given) {
            return true;
        }
        let checks = checks(page);
        checks.is_empty() || self.listing.as_ref().is_some_and(|all| all.has(&checks))
    }

    /// Looks through the scenario as it is now. Says whether something else waits for a yes.
    pub(super) async fn look(
        &mut self,
        folder: &Folder,
        config: &Config,
        shown: Option<Arc<Page>>,
    ) -> bool {
        let Trust::Asked(answers) = self.trust.clone() else {
            return false;
        };
        let (folder, config) = (folder.clone(), config.clone());
        let looking = tokio::task::spawn_blocking(move || {
            let on_load = on_load(&config);
            let texts = on_load.iter().map(|item| item.text.as_str());
            // Before they are read: what changes meanwhile must differ.
            let traces = traces(&folder, texts);
            let listing = Listing::read(&folder, &config, shown.as_deref());
            let holds = listing
                .as_ref()
                .is_none_or(|listing| answers.have(folder.root(), &listing.hash));
            (listing, holds, traces)
        });
        let waited = self.pending().cloned();
        // What could not be looked through may not run.
        let (listing, holds, traces) = looking.await.unwrap_or_default();
        self.traces = traces;
        self.listing = listing.map(Arc::new);
        self.holds = holds;
        self.pending() != waited.as_ref()
    }

    /// Whether a file that these on-load commands name is another one than was looked at.
    pub(super) async fn has_changed(&self, folder: &Folder, texts: Vec<String>) -> bool {
        if texts.is_empty() || !self.holds || matches!(self.trust, Trust::Given) {
            return false;
        }
        let folder = folder.clone();
        let looking =
            tokio::task::spawn_blocking(move || traces(&folder, texts.iter().map(String::as_str)));
        // What could not be looked at may be another one.
        let Ok(now) = looking.await else { return true };
        now.iter()
            .any(|(path, trace)| self.traces.get(path) != Some(trace))
    }

    /// Takes a driver's yes to what that hash stands for. Says whether that is what was looked at
    /// last.
    pub(super) async fn give(&mut self, hash: &str) -> bool {
        let known = self.listing.as_ref().filter(|known| known.hash == hash);
        if known.is_none() {
            return false;
        }
        if let Trust::Asked(answers) = self.trust.clone()
            && !self.holds
        {
            let (root, hash) = (self.root.clone(), hash.to_owned());
            let keeping = tokio::task::spawn_blocking(move || answers.keep(&root, &hash));
            if let Err(error) = keeping.await {
                tracing::error!(%error, "answer was not kept");
            }
        }
        self.holds = true;
        true
    }
}

/// How the files look that texts name.
fn traces<'a>(
    folder: &Folder,
    texts: impl Iterator<Item = &'a str>,
) -> BTreeMap<String, Option<Trace>> {
    let paths = named(folder, texts).into_keys();
    let traced = paths.map(|path| {
        let trace = folder.trace(&path);
        (path, trace)
    });
    traced.collect()
}
