//! `katahost progress`: how far a running lab is.

use clap::Args;

use super::{
    Failure, output,
    place::{self, within},
    visit::{greet, visit},
};
use crate::{client::StepProgress, lab::store::random_name};

/// Say how far a running lab is: its steps that were seen, and what of them is done
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    katahost progress\n  \
    katahost progress --json --url 'http://127.0.0.1:7681/?token=…'\n\n\
    All that is known of each block is in the lab's progress.json. The exit code is 2 if there is \
    no such lab.")]
pub(super) struct Arguments {
    #[command(flatten)]
    place: place::Options,
    /// Print an array of {step, seenAt, required, done, checks, passed, skipped, waits}
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let steps = visit(&arguments.place, async |place, lab| {
        let (_, state) = within(greet(place, lab, &random_name())).await?;
        Ok(state.progress)
    })?;
    if arguments.json {
        return output::print_json(&steps);
    }
    output::print(&table(&steps));
    Ok(())
}

/// The steps for people, in columns.
fn table(steps: &[StepProgress]) -> String {
    let lengths = steps.iter().map(|step| step.step.chars().count());
    let width = lengths.chain([4]).max().unwrap_or_default();
    let mut text = format!(
        "{:width$}  {:>8}  {:>6}  WAITS FOR\n",
        "STEP", "REQUIRED", "CHECKS"
    );
    for step in steps {
        let waits: Vec<&str> = step.waits.iter().map(|one| one.name.as_str()).collect();
        let line = format!(
            "{:width$}  {:>8}  {:>6}  {}",
            step.step,
            share(step.done, step.required),
            share(step.passed, step.checks),
            waits.join(", "),
        );
        text += line.trim_end();
        text += "\n";
    }
    text
}

/// So many of so many; nothing of nothing.
fn share(part: usize, whole: usize) -> String {
    if whole == 0 {
        "-".to_owned()
    } else {
        format!("{part}/{whole}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Waits;

    #[test]
    fn table_says_what_is_done_and_what_is_missing() {
        let step = |step: &str, required, waits: &[&str]| StepProgress {
            step: step.to_owned(),
            seen_at: 0,
            required,
            done: required - waits.len(),
            checks: 1,
            passed: 0,
            skipped: Vec::new(),
            before: Vec::new(),
            waits: waits
                .iter()
                .enumerate()
                .map(|(block, name)| Waits {
                    block,
                    name: (*name).to_owned(),
                })
                .collect(),
        };
        let text = table(&[step("intro", 0, &[]), step("step2", 2, &["`Rows`"])]);
        assert_eq!(
            text,
            "STEP   REQUIRED  CHECKS  WAITS FOR\n\
             intro         -     0/1\n\
             step2       1/2     0/1  `Rows`\n"
        );
    }
}
