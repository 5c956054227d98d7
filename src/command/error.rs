//! Why a command was refused. Nothing has happened to the lab then.

use thiserror::Error;

use super::registry::Role;

/// Why a command was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CommandError {
    /// No command has this id.
    #[error("there is no command `{id}`")]
    UnknownCommand {
        /// The id.
        id: String,
        /// The known id that is most like it.
        nearest: Option<&'static str>,
    },
    /// The arguments do not have the command's shape.
    #[error("the arguments of `{id}` are wrong: {reason}")]
    InvalidArguments {
        /// The command.
        id: &'static str,
        /// What is wrong.
        reason: String,
        /// The shape they should have.
        usage: &'static str,
    },
    /// The role may not execute it.
    #[error("`{id}` is for {}", owner(*.needs))]
    NotAllowed {
        /// The command.
        id: &'static str,
        /// The role it needs.
        needs: Role,
    },
    /// A page's link may not execute it.
    #[error("a page's link may not execute `{id}`")]
    NotForPages {
        /// The command.
        id: &'static str,
    },
    /// The scenario has no such step.
    #[error("there is no step `{step}`")]
    UnknownStep {
        /// The step.
        step: String,
        /// The known step that is most like it.
        nearest: Option<String>,
    },
    /// The page shown requires something before a new step is shown.
    #[error("`{step}` is locked until {}", are_done(.missing))]
    StepLocked {
        /// The step that was asked for.
        step: String,
        /// What is missing: names of blocks, as people read them.
        missing: Vec<String>,
        /// Whether some of it may be skipped.
        skippable: bool,
    },
    /// The block is not one that may be skipped.
    #[error("this block can't be skipped")]
    NotSkippable,
    /// Another step is shown, or its page changed since.
    #[error("the page has changed since it was shown")]
    PageChanged,
    /// The page has no such block.
    #[error("`{step}` has no block {block}")]
    UnknownBlock {
        /// The step.
        step: String,
        /// The block's index.
        block: usize,
    },
    /// The page has no such command link.
    #[error("`{step}` has no command link {link}")]
    UnknownLink {
        /// The step.
        step: String,
        /// The link's index.
        link: usize,
    },
    /// The layout has no such terminal.
    #[error("there is no terminal `{id}`")]
    UnknownTerminal {
        /// The id.
        id: String,
        /// The known ids.
        known: Vec<String>,
    },
    /// No link of the page leads on.
    #[error("no link of this step leads on")]
    NoNextStep,
    /// No step was shown before.
    #[error("there is no step before this one")]
    NoPreviousStep,
    /// All blocks of the page that may run were run.
    #[error("all blocks of this step were run")]
    NoNextBlock,
    /// No block has run since the step was shown.
    #[error("no block of this step has run")]
    NoLastBlock,
    /// The block has no recording.
    #[error("block {block} of `{step}` has no recording")]
    NoRecording {
        /// The step.
        step: String,
        /// The block's index.
        block: usize,
    },
    /// The block is for reading.
    #[error("this block is not executable")]
    NotExecutable,
    /// The block has run as often as it may.
    #[error("{}", limit_message(*.limit))]
    LimitReached {
        /// The block's id.
        id: String,
        /// How often it may run.
        limit: u64,
    },
}

fn owner(role: Role) -> &'static str {
    match role {
        Role::Driver => "the driver",
        _ => "whoever has the keyboard",
    }
}

fn are_done(missing: &[String]) -> String {
    match missing.split_last() {
        None => "all is done".to_owned(),
        Some((only, [])) => format!("{only} is done"),
        Some((last, others)) => format!("{} and {last} are done", others.join(", ")),
    }
}

fn limit_message(limit: u64) -> String {
    match limit {
        0 => "this block may not run: its limit is 0 runs".to_owned(),
        1 => "this block runs once, and it has run".to_owned(),
        _ => format!("this block runs {limit} times, and it has run {limit} times"),
    }
}

impl CommandError {
    /// What to do about it, where there is something to do.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownCommand { nearest, .. } => {
                nearest.map(|nearest| format!("did you mean `{nearest}`?"))
            }
            Self::InvalidArguments { usage, .. } => Some(format!("expected {usage}")),
            Self::NotAllowed { needs, .. } => Some(match needs {
                Role::Driver => "only whoever owns the lab may do this".to_owned(),
                _ => "you are watching; ask for the keyboard".to_owned(),
            }),
            Self::StepLocked {
                missing, skippable, ..
            } => {
                let them = if missing.len() == 1 { "it" } else { "them" };
                let skip = match (*skippable, missing.len()) {
                    (false, _) => "",
                    (true, 1) => " or skip it",
                    (true, _) => " or skip what may be skipped",
                };
                Some(format!("run {them}{skip}, then go on"))
            }
            Self::NotSkippable => Some("its author wants it done; run it".to_owned()),
            Self::NoNextStep => Some("choose one from the list of steps".to_owned()),
            Self::NoPreviousStep => Some("this is where the lab began".to_owned()),
            Self::NoNextBlock => Some("go on to the next step".to_owned()),
            Self::NoLastBlock => Some("run a block, or name one".to_owned()),
            Self::NoRecording { .. } => {
                Some("`katahost test --record` makes one of each block as it is now".to_owned())
            }
            Self::NotForPages { .. } => {
                Some("put the text into a code block, which shows what will run".to_owned())
            }
            Self::UnknownStep { nearest, .. } => Some(match nearest {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => "steps are the `.md` files of the scenario's folder".to_owned(),
            }),
            Self::PageChanged | Self::UnknownBlock { .. } | Self::UnknownLink { .. } => {
                Some("reload the step and try again".to_owned())
            }
            Self::UnknownTerminal { known, .. } => {
                Some(format!("this scenario has `{}`", known.join("`, `")))
            }
            Self::NotExecutable => Some("copy it if you need its text".to_owned()),
            Self::LimitReached { .. } => {
                Some("start the lab over to run it again, or type it yourself".to_owned())
            }
        }
    }
}
