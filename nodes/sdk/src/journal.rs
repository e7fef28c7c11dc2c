//! What a node records of every case, as JSON lines that the command reads while the run goes
//! on: progress bars, timings, peak memory, and, after a crash, which cases a node had.
//!
//! A journal is written through to the file line by line, so a node that is killed leaves it.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    time::Instant,
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
        let path = folder.join(format!("{node_id}.jsonl"));
        let file = std::fs::create_dir_all(&folder).and_then(|()| File::create(&path));
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

fn peak_memory_mib() -> Option<f64> {
    let status = procfs::process::Process::myself().ok()?.status().ok()?;
    status.vmhwm.map(|kib| kib as f64 / 1024.0)
}
