//! Markdown: all pages of the shipped labs, and of a corpus where there is one.

use std::{
    fs,
    hint::black_box,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use katahost::{
    lab::folder::Folder,
    scenario::{Config, Page},
};
use serde_json::json;

use crate::{Bench, Fault, ROOT, figures::quantile, machine::number, say};

/// How long a round goes over all pages again and again.
const ROUND: Duration = Duration::from_millis(400);

/// A page's source, and what its scenario's config says.
#[derive(Debug)]
struct Source {
    step: String,
    markdown: String,
    config: Config,
}

pub(crate) fn measure(bench: &mut Bench) -> Result<(), Fault> {
    let sources = sources()?;
    let row = format!("page/parse and render, µs each of {}", sources.len());
    let figures = &mut bench.figures;
    for _ in 0..bench.rounds {
        figures.add(&row, "katahost", katahost(&sources));
        match markdown_it(&sources) {
            Ok(time) => figures.add(&row, "markdown-it 12, without a sanitiser", time),
            Err(fault) => figures.miss(format!("markdown-it: {fault}")),
        }
    }
    Ok(())
}

fn sources() -> Result<Vec<Source>, Fault> {
    let corpus = std::env::var_os("KATAHOST_CORPUS")
        .map_or_else(|| PathBuf::from("../shared/corpus"), PathBuf::from);
    let mut sources = Vec::new();
    for collection in [Path::new("scenarios"), &corpus] {
        let collection = Path::new(ROOT).join(collection);
        let Ok(entries) = fs::read_dir(&collection) else {
            say(&format!("no scenarios in {}", collection.display()));
            continue;
        };
        for entry in entries {
            let path = entry?.path();
            if !path.is_dir() {
                continue;
            }
            let folder = Folder::open(&path)?;
            let config = folder.describe().config;
            for step in folder.steps() {
                // A page that can't be read has no time.
                if let Ok(markdown) = folder.read_step(&step) {
                    sources.push(Source {
                        step,
                        markdown,
                        config: config.clone(),
                    });
                }
            }
        }
    }
    Ok(sources)
}

/// The median of passes over all pages, in µs a page.
fn katahost(sources: &[Source]) -> f64 {
    let (began, mut passes) = (Instant::now(), Vec::new());
    while began.elapsed() < ROUND {
        let pass = Instant::now();
        for source in sources {
            black_box(Page::parse(&source.step, &source.markdown, &source.config));
        }
        passes.push(pass.elapsed().as_secs_f64() * 1e6 / number(sources.len() as u64));
    }
    passes.sort_by(f64::total_cmp);
    quantile(&passes, 1, 2)
}

fn markdown_it(sources: &[Source]) -> Result<f64, Fault> {
    let mut node = Command::new("node")
        .arg(Path::new(ROOT).join("benches/peers/markdown.mjs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let texts: Vec<&str> = sources.iter().map(|one| one.markdown.as_str()).collect();
    let asked = json!({ "milliseconds": ROUND.as_millis(), "texts": texts }).to_string();
    let mut stdin = node.stdin.take().ok_or("no standard input")?;
    stdin.write_all(asked.as_bytes())?;
    drop(stdin);
    let output = node.wait_with_output()?;
    let answer = String::from_utf8(output.stdout)?;
    answer
        .trim()
        .parse()
        .map_err(|_| "is not installed, or did not run".into())
}
