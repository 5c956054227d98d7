//! What shell integration costs: the same bash, told of it and not, in two servers of katahost's.
//!
//! A key's echo here is readline's, as people's is. Of what integration could cost most is a prompt,
//! so the way from Enter to the next one is measured, too.

use std::time::{Duration, Instant};

use crate::{
    Bench, Fault,
    echo::echo,
    figures::quantile,
    peer::Peer,
    session::{MARK, SETTLE, Session, Transfer, part},
};

/// Turns a round: who is measured changes often, as both must meet the same moments.
const TURNS: usize = 10;

/// Keys of one turn, and prompts.
const KEYS: usize = 200;
const PROMPTS: usize = 50;

/// The pause between two prompts: longer than one takes, so that each finds the server idle.
const PROMPT_PAUSE: Duration = Duration::from_millis(2);

/// A prompt that nothing else looks like.
const PROMPT: &str = "PS1='READY''> '\r";
const PROMPT_END: &[u8] = b"READY> ";

const SHELL: &str = "/bin/bash";

/// Who is compared, and the option that makes the difference.
const SUBJECTS: [(&str, &[&str]); 2] = [
    ("katahost", &["--shell", SHELL]),
    (WITHOUT, &["--shell", SHELL, "--no-shell-integration"]),
];

/// Whom the targets compare with.
pub(crate) const WITHOUT: &str = "without integration";

/// One of the two servers, and what was measured there.
#[derive(Debug)]
struct Subject {
    name: &'static str,
    session: Session,
    keys: Vec<f64>,
    prompts: Vec<f64>,
}

pub(crate) async fn measure(bench: &mut Bench) -> Result<(), Fault> {
    let log = format!("cat '{}'; {MARK}", bench.fixture.log().display());
    let lines = [
        ("64 MiB log", log),
        ("seq 1 5000000", format!("seq 1 5000000; {MARK}")),
    ];
    for round in 0..bench.rounds {
        let mut subjects = Vec::new();
        for (name, options) in SUBJECTS {
            let server = Peer::Katahost.start_with(&bench.fixture.lab(), options)?;
            let mut session = Session::of(server).await?;
            session.link.type_text(0, PROMPT).await?;
            session.link.pause(SETTLE).await?;
            subjects.push(Subject {
                name,
                session,
                keys: Vec::new(),
                prompts: Vec::new(),
            });
        }
        if round % 2 == 1 {
            subjects.reverse();
        }
        bench.say_round(round, "keys and prompts, in turns");
        for _ in 0..TURNS {
            for subject in &mut subjects {
                part("keys and prompts", subject.take_turn()).await?;
            }
            // Whoever came last is first in the next turn.
            subjects.reverse();
        }
        for subject in &mut subjects {
            bench.say_round(round, subject.name);
            subject.note_times(bench);
            for (row, line) in &lines {
                let Transfer {
                    megabytes,
                    seconds,
                    cpu_ms,
                } = subject.session.transfer(line).await?;
                subject.session.link.pause(SETTLE).await?;
                for (unit, value) in [
                    ("MB/s", megabytes / seconds),
                    ("server CPU ms/MB", cpu_ms / megabytes),
                ] {
                    let row = format!("shell integration/{row}, {unit}");
                    bench.figures.add(&row, subject.name, value);
                }
            }
        }
    }
    Ok(())
}

impl Subject {
    async fn take_turn(&mut self) -> Result<(), Fault> {
        let link = &mut self.session.link;
        self.keys.extend(echo(link, KEYS).await?);
        for _ in 0..PROMPTS {
            let began = Instant::now();
            link.type_text(0, ":\r").await?;
            let mut seen = Vec::new();
            while !seen
                .windows(PROMPT_END.len())
                .any(|window| window == PROMPT_END)
            {
                seen.extend_from_slice(&link.output_of(0).await?);
            }
            self.prompts.push(began.elapsed().as_secs_f64() * 1e6);
            link.pause(PROMPT_PAUSE).await?;
        }
        Ok(())
    }

    fn note_times(&mut self, bench: &mut Bench) {
        for (what, times) in [("echo", &mut self.keys), ("prompt", &mut self.prompts)] {
            times.sort_by(f64::total_cmp);
            for part in [50, 99] {
                let row = format!("shell integration/{what} p{part}, µs");
                bench
                    .figures
                    .add(&row, self.name, quantile(times, part, 100));
            }
        }
    }
}
