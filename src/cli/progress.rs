//! `katahost progress`: how far a running lab is.

use clap::Args;

use super::{
    Failure, output,
    place::{self, Place, within},
};
use crate::client::{Client, StepProgress};

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
    let place = Place::read(&arguments.place)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| Failure::broken(error.to_string()))?;
    let steps = runtime.block_on(async {
        let lab = match &place.lab {
            Some(lab) => lab.clone(),
            None => within(place.only_lab()).await?,
        };
        within(read(&place, &lab)).await
    })?;
    if arguments.json {
        return output::print_json(&steps);
    }
    output::print(&table(&steps));
    Ok(())
}

async fn read(place: &Place, lab: &str) -> Result<Vec<StepProgress>, Failure> {
    let failed = |error| place.failure(error, lab);
    let connected = Client::connect(&place.socket(lab)).await;
    let mut client = connected.map_err(failed)?;
    let id = format!("progress-{}", std::process::id());
    let state = client.initialize(&id, false, None, None).await;
    Ok(state.map_err(failed)?.progress)
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
