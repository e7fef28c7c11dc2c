//! Runs a built stage on a transport.
//!
//! The rules, for every edge:
//! - a stream is `begin` (names of all cases), the values of each case, `end`;
//! - sequence numbers have no gap, so a message that dora dropped is noticed;
//! - every case that a stage takes in leaves it on every output, as a value or a failure;
//! - a sender waits until every collecting stage that its values reach has acknowledged them
//!   and the end, because dora drops what is in flight when a process ends;
//! - an input that closes before its end mark means that its sender died: the cases that it
//!   still owed become failures that name it, and the node ends with an error.

mod collecting;
mod join;
mod outlet;
mod per_case;
mod source;

use std::{
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};

use thiserror::Error;

pub use collecting::run as run_collecting;
pub use join::{Inlet, Joined};
pub use outlet::{Outlet, is_ack};
pub use per_case::run as run_per_case;
pub use source::run as run_source;

use crate::{
    codec::CodecError,
    declare::Declaration,
    journal::{Entry, Journal},
    lineage::StageKey,
    stage::{Context, Outputs, Problem},
    transport::TransportError,
    value::Failure,
};

/// Why a node ends with an error. Whatever can be said of a single case is a failure row
/// instead.
#[derive(Debug, Error)]
pub enum HarnessError {
    /// The connection failed.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// A message that cannot be read.
    #[error("input `{input}` from node `{sender}`: {cause}")]
    Codec {
        /// The input.
        input: String,
        /// Node at the other end.
        sender: String,
        /// What is wrong with it.
        cause: CodecError,
    },
    /// A gap in the sequence numbers.
    #[error(
        "input `{input}` from node `{sender}` lost {lost} message(s) before {case_id}\n  \
         fix: `renalflow check` says whether `queue_size` suffices for the window; if it does, the machine was \
         too busy for dora's links: run less beside this"
    )]
    Lost {
        /// The input.
        input: String,
        /// Node at the other end.
        sender: String,
        /// How many.
        lost: u64,
        /// Case of the message after the gap.
        case_id: String,
    },
    /// A case of two groups of inputs.
    #[error(
        "case {case_id} comes on input `{input}` from node `{sender}` and on input `{other_input}` from node \
         `{other_sender}`, so what becomes of one could not be told from what becomes of the other\n  \
         fix: give the cases of the two data sets different names, or leave the case out of one of them"
    )]
    SameCase {
        /// The case.
        case_id: String,
        /// One input.
        input: String,
        /// Node at its other end.
        sender: String,
        /// The input of another group.
        other_input: String,
        /// Node at its other end.
        other_sender: String,
    },
    /// A sender died.
    #[error(
        "node `{sender}` stopped before it was done (input `{input}`); cases without a result: {cases}"
    )]
    Upstream {
        /// The input.
        input: String,
        /// Node at the other end.
        sender: String,
        /// The cases it still owed.
        cases: String,
    },
    /// A collecting stage died.
    #[error("node `{sender}` stopped before it had taken in every case (input `{input}`): {cases}")]
    Downstream {
        /// The acknowledgement input.
        input: String,
        /// Node at the other end.
        sender: String,
        /// The cases it did not acknowledge.
        cases: String,
    },
    /// The first failure under `--strict`.
    #[error("stopped at the first failed case, as --strict asks\n{0}")]
    Strict(Failure),
    /// A collecting stage could not finish.
    #[error("{0}")]
    Finish(Problem),
    /// The run was stopped from outside.
    #[error("stopped from outside with cases left to do")]
    Stopped,
}

/// What every harness needs beside the work and the transport.
pub struct Bench<'a> {
    /// Where the node runs.
    pub context: &'a Context,
    /// Digest of stage and options.
    pub key: &'a StageKey,
    /// What the stage says of itself.
    pub declaration: &'a Declaration,
    /// Where it records.
    pub journal: &'a mut Journal,
}

impl Bench<'_> {
    /// Do one case; a panic in the work is a failure of that case, like any other problem.
    fn attempt<T>(
        &mut self,
        case_id: &str,
        work: impl FnOnce() -> Result<T, Problem>,
    ) -> (Result<T, Failure>, f64) {
        self.journal.write(&Entry::Begin {
            case: case_id.to_owned(),
        });
        let started = Instant::now();
        let result = std::panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
            Err(Problem::of_panic("the stage", &*panic)
                .fix("this is a defect of the stage: report it with the case's node log"))
        });
        let failure = |problem: Problem| Failure {
            case_id: case_id.to_owned(),
            node: self.context.node_id.clone(),
            cause: problem.cause,
            fix: problem.fix,
        };
        (result.map_err(failure), started.elapsed().as_secs_f64())
    }

    fn record_outputs(&mut self, outputs: &Outputs) {
        for path in outputs.files() {
            self.journal.write(&Entry::Wrote { path: path.clone() });
        }
        for text in outputs.lines() {
            self.journal.write(&Entry::Result { text: text.clone() });
        }
    }

    fn record_failure(&mut self, failure: &Failure) -> Result<(), HarnessError> {
        if failure.node == self.context.node_id {
            tracing::error!("{failure}");
        }
        self.journal.write(&Entry::Failed {
            case: failure.case_id.clone(),
            node: failure.node.clone(),
            cause: failure.cause.clone(),
            fix: failure.fix.clone(),
        });
        if self.context.strict {
            return Err(HarnessError::Strict(failure.clone()));
        }
        Ok(())
    }
}

/// How long a node stays after it has sent what it had to say of a neighbour's death. dora drops
/// what is in flight when a process ends, and of a stage nobody acknowledges that.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Names for a message: all of a few, the first of many.
fn listed<'a>(cases: impl IntoIterator<Item = &'a str>) -> String {
    let cases: Vec<_> = cases.into_iter().collect();
    match cases.len() {
        0 => "none".to_owned(),
        1..=12 => cases.join(", "),
        n => format!("{} and {} more", cases[..10].join(", "), n - 10),
    }
}
