//! The lab as who comes to it is shown it.

use std::sync::Arc;

use super::Lab;
use crate::{
    lab::event::{BlockPlace, BlockState, LabSnapshot, PageView},
    scenario::{Block, Page},
};

impl Lab {
    pub(super) async fn snapshot(&self) -> LabSnapshot {
        LabSnapshot {
            instance: self.instance.name.clone(),
            scenario: self.folder.name().into(),
            title: self.reader.title().await,
            terminals: self.instance.layout(),
            steps: self.reader.steps().await,
            clients: self.clients.headcount(),
            audience: self.clients.audience(),
            place: self.place.clone(),
            last_block: self.state.last_block(),
            step_run: self.instance.step_runner.told(),
            links: self.links.list(),
            trust: self.trust.pending().cloned(),
            progress: self.progress(),
            page: self.state.page.as_ref().map(|page| self.page_view(page)),
            notice: None,
        }
    }

    pub(super) fn page_view(&self, page: &Arc<Page>) -> PageView {
        let invocations = || page.blocks.iter().map(|block| &block.invocation);
        // Counting for each block anew would make a page of many blocks slow.
        let waiting = self.instance.runs.waiting();
        let step: Arc<str> = page.step.as_str().into();
        let state = |block: &Block| {
            let id = block.invocation.id.as_str();
            let place = BlockPlace {
                step: step.clone(),
                index: block.index,
            };
            let waiting = waiting.get(id).copied().unwrap_or_default();
            self.block_state(id, waiting, Some(&place))
        };
        PageView {
            page: page.clone(),
            terminals: invocations()
                .map(|block| self.instance.number_of(&block.terminal))
                .collect(),
            states: page.blocks.iter().map(state).collect(),
            checks: self.checks_of(page),
        }
    }

    /// How it stands with the blocks of an id, `waiting` of which have not run yet, and with the
    /// last run of one of them.
    pub(super) fn block_state(
        &self,
        id: &str,
        waiting: usize,
        block: Option<&BlockPlace>,
    ) -> BlockState {
        let runs = &self.instance.runs;
        BlockState {
            id: id.to_owned(),
            runs: self.state.runs(id),
            waiting,
            last: block.and_then(|block| runs.last(block)).cloned(),
            earlier: block.and_then(|block| runs.earlier(block)).cloned(),
        }
    }
}
