//! Reading steps for a lab: from the folder's file to a page, or to what is wrong with it.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    event::StepTitle,
    folder::{Description, Folder, StepError},
    look::Look,
    recordings,
    scan::read_config,
    survey::Survey,
    titles::Titles,
    ways::Ways,
};
use crate::{
    command::{CommandError, state::is_required},
    lab::LabError,
    scenario::{Block, Config, Page, nearest},
    terminal::Film,
};

/// Reads steps off the runtime's workers, since disks and large pages take time.
#[derive(Debug, Clone)]
pub(super) struct Reader {
    folder: Folder,
    titles: Arc<Mutex<Titles>>,
    ways: Arc<Mutex<Ways>>,
    /// Finds what is wrong; nobody looks for it where nobody writes the lab.
    survey: Option<Arc<Mutex<Survey>>>,
}

impl Reader {
    pub(super) fn new(folder: Folder, author: bool) -> Self {
        Self {
            folder,
            titles: Arc::default(),
            ways: Arc::default(),
            survey: author.then(Arc::default),
        }
    }

    /// Reads a step's page. Its diagnostics are there for an author only.
    ///
    /// # Errors
    ///
    /// There is no such step, or it can't be read.
    pub(super) async fn load(&self, config: &Config, step: &str) -> Result<Arc<Page>, LabError> {
        let (reader, config, step) = (self.clone(), config.clone(), step.to_owned());
        let reading = tokio::task::spawn_blocking(move || reader.read(&config, &step));
        reading
            .await
            .map_err(|error| LabError::Internal(error.to_string()))?
    }

    /// The recorded output of a block of a page that is shown.
    pub(super) async fn film(&self, step: &str, block: &Block) -> Option<Film> {
        let (folder, step, index) = (self.folder.clone(), step.to_owned(), block.index);
        let command = block.invocation.command.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let recording = recordings::read(&folder, &step, index)?;
            let film = recording.header.is_of(&command).then_some(recording)?;
            Some(recordings::film_of(&film))
        });
        reading.await.ok()?
    }

    /// What people call the scenario.
    pub(super) async fn title(&self) -> String {
        let folder = self.folder.clone();
        let reading = tokio::task::spawn_blocking(move || folder.title());
        reading
            .await
            .unwrap_or_else(|_| self.folder.name().to_owned())
    }

    /// How the files behind a step look.
    pub(super) async fn look(&self, page: Option<Arc<Page>>) -> Look {
        let folder = self.folder.clone();
        let looking = tokio::task::spawn_blocking(move || Look::new(&folder, page.as_deref()));
        looking.await.unwrap_or_default()
    }

    /// What the scenario's own files say of it now, and whether its config is missing or empty.
    pub(super) async fn describe(&self) -> Option<(Description, bool)> {
        let folder = self.folder.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let mut now = folder.describe();
            let config = read_config(&folder, &mut now.diagnostics);
            let is_blank = config.is_none_or(|(_, text)| text.trim().is_empty());
            (now, is_blank)
        });
        reading.await.ok()
    }

    /// All steps with their titles.
    pub(super) async fn steps(&self) -> Vec<StepTitle> {
        let reader = self.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let mut titles = reader.titles.lock().unwrap_or_else(PoisonError::into_inner);
            titles.read(&reader.folder)
        });
        reading.await.unwrap_or_default()
    }

    /// The steps that come before a page that requires something; of others nobody needs to know.
    pub(super) async fn before(&self, config: &Config, page: &Arc<Page>) -> HashSet<String> {
        if !page.blocks.iter().any(is_required) {
            return HashSet::new();
        }
        let (reader, config, page) = (self.clone(), config.clone(), page.clone());
        let reading = tokio::task::spawn_blocking(move || {
            let mut ways = reader.ways.lock().unwrap_or_else(PoisonError::into_inner);
            let folder = &reader.folder;
            ways.look(folder, &folder.steps(), &config, &page);
            ways.before(&page.step)
        });
        reading.await.unwrap_or_default()
    }

    fn read(&self, config: &Config, step: &str) -> Result<Arc<Page>, LabError> {
        let folder = &self.folder;
        match folder.read_step(step) {
            Ok(markdown) => {
                let mut page = self.parse(config, step, &markdown);
                recordings::note(folder, &mut page);
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

    fn parse(&self, config: &Config, step: &str, markdown: &str) -> Page {
        let Some(survey) = &self.survey else {
            let mut page = Page::parse(step, markdown, config);
            page.diagnostics.clear();
            return page;
        };
        let mut page = Page::parse_for_author(step, markdown, config);
        let mut survey = survey.lock().unwrap_or_else(PoisonError::into_inner);
        page.diagnostics = survey.diagnose(&self.folder, config, &page, markdown);
        page
    }
}
