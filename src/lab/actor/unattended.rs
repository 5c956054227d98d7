//! Runs what nobody clicked, once the driver has said yes to it.

use super::Lab;
use crate::{
    lab::{LabError, LabEvent},
    scenario::Page,
};

impl Lab {
    /// Looks through all that the scenario would run by itself. Says whether something else waits
    /// for the driver's yes.
    pub(super) async fn look_through(&mut self) -> bool {
        let shown = self.state.page.clone();
        let config = &self.state.config;
        self.trust.look(&self.folder, config, shown).await
    }

    /// Asks anew where a page brings a check that nobody was asked about, or where a file is another
    /// one by now that its step's on-load commands name. What checks name is not looked at here: it
    /// is most often what the learner is to change.
    pub(super) async fn look_at(&mut self, page: &Page) {
        let on_load = self.state.config.on_load(&page.step);
        let due = on_load.iter().filter(|due| self.state.admit(due).is_ok());
        let texts = due.map(|due| due.command.clone()).collect();
        let is_new = !self.trust.knows(page) || self.trust.has_changed(&self.folder, texts).await;
        if is_new && self.look_through().await {
            self.tell_trust();
        }
    }

    /// Takes the driver's yes to what a hash stands for, and goes on as if the present step had
    /// just been loaded.
    ///
    /// # Errors
    ///
    /// The lab would run something else by now. The drivers are told, and nothing runs.
    pub(super) async fn give_trust(&mut self, hash: &str) -> Result<Vec<u16>, LabError> {
        let waited = !self.trust.holds();
        // A script may have changed since it was looked at.
        let differs = waited && self.look_through().await;
        if !self.trust.give(hash).await {
            if differs {
                self.tell_trust();
            }
            return Err(LabError::TrustChanged);
        }
        if !waited {
            return Ok(Vec::new());
        }
        tracing::info!(lab = self.folder.name(), hash, "trust given");
        self.tell_trust();
        if !self.instance.begun {
            return Ok(Vec::new());
        }
        self.arm_open_checks();
        self.run_on_load()
    }

    /// Runs the on-load commands of the present step, as far as their counts allow.
    pub(super) fn run_on_load(&mut self) -> Result<Vec<u16>, LabError> {
        let mut terminals = Vec::new();
        if !self.trust.holds() {
            return Ok(terminals);
        }
        for invocation in self.state.config.on_load(&self.state.step).to_vec() {
            if self.state.admit(&invocation).is_ok() {
                terminals.push(self.run_invocation(&invocation)?);
            }
        }
        Ok(terminals)
    }

    pub(super) fn tell_trust(&mut self) {
        let pending = self.trust.pending().cloned();
        self.clients.tell_drivers(LabEvent::Trust(pending));
    }
}
