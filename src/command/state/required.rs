//! What a step requires before one may go on, and whether it is done.

use std::collections::HashSet;

use super::State;
use crate::{
    command::CommandError,
    scenario::{Block, BlockKind, Limit, Required, link::plain_step},
};

/// The required blocks that are done or were skipped, each by its step and index.
#[derive(Debug, Clone, Default)]
pub(super) struct Done(HashSet<(String, usize)>);

/// Whether a block holds the way on until it is done. One that can never run holds nobody.
#[must_use]
pub fn is_required(block: &Block) -> bool {
    let may_run = match block.kind {
        BlockKind::Executable => block.invocation.max_invocations != Limit(Some(0)),
        BlockKind::Check => true,
        BlockKind::Text | BlockKind::Mermaid => false,
    };
    may_run && block.expectation.required.is_some()
}

impl State {
    /// Lets everybody go everywhere, as whoever writes the lab must be able to.
    pub fn hold_nobody(&mut self) {
        self.holds_nobody = true;
    }

    /// Whether everybody may go everywhere.
    #[must_use]
    pub fn holds_nobody(&self) -> bool {
        self.holds_nobody
    }

    /// Notes that a block is done, or was skipped. What was done once stays so. Says whether that
    /// is new.
    pub fn fulfil(&mut self, step: &str, block: usize) -> bool {
        self.done.0.insert((step.to_owned(), block))
    }

    /// Notes that a block is another one by now, of which nothing is known.
    pub fn forget(&mut self, step: &str, block: usize) {
        self.done.0.remove(&(step.to_owned(), block));
    }

    /// Whether a block is done, or was skipped.
    #[must_use]
    pub fn is_fulfilled(&self, step: &str, block: usize) -> bool {
        self.done.0.contains(&(step.to_owned(), block))
    }

    /// Whether a step was shown before.
    #[must_use]
    pub fn is_seen(&self, step: &str) -> bool {
        self.visited.contains(step)
    }

    /// The blocks of the page shown that the way on waits for.
    pub fn waits_for(&self) -> impl Iterator<Item = &Block> {
        let page = self.page.as_deref().filter(|_| !self.holds_nobody);
        let blocks = page.into_iter().flat_map(|page| &page.blocks);
        blocks.filter(|block| is_required(block) && !self.is_fulfilled(&self.step, block.index))
    }

    /// The steps that come before the one shown and were not shown themselves, as for who came by
    /// a deep link: nothing holds anybody on the way back.
    pub fn unseen_before(&self) -> impl Iterator<Item = &str> {
        let before = self.before.iter().map(String::as_str);
        before.filter(|step| !self.is_seen(step))
    }

    /// Whether a step may be shown now. One that was shown before, or comes before this one, always
    /// may, and so may any other where the page shown has nothing required left.
    ///
    /// # Errors
    ///
    /// [`CommandError::StepLocked`] names what is missing.
    pub fn admit_step(&self, step: &str) -> Result<(), CommandError> {
        let name = plain_step(step);
        if name == self.step || self.is_seen(name) || self.before.contains(name) {
            return Ok(());
        }
        let Some(page) = self.page.as_deref() else {
            return Ok(());
        };
        let waits: Vec<&Block> = self.waits_for().collect();
        if waits.is_empty() {
            return Ok(());
        }
        let skippable = |block: &&Block| block.expectation.required == Some(Required::Skippable);
        Err(CommandError::StepLocked {
            step: step.to_owned(),
            missing: waits.iter().map(|block| page.block_name(block)).collect(),
            skippable: waits.iter().any(skippable),
        })
    }

