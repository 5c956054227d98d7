//! The labs that run, by address.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Library, actor::Lab, handle::LabHandle};

pub use super::{actor::SENT_PATIENCE, options::LabOptions};

/// Starts labs when they are first visited, and ends them together.
#[derive(Debug)]
pub struct LabStore {
    library: Library,
    options: LabOptions,
    /// The lab at each address. Today an address is a scenario's name; a class will have many
    /// labs of one scenario.
    labs: Mutex<HashMap<String, LabHandle>>,
    cancel: CancellationToken,
    tracker: TaskTracker,
}

impl LabStore {
    /// Makes a store of labs of the library's scenarios.
    #[must_use]
    pub fn new(library: Library, options: LabOptions) -> Self {
        let (cancel, tracker) = (CancellationToken::new(), TaskTracker::new());
        Self {
            library,
            options,
            labs: Mutex::default(),
            cancel,
            tracker,
        }
    }

    /// The scenarios.
    #[must_use]
    pub fn library(&self) -> &Library {
        &self.library
    }

    /// The lab at an address, started if it does not run; nothing where there is no scenario.
    #[must_use]
    pub fn lab(&self, address: &str) -> Option<LabHandle> {
        let folder = self.library.get(address)?;
        let mut labs = self.labs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lab) = labs.get(address).filter(|lab| !lab.is_closed()) {
            return Some(lab.clone());
        }
        let cancel = self.cancel.child_token();
        let lab = Lab::spawn(folder.clone(), self.options.clone(), cancel, &self.tracker);
        labs.insert(address.to_owned(), lab.clone());
        Some(lab)
    }

    /// The lab at an address, if it runs.
    #[must_use]
    pub fn running(&self, address: &str) -> Option<LabHandle> {
        let labs = self.labs.lock().unwrap_or_else(PoisonError::into_inner);
        labs.get(address).filter(|lab| !lab.is_closed()).cloned()
    }

    /// Ends all labs and what runs in them.
    pub async fn end(&self) {
        self.cancel.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

/// A name that nobody guesses and no other run has: 128 random bits in hexadecimal.
///
/// # Panics
///
/// The operating system has no randomness to give, and nothing would be safe.
#[must_use]
pub fn random_name() -> String {
    let mut bytes = [0_u8; 16];
    #[expect(
        clippy::expect_used,
        reason = "without randomness there are no secrets"
    )]
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
