//! What a node records of every case, as JSON lines that the command reads while the run goes
//! on: progress bars, timings, peak memory, and, after a crash, which cases a node had.
//!
//! A journal is written through to the file line by line, so a node that is killed leaves it.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// One line of a journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Entry {
    /// The node runs.
    Start {
        /// Name of the stage.
        stage: String,
        /// Version of the stage.
        version: String,
        /// Process id.
        pid: u32,
        /// Every option with the value in force.
        options: Json,
    },
    /// The cases that will come.
    Cohort {
        /// Their names.
        cases: Vec<String>,
    },
    /// A case began.
    Begin {
        /// The case.
        case: String,
    },
    /// How far the node is within a long step.
    Progress {
        /// One line, such as `epoch 12/40 loss 0.31`.
        text: String,
        /// How much of the step is done, from 0 to 1, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fraction: Option<f64>,
    },
    /// A case is done here.
    Done {
        /// The case.
        case: String,
        /// Seconds of work on it.
        seconds: f64,
        /// Lineage keys of its outputs, by port.
        #[serde(default, skip_serializing_if = "Json::is_null")]
        lineage: Json,
    },
    /// A case failed here.
    Failed {
        /// The case.
        case: String,
        /// Node that failed it first.
        node: String,
        /// Why.
        cause: String,
        /// What to do.
        fix: String,
    },
    /// A file was written.
    Wrote {
        /// Where.
        path: PathBuf,
    },
    /// Something the user should see at the end of the run.
    Result {
        /// One line.
        text: String,
    },
    /// The node ended.
    End {
        /// Why it failed, if it did.
        error: Option<String>,
        /// Seconds from start to end.
        seconds: f64,
        /// Seconds of work.
        busy_seconds: f64,
        /// Peak resident memory in MiB.
        peak_memory_mib: Option<f64>,
    },
}

/// Writes the journal of one node.
pub struct Journal {
    file: Option<File>,
    started: Instant,
    busy_seconds: f64,
}

/// Folder of the journals in a run's folder.
pub const FOLDER: &str = "journal";

impl Journal {
    /// Open the journal of a node; a run folder that cannot be written leaves the node without
    /// one, with a warning, because results matter more.
    #[must_use]
    pub fn open(run_dir: &Path, node_id: &str) -> Self {
        let folder = run_dir.join(FOLDER);
        let path = path(run_dir, node_id);
        // Appended to, because the stage writes its progress beside.
        let file = std::fs::create_dir_all(&folder)
            .and_then(|()| File::create(&path))
            .and_then(|_| OpenOptions::new().append(true).open(&path));
        if let Err(error) = &file {
            tracing::warn!(
                "cannot write {}: {error}; progress of this node will not show",
                path.display()
            );
        }
        Self {
            file: file.ok(),
            started: Instant::now(),
            busy_seconds: 0.0,
        }
    }

    /// A journal that keeps nothing.
    #[must_use]
    pub fn none() -> Self {
        Self {
            file: None,
            started: Instant::now(),
            busy_seconds: 0.0,
        }
    }

    /// Write an entry.
    pub fn write(&mut self, entry: &Entry) {
        if let Entry::Done { seconds, .. } = entry {
            self.busy_seconds += seconds;
        }
        let Some(file) = &mut self.file else { return };
        let Ok(mut line) = serde_json::to_vec(entry) else {
            return;
        };
        line.push(b'\n');
        if let Err(error) = file.write_all(&line) {
            tracing::warn!("cannot write the journal: {error}");
            self.file = None;
        }
    }

    /// Write the last entry.
    pub fn end(&mut self, error: Option<String>) {
        let entry = Entry::End {
            error,
            seconds: self.started.elapsed().as_secs_f64(),
            busy_seconds: self.busy_seconds,
            peak_memory_mib: peak_memory_mib(),
        };
        self.write(&entry);
    }
}

fn path(run_dir: &Path, node_id: &str) -> PathBuf {
    run_dir.join(FOLDER).join(format!("{node_id}.jsonl"))
}

/// Says how far a stage is within a long step, such as a training; see
/// [`crate::Context::progress`].
#[derive(Debug)]
pub struct Progress {
    file: Option<File>,
    last: Option<Instant>,
}

/// More often than this nobody reads it.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

impl Progress {
    /// Beside the journal of a node; where there is none, nothing is said.
    pub(crate) fn open(run_dir: &Path, node_id: &str) -> Self {
        let file = OpenOptions::new().append(true).open(path(run_dir, node_id));
        Self {
            file: file.ok(),
            last: None,
        }
    }

    /// Say how far the step is: one line, and the share that is done where that is known.
    /// Written once a second at most, so it may be called as often as there is news.
    pub fn say(&mut self, text: impl FnOnce() -> String, fraction: Option<f64>) {
        if self
            .last
            .is_some_and(|last| last.elapsed() < PROGRESS_EVERY)
        {
            return;
        }
        self.last = Some(Instant::now());
        let Some(file) = &mut self.file else { return };
        let entry = Entry::Progress {
            text: text(),
            fraction: fraction.filter(|share| share.is_finite()),
        };
        // Progress that cannot be written is no reason to stop the work.
        if let Ok(mut line) = serde_json::to_vec(&entry) {
            line.push(b'\n');
            if file.write_all(&line).is_err() {
                self.file = None;
            }
        }
    }
}

fn peak_memory_mib() -> Option<f64> {
    let status = procfs::process::Process::myself().ok()?.status().ok()?;
    status.vmhwm.map(|kib| kib as f64 / 1024.0)
}
