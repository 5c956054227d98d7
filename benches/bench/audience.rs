//! Many viewers of one terminal, in a process of their own (`hall`).

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::{Fault, hall};

/// Where the viewers go.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) port: u16,
    /// The lab's socket; without one, bytes come over plain TCP.
    pub(crate) path: Option<String>,
    pub(crate) token: String,
    /// Whether the lines carry the moment of their writing.
    pub(crate) paced: bool,
}

/// The viewers' process. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Audience {
    child: Child,
    commands: ChildStdin,
    answers: mpsc::Receiver<String>,
}

/// What became of the audience so far.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    /// How many have everything before the offset that was asked for.
    pub(crate) reached: usize,
    /// How far the first of them is.
    pub(crate) end: u64,
    /// Bytes of output that came to all of them, checkpoints apart.
    pub(crate) received: u64,
    pub(crate) checkpoints: u64,
    pub(crate) checkpoint_bytes: u64,
    /// At how many offsets checkpoints were taken.
    pub(crate) checkpoint_places: u64,
    pub(crate) delays: usize,
    /// In µs; nothing where no line came.
    pub(crate) delay_p50: Option<f64>,
    pub(crate) delay_p99: Option<f64>,
    faults: Vec<String>,
}

impl Audience {
    /// Seats so many viewers; of some, the screens are kept.
    pub(crate) async fn seat(place: &Place, count: usize, samples: usize) -> Result<Self, Fault> {
        let mut child = Command::new(std::env::current_exe()?)
            .args([hall::MODE, &serde_json::to_string(place)?])
            .args([count.to_string(), samples.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let commands = child.stdin.take().ok_or("no standard input")?;
        let output = child.stdout.take().ok_or("no standard output")?;
        // One command has one answer.
        let (sender, answers) = mpsc::channel(1);
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.blocking_send(line).is_err() {
                    break;
                }
            }
        });
        let mut audience = Self {
            child,
            commands,
            answers,
        };
        audience.report(&json!({ "do": "sit" })).await?;
        Ok(audience)
    }

    /// Waits until all have everything before `offset`, but not longer than `ms`.
    pub(crate) async fn reach(&mut self, offset: u64, ms: u64) -> Result<Report, Fault> {
        self.report(&json!({ "do": "reach", "offset": offset, "ms": ms }))
            .await
    }

    /// Lets the first viewer type, over plain TCP.
    pub(crate) async fn type_text(&mut self, text: &str) -> Result<Report, Fault> {
        self.report(&json!({ "do": "type", "text": text })).await
    }

    /// Lets nobody read any more, or all read on.
    pub(crate) async fn stall(&mut self, stalled: bool) -> Result<Report, Fault> {
        let what = if stalled { "stall" } else { "resume" };
        self.report(&json!({ "do": what })).await
    }

    /// What the samples have on their screens.
    pub(crate) async fn texts(&mut self) -> Result<Vec<String>, Fault> {
        self.ask(&json!({ "do": "look" })).await
    }

    async fn report(&mut self, command: &Value) -> Result<Report, Fault> {
        let report: Report = self.ask(command).await?;
        match report.faults.first() {
            None => Ok(report),
            Some(first) => Err(format!("{} faults; {first}", report.faults.len()).into()),
        }
    }

    async fn ask<T: DeserializeOwned>(&mut self, command: &Value) -> Result<T, Fault> {
        writeln!(self.commands, "{command}")?;
        let answer = self.answers.recv().await.ok_or("the audience left")?;
        Ok(serde_json::from_str(&answer)?)
    }
}

impl Drop for Audience {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
