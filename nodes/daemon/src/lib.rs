//! The embedded dora daemon: runs one dataflow in this process, with no coordinator and no
//! server to start.
//!
//! It sits in a crate of its own, behind one concrete function, because whatever calls the
//! daemon directly costs a hundred CPU-seconds at every touch.

use std::{collections::BTreeMap, path::Path};

use dora_core::descriptor::Descriptor;
use dora_daemon::{Daemon, LogDestination, RunDataflowOptions};
use dora_message::{
    SessionId,
    common::{LogLevelOrStdout, LogMessage, NodeError, NodeErrorCause},
};
use thiserror::Error;

/// How long a node may compute after its inputs closed, or without a word to the daemon,
/// before the daemon takes it for stuck. dora's default is two minutes, which a classifier or
/// a training stage exceeds while it is perfectly well; a year stands for never.
const FINISH_GRACE_SECS: f64 = 365.0 * 86_400.0;

/// A line that a node wrote.
#[derive(Debug, Clone)]
pub struct LogLine {
    /// The node; none for the daemon itself.
    pub node: Option<String>,
    /// `ERROR`, `WARN`, `INFO`, `DEBUG`, `TRACE` or `stdout`.
    pub level: String,
    /// The text.
    pub text: String,
}

/// How a node ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeEnd {
    /// With exit code 0.
    Ok,
    /// Because another node failed first.
    Cascade {
        /// The other node.
        caused_by: String,
    },
    /// On its own account.
    Failed {
        /// How, such as `exited because of signal SIGKILL`.
        how: String,
    },
}

/// Why the dataflow could not be run at all.
#[derive(Debug, Error)]
pub enum DaemonError {
    /// dora cannot read the descriptor.
    #[error("dora cannot read the graph: {0}")]
    Descriptor(#[from] Box<dyn std::error::Error + Send + Sync>),
    /// The runtime could not be started.
    #[error("cannot start the asynchronous runtime: {0}")]
    Runtime(#[from] std::io::Error),
    /// The daemon gave up.
    #[error("the daemon failed: {0}")]
    Daemon(String),
}

/// Run a dataflow to its end.
///
/// `descriptor_yaml` is a dora descriptor with absolute paths to executables; `graph` is the
/// file it came from; dora's own files go under `work_dir/out`. Every line that a node writes
/// comes on `log`. Ctrl-C and SIGTERM stop the dataflow.
///
/// # Errors
/// A descriptor that dora refuses, or a failure of the daemon itself. A node that fails is in
/// the result.
pub fn run(
    descriptor_yaml: &str,
    graph: &Path,
    work_dir: &Path,
    log: flume::Sender<LogLine>,
) -> Result<BTreeMap<String, NodeEnd>, DaemonError> {
    let mut descriptor: Descriptor = serde_yaml::from_str(descriptor_yaml)
        .map_err(|error| DaemonError::Descriptor(Box::new(error)))?;
    for node in &mut descriptor.nodes {
        node.finish_grace_secs.get_or_insert(FINISH_GRACE_SECS);
    }
    let (sender, receiver) = flume::unbounded();
    let forward = std::thread::spawn(move || {
        for message in receiver {
            // The reader may have gone; the run goes on.
            if log.send(line(message)).is_err() {
                break;
            }
        }
    });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let result = runtime
        .block_on(Daemon::run_dataflow_with(
            None,
            graph,
            None,
            None,
            SessionId::generate(),
            false,
            LogDestination::Channel { sender },
            None,
            None,
            false,
            Some(work_dir.to_owned()),
            Some(descriptor),
            RunDataflowOptions::default(),
        ))
        .map_err(|error| DaemonError::Daemon(format!("{error:#}")))?;
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    // A clone of the sender may outlive the runtime's shutdown; the log is complete by then.
    drop(forward);
    Ok(result
        .node_results
        .into_iter()
        .map(|(id, result)| (id.to_string(), end(result)))
        .collect())
}

fn end(result: Result<(), NodeError>) -> NodeEnd {
    match result {
        Ok(()) => NodeEnd::Ok,
        Err(NodeError {
            cause: NodeErrorCause::Cascading { caused_by_node },
            ..
        }) => NodeEnd::Cascade {
            caused_by: caused_by_node.to_string(),
        },
        Err(error) => NodeEnd::Failed {
            how: error.to_string(),
        },
    }
}

fn line(message: LogMessage) -> LogLine {
    LogLine {
        node: message.node_id.map(|id| id.to_string()),
        level: match message.level {
            LogLevelOrStdout::Stdout => "stdout".to_owned(),
            LogLevelOrStdout::LogLevel(level) => level.to_string(),
        },
        text: message.message,
    }
}
