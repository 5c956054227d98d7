//! Reading a step: from the folder's file to a page, or to what is wrong with it.

use std::sync::Arc;

use super::folder::{Folder, StepError};
use crate::{
    command::CommandError,
    lab::LabError,
    scenario::{Config, Page, nearest},
};

/// Reads a step's page off the runtime's workers, since disks and large pages take time.
///
/// # Errors
///
/// There is no such step, or it can't be read.
pub(super) async fn load(
    folder: &Folder,
    config: &Config,
    step: &str,
) -> Result<Arc<Page>, LabError> {
    let (folder, config, step) = (folder.clone(), config.clone(), step.to_owned());
    let reading = tokio::task::spawn_blocking(move || read(&folder, &config, &step));
    reading
        .await
        .map_err(|error| LabError::Internal(error.to_string()))?
}

fn read(folder: &Folder, config: &Config, step: &str) -> Result<Arc<Page>, LabError> {
    match folder.read_step(step) {
        Ok(markdown) => {
            let page = Page::parse(step, &markdown, config);
            for diagnostic in &page.diagnostics {
                tracing::debug!(
                    step,
                    code = diagnostic.code,
                    line = diagnostic.line,
                    message = diagnostic.message,
                    "page has a diagnostic"
                );
            }
            Ok(Arc::new(page))
        }
        Err(StepError::Unknown(_)) if folder.is_gone() => {
            Err(LabError::FolderGone(folder.name().to_owned()))
        }
        Err(StepError::Unknown(step)) => {
            let steps = folder.steps();
            let known: Vec<&str> = steps.iter().map(String::as_str).collect();
            let nearest = nearest(&step, &known).map(str::to_owned);
            Err(CommandError::UnknownStep { step, nearest }.into())
        }
        Err(error @ StepError::Unreadable { .. }) => Err(LabError::UnreadableStep(error)),
    }
}
