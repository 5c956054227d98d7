//! What commands are resolved against: the scenario, the page shown, the counts, what is done.

mod required;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

pub use self::required::is_required;
use super::error::CommandError;
use crate::scenario::{Block, Config, Invocation, Link, Page};

/// The step that every lab begins with.
pub const ENTRY_STEP: &str = "intro";

/// How many steps one can go back.
const MAX_TRAIL: usize = 1000;

/// A lab's place in its scenario.
#[derive(Debug, Clone)]
pub struct State {
    /// The scenario's layout and on-load commands.
    pub config: Config,
    /// The current step.
    pub step: String,
    /// The current step's page, if it could be read.
    pub page: Option<Arc<Page>>,
    /// The id of the terminal that commands without one act on: the last used.
    pub active_terminal: String,
    /// The ids of terminals that the config had, and that are still there.
    removed: Vec<String>,
    /// How often each id was run.
    runs: HashMap<String, u64>,
    /// The block that was run last since the step was shown.
    last_block: Option<usize>,
    /// The steps that led to the current one, the first first.
    trail: Vec<String>,
    /// All steps that were shown.
    visited: HashSet<String>,
    /// The steps that come before the current one.
    before: HashSet<String>,
    /// What of that which steps require is done.
    done: required::Done,
    /// Whether what steps require holds nobody.
    holds_nobody: bool,
}