    /// Whether a block may be skipped.
    ///
    /// # Errors
    ///
    /// Nothing waits for it, or its author does not allow it.
    pub fn admit_skip(&self, block: &Block) -> Result<(), CommandError> {
        if is_required(block) && block.expectation.required == Some(Required::Skippable) {
            Ok(())
        } else {
            Err(CommandError::NotSkippable)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::scenario::{Config, Page, config::ConfigFiles};

    fn state(markdown: &str) -> State {
        let (config, _) = Config::read(ConfigFiles::default());
        let page = Page::parse("intro", markdown, &config);
        let mut state = State::new(config);
        state.show(Arc::new(page));
        state
    }

    fn fence(header: &str) -> String {
        format!("```\n### {header}\ntrue\n```\n\n")
    }

    #[test]
    fn new_steps_wait_for_what_is_required_and_name_it() {
        let blocks = [
            fence(r#"{"required": true}"#),
            fence(r#"{"verify": true, "required": true, "title": "Rows are there"}"#),
            fence("{}"),
        ];
        let mut state = state(&blocks.concat());
        let error = state.admit_step("step2").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`step2` is locked until block 1 and `Rows are there` are done"
        );
        assert_eq!(error.hint().unwrap(), "run them, then go on");
        assert!(state.fulfil("intro", 0));
        let error = state.admit_step("step2").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`step2` is locked until `Rows are there` is done"
        );
        assert!(state.fulfil("intro", 1));
        assert_eq!(state.admit_step("step2"), Ok(()));
        assert!(!state.fulfil("intro", 1), "it is known");
    }

    #[test]
    fn what_was_shown_and_the_step_itself_are_never_locked() {
        let mut state = state(&fence(r#"{"required": true}"#));
        assert_eq!(state.admit_step("intro"), Ok(()));
        state.visited.insert("before".to_owned());
        assert_eq!(state.admit_step("before"), Ok(()));
        assert_eq!(state.admit_step("./before"), Ok(()));
        assert!(state.admit_step("./step2").is_err());
    }

    #[test]
    fn way_back_is_open_to_who_came_by_a_deep_link() {
        let mut state = state(&fence(r#"{"required": true}"#));
        let before = ["before".to_owned(), "intro".to_owned()];
        state.comes_after(HashSet::from(before));
        assert_eq!(state.admit_step("before"), Ok(()));
        assert_eq!(state.admit_step("./before"), Ok(()));
        assert!(state.admit_step("step2").is_err());
        assert_eq!(state.unseen_before().collect::<Vec<_>>(), ["before"]);
    }

    #[test]
    fn who_writes_the_lab_is_not_held() {
        let mut state = state(&fence(r#"{"required": true}"#));
        state.hold_nobody();
        assert_eq!(state.admit_step("step2"), Ok(()));
        assert_eq!(state.waits_for().count(), 0);
    }

    #[test]
    fn block_that_can_never_run_holds_nobody() {
        let headers = [
            r#"{"required": true, "execute": false}"#,
            r#"{"required": true, "maxInvocations": 0}"#,
            r#"{"required": false}"#,
        ];
        let blocks: Vec<String> = headers.iter().map(|header| fence(header)).collect();
        assert_eq!(state(&blocks.concat()).admit_step("step2"), Ok(()));
    }

    #[test]
    fn only_what_its_author_says_is_skipped() {
        let state = state(
            &[
                fence(r#"{"required": true}"#),
                fence(r#"{"required": true, "skippable": true}"#),
            ]
            .concat(),
        );
        let blocks = &state.page.as_ref().unwrap().blocks;
        assert_eq!(
            state.admit_skip(&blocks[0]),
            Err(CommandError::NotSkippable)
        );
        assert_eq!(state.admit_skip(&blocks[1]), Ok(()));
        let hint = state.admit_step("step2").unwrap_err().hint();
        assert_eq!(
            hint.unwrap(),
            "run them or skip what may be skipped, then go on"
        );
    }

    proptest! {
        /// The way on is open exactly when all that is required is done, in any order.
        #[test]
        fn prop_the_way_opens_with_the_last_required_block(
            required in prop::collection::vec(any::<bool>(), 1..8),
            order in Just((0usize..8).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            let header = |required: &bool| fence(&format!("{{\"required\": {required}}}"));
            let blocks: Vec<String> = required.iter().map(header).collect();
            let mut state = state(&blocks.concat());
            let mut left = required.iter().filter(|required| **required).count();
            for block in order {
                prop_assert_eq!(state.admit_step("next").is_ok(), left == 0);
                state.fulfil("intro", block);
                left -= usize::from(required.get(block) == Some(&true));
            }
            prop_assert_eq!(left, 0);
            prop_assert_eq!(state.admit_step("next"), Ok(()));
        }
    }
}
