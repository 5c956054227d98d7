//! Shows at once what a lab's author saved.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::Lab;
use crate::{
    lab::{
        LabError,
        event::{LabEvent, Notice, StepTitle},
        look::Look,
    },
    scenario::{Diagnostic, Page},
};

/// How long a page or the config may be missing or empty before that is taken for meant: some
/// editors empty or remove a file before they write it anew.
const DOUBT: Duration = Duration::from_secs(1);

/// What to do about a page that can't be read any more.
const KEPT_HINT: &str = "the lab goes on with the page as it was; save it again";

/// What is known of the folder since the last look.
#[derive(Debug, Default)]
pub(super) struct Refresh {
    look: Look,
    /// The steps that clients were told of last.
    steps: Option<Vec<StepTitle>>,
    /// Whether the page is missing or empty.
    doubt: Doubt,
    /// Whether the config is.
    pub(super) config_doubt: Doubt,
    /// Why the page can't be read, as it was told.
    failure: Option<String>,
}

/// Whether what was read may be half of a save that goes on.
#[derive(Debug, Default)]
pub(super) struct Doubt {
    since: Option<Instant>,
}

impl Doubt {
    /// Begins, where it has not begun. Returns whether it is not yet over.
    pub(super) fn holds(&mut self) -> bool {
        self.since.get_or_insert_with(Instant::now).elapsed() < DOUBT
    }

    pub(super) fn clear(&mut self) {
        self.since = None;
    }
}

impl Lab {
    /// How the folder looks before a page is read.
    pub(super) async fn look_before(&self) -> Look {
        if self.options.watch {
            self.reader.look(None).await
        } else {
            Look::default()
        }
    }

    /// Notes how the folder looked before the page was read that is shown from now on, and how the
    /// files look that it shows.
    pub(super) async fn note_look(&mut self, before: Look) {
        if self.options.watch {
            let look = self.reader.look(self.state.page.clone()).await;
            let known = std::mem::replace(&mut self.refresh.look, before);
            self.refresh.look.take_files(look);
            self.refresh.look.keep_config(&known);
            self.refresh.doubt.clear();
            self.refresh.failure = None;
        }
    }

    /// Tells clients what has changed in the folder since the last look. Nothing is run.
    pub(super) async fn look_again(&mut self) {
        if !self.instance.begun {
            return;
        }
        let look = self.reader.look(self.state.page.clone()).await;
        if look == self.refresh.look && self.refresh.doubt.since.is_none() {
            return;
        }
        if look.has_other_config(&self.refresh.look) && !self.refresh_config().await {
            // All is looked at again in a moment.
            return;
        }
        let before = std::mem::replace(&mut self.refresh.look, look.clone());
        if look.has_other_steps(&before) {
            self.refresh_steps().await;
        }
        self.refresh_page(look.other_files(&before)).await;
    }

    async fn refresh_steps(&mut self) {
        let steps = self.reader.steps().await;
        if self.refresh.steps.as_ref() != Some(&steps) {
            self.refresh.steps = Some(steps.clone());
            self.clients.tell(LabEvent::Steps(steps));
        }
    }

    async fn refresh_page(&mut self, files: Vec<String>) {
        let step = self.state.step.clone();
        let Some(shown) = self.state.page.clone() else {
            // It could not be read when it was asked for, and its on-load commands did not run.
            drop(self.load_step(&step, None).await);
            return;
        };
        match self.reader.load(&self.state.config, &step).await {
            Ok(page) if is_empty(&page) && !is_empty(&shown) && self.refresh.doubt.holds() => {}
            Ok(page) => {
                self.refresh.doubt.clear();
                self.refresh.failure = None;
                if page != shown || !files.is_empty() {
                    self.show_again(&page, files).await;
                    self.look_at(&page).await;
                    // The page may show other files now.
                    let before = self.refresh.look.clone();
                    self.note_look(before).await;
                }
            }
            Err(error) => {
                if !self.refresh.doubt.holds() {
                    self.refresh.doubt.clear();
                    self.keep_page(&shown, &error).await;
                }
            }
        }
    }

    /// Shows the page of the present step anew, in its place.
    async fn show_again(&mut self, page: &Arc<Page>, files: Vec<String>) {
        tracing::info!(lab = self.folder.name(), step = page.step, "step reloaded");
        if let Some(before) = self.state.page.clone() {
            self.reloaded(&before, page);
        }
        let before = self.reader.before(&self.state.config, page).await;
        self.state.show(page.clone());
        self.state.comes_after(before);
        self.clients.tell(LabEvent::Page {
            view: self.page_view(page),
            execution: None,
            reload: Some(files),
        });
    }

    /// Says why the page is as it was.
    async fn keep_page(&mut self, shown: &Page, error: &LabError) {
        let message = error.to_string();
        if self.refresh.failure.as_ref() == Some(&message) {
            return;
        }
        self.refresh.failure = Some(message.clone());
        if self.options.author {
            let file = format!("{}.md", shown.step);
            let found = Diagnostic::error("unreadable-step", &file, message);
            let mut page = shown.clone();
            page.diagnostics = vec![found.with_hint(KEPT_HINT)];
            self.show_again(&Arc::new(page), Vec::new()).await;
        } else {
            let notice = Notice::failure(message, Some(KEPT_HINT.to_owned()));
            self.clients.tell_drivers(LabEvent::Notice(notice));
        }
    }
}

fn is_empty(page: &Page) -> bool {
    page.html.trim().is_empty()
}