impl State {
    /// Begins a lab at the entry page.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let first = config.terminals.first();
        let active_terminal = first
            .map(|terminal| terminal.id.clone())
            .unwrap_or_default();
        Self {
            config,
            step: ENTRY_STEP.to_owned(),
            page: None,
            active_terminal,
            removed: Vec::new(),
            runs: HashMap::new(),
            last_block: None,
            trail: Vec::new(),
            visited: HashSet::new(),
            before: HashSet::new(),
            done: required::Done::default(),
            holds_nobody: false,
        }
    }

    /// Notes which terminals are still there that the config has no more: only who names one acts
    /// on it.
    pub fn note_removed(&mut self, removed: Vec<String>) {
        self.removed = removed;
        let active = self.config.resolve_terminal(&self.active_terminal);
        self.active_terminal = active.id.clone();
    }

    /// Makes `page` the one shown.
    pub fn show(&mut self, page: Arc<Page>) {
        let step = page.step.clone();
        if step != self.step {
            self.last_block = None;
            if self.trail.last() == Some(&step) {
                self.trail.pop();
            } else if self.page.is_some() {
                self.trail.push(std::mem::take(&mut self.step));
            }
            if self.trail.len() > MAX_TRAIL {
                self.trail.remove(0);
            }
        }
        self.visited.insert(step.clone());
        self.step = step;
        self.before.clear();
        self.page = Some(page);
    }

    /// Notes which steps come before the current one: they are behind whoever reads it.
    pub fn comes_after(&mut self, before: HashSet<String>) {
        self.before = before;
    }

    /// The step that was shown before the current one.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn previous_step(&self) -> Result<&str, CommandError> {
        let step = self.trail.last().map(String::as_str);
        step.ok_or(CommandError::NoPreviousStep)
    }

    /// The step that the page's links lead on to: the first that was not yet shown, or else the
    /// last that is not where the reader came from.
    ///
    /// # Errors
    ///
    /// No link leads on.
    pub fn next_step(&self) -> Result<&str, CommandError> {
        let links = self.page.iter().flat_map(|page| &page.links);
        let steps = links.filter_map(|link| link.command.as_ref()?.step());
        let mut ahead = steps.filter(|step| *step != self.step);
        let before = self.trail.last().map(String::as_str);
        let new = ahead.clone().find(|step| !self.visited.contains(*step));
        new.or_else(|| ahead.rfind(|step| Some(*step) != before))
            .ok_or(CommandError::NoNextStep)
    }

    /// The block after the one that was run last since the step was shown, among those that may
    /// run.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn next_block(&self) -> Result<&Block, CommandError> {
        let blocks = self.page.iter().flat_map(|page| &page.blocks);
        let mut ahead = blocks.skip(self.last_block.map_or(0, |last| last + 1));
        ahead
            .find(|block| self.admit(&block.invocation).is_ok())
            .ok_or(CommandError::NoNextBlock)
    }

    /// The index of the block that ran last since the step was shown.
    #[must_use]
    pub fn last_block(&self) -> Option<usize> {
        self.last_block
    }

    /// How often `id` was run.
    #[must_use]
    pub fn runs(&self, id: &str) -> u64 {
        self.runs.get(id).copied().unwrap_or_default()
    }

    /// Whether the invocation may run now.
    ///
    /// # Errors
    ///
    /// It is not executable, or has run as often as it may.
    pub fn admit(&self, invocation: &Invocation) -> Result<(), CommandError> {
        if !invocation.executable {
            return Err(CommandError::NotExecutable);
        }
        let runs = self.runs(&invocation.id);
        match invocation.max_invocations.0 {
            Some(limit) if !invocation.max_invocations.allows(runs) => {
                Err(CommandError::LimitReached {
                    id: invocation.id.clone(),
                    limit,
                })
            }
            _ => Ok(()),
        }
    }

    /// Counts a run, and returns the index of the page's block that it is a run of.
    pub fn count(&mut self, invocation: &Invocation) -> Option<usize> {
        *self.runs.entry(invocation.id.clone()).or_default() += 1;
        let block = self.block_of(invocation).map(|block| block.index);
        self.last_block = block.or(self.last_block);
        self.active_terminal.clone_from(&invocation.terminal);
        block
    }

    /// Takes back a run that was counted, because it was never typed.
    pub fn uncount(&mut self, id: &str) {
        if let Some(runs) = self.runs.get_mut(id) {
            *runs = runs.saturating_sub(1);
        }
    }

    /// The page's block that an invocation is of: its own, or the first that types the same.
    #[must_use]
    pub fn block_of(&self, invocation: &Invocation) -> Option<&Block> {
        let mut blocks = self.page.iter().flat_map(|page| &page.blocks);
        let mut wanted = invocation.clone();
        blocks.find(|block| {
            wanted.block = invocation.block.or(Some(block.index));
            block.invocation == wanted
        })
    }

    /// The page shown, given that it is still the one the client means.
    fn page(&self, step: &str, revision: Option<&str>) -> Result<&Page, CommandError> {
        let page = self.page.as_deref().ok_or(CommandError::PageChanged)?;
        let same = page.step == step && revision.is_none_or(|revision| revision == page.revision);
        if same {
            Ok(page)
        } else {
            Err(CommandError::PageChanged)
        }
    }

    /// A block of the page shown.
    ///
    /// # Errors
    ///
    /// The page is another one by now, or has no such block.
    pub fn block(
        &self,
        step: &str,
        revision: Option<&str>,
        block: usize,
    ) -> Result<&Block, CommandError> {
        let unknown = || CommandError::UnknownBlock {
            step: step.to_owned(),
            block,
        };
        self.page(step, revision)?
            .blocks
            .get(block)
            .ok_or_else(unknown)
    }

    /// A link of the page shown.
    ///
    /// # Errors
    ///
    /// The page is another one by now, or has no such link.
    pub fn link(
        &self,
        step: &str,
        revision: Option<&str>,
        link: usize,
    ) -> Result<&Link, CommandError> {
        let unknown = || CommandError::UnknownLink {
            step: step.to_owned(),
            link,
        };
        self.page(step, revision)?
            .links
            .get(link)
            .ok_or_else(unknown)
    }

    /// The id of the terminal that a command names, or of the active one.
    ///
    /// # Errors
    ///
    /// The layout has no such terminal.
    pub fn terminal(&self, id: Option<String>) -> Result<String, CommandError> {
        let Some(id) = id else {
            return Ok(self.active_terminal.clone());
        };
        let mut terminals = self.config.terminals.iter();
        if terminals.any(|terminal| terminal.id == id) || self.removed.contains(&id) {
            return Ok(id);
        }
        let known = self
            .config
            .terminals
            .iter()
            .map(|terminal| terminal.id.clone())
            .collect();
        Err(CommandError::UnknownTerminal { id, known })
    }
}
