//! Follows the journals of a run while it goes on.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use renalflow_sdk::{
    Failure,
    journal::{Entry, FOLDER},
};
use serde_json::Value as Json;

/// What is known of a node.
#[derive(Debug, Default, Clone)]
pub struct NodeState {
    /// Name and version of the stage, and its options, once it runs.
    pub started: Option<(String, String, Json)>,
    /// The cases that it will see.
    pub cohort: Vec<String>,
    /// The case it works on.
    pub current: Option<String>,
    /// What it says of how far it is with that, and the share that is done.
    pub progress: Option<(String, Option<f64>)>,
    /// Seconds and lineage keys of each case that is done here, failed ones included.
    pub done: BTreeMap<String, (f64, Json)>,
    /// The cases that failed here or before.
    pub failed: BTreeMap<String, Failure>,
    /// Files it wrote.
    pub wrote: Vec<PathBuf>,
    /// Lines for the end of the run.
    pub results: Vec<String>,
    /// How it ended.
    pub end: Option<End>,
}

/// How a node ended.
#[derive(Debug, Default, Clone)]
pub struct End {
    /// Why it failed.
    pub error: Option<String>,
    /// From start to end.
    pub seconds: f64,
    /// At work.
    pub busy_seconds: f64,
    /// Peak resident memory.
    pub peak_memory_mib: Option<f64>,
}

struct Tail {
    path: PathBuf,
    offset: u64,
    rest: Vec<u8>,
}

/// The journals of a run.
pub struct Watch {
    tails: BTreeMap<String, Tail>,
    /// The nodes, by id.
    pub nodes: BTreeMap<String, NodeState>,
}

impl Watch {
    /// Follow the journals of these nodes.
    pub fn new<'a>(run_dir: &Path, nodes: impl IntoIterator<Item = &'a str>) -> Self {
        let folder = run_dir.join(FOLDER);
        let tails: BTreeMap<_, _> = nodes
            .into_iter()
            .map(|id| {
                let tail = Tail {
                    path: folder.join(format!("{id}.jsonl")),
                    offset: 0,
                    rest: Vec::new(),
                };
                (id.to_owned(), tail)
            })
            .collect();
        let nodes = tails
            .keys()
            .map(|id| (id.clone(), NodeState::default()))
            .collect();
        Self { tails, nodes }
    }

    /// Read what is new. Returns whether anything was.
    pub fn poll(&mut self) -> bool {
        let mut news = false;
        for (id, tail) in &mut self.tails {
            // A journal that is not there yet, or cannot be read, has no news.
            let Ok(entries) = tail.read() else { continue };
            let state = self.nodes.entry(id.clone()).or_default();
            for entry in entries {
                news = true;
                state.apply(entry);
            }
        }
        news
    }
}

impl Tail {
    fn read(&mut self) -> std::io::Result<Vec<Entry>> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.offset))?;
        self.offset += file.read_to_end(&mut self.rest)? as u64;
        let mut entries = Vec::new();
        while let Some(newline) = self.rest.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=newline).collect();
            entries.extend(serde_json::from_slice::<Entry>(&line).ok());
        }
        Ok(entries)
    }
}

impl NodeState {
    fn apply(&mut self, entry: Entry) {
        match entry {
            Entry::Start {
                stage,
                version,
                options,
                ..
            } => self.started = Some((stage, version, options)),
            Entry::Cohort { cases } => self.cohort = cases,
            Entry::Begin { case } => {
                self.current = Some(case);
                self.progress = None;
            }
            Entry::Progress { text, fraction } => self.progress = Some((text, fraction)),
            Entry::Done {
                case,
                seconds,
                lineage,
            } => {
                if self.current.as_ref() == Some(&case) {
                    self.current = None;
                    self.progress = None;
                }
                self.done.insert(case, (seconds, lineage));
            }
            Entry::Failed {
                case,
                node,
                cause,
                fix,
            } => {
                self.failed.insert(
                    case.clone(),
                    Failure {
                        case_id: case,
                        node,
                        cause,
                        fix,
                    },
                );
            }
            Entry::Wrote { path } => self.wrote.push(path),
            Entry::Result { text } => self.results.push(text),
            Entry::End {
                error,
                seconds,
                busy_seconds,
                peak_memory_mib,
            } => {
                self.end = Some(End {
                    error,
                    seconds,
                    busy_seconds,
                    peak_memory_mib,
                });
            }
        }
    }

    /// Cases of the cohort that are done here.
    pub fn cases_done(&self) -> usize {
        self.cohort
            .iter()
            .filter(|case| self.done.contains_key(*case))
            .count()
    }
}
