//! The inputs of a stage, joined by case.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use super::{HarnessError, listed};
use crate::{
    codec::{Assembler, CodecError, Message, decode_begin, decode_failure},
    envelope::{EnvelopeError, MessageKind},
    lineage::Key,
    stage::Inputs,
    value::{Failure, Value},
};

/// One case with all its inputs, or the failure that stands in for it.
#[derive(Debug)]
pub struct Joined {
    /// The case.
    pub case_id: String,
    /// Number of its group of inputs.
    pub group: usize,
    /// The inputs by port: all of them, or beside a failure those that arrived.
    pub inputs: Inputs,
    /// Why the case cannot be done.
    pub failure: Option<Failure>,
}

#[derive(Default)]
struct Stream {
    sender: String,
    /// Number of the group of inputs that it is joined with.
    group: usize,
    next_seq: u64,
    /// Messages that overtook others. A message that does not fit the shared memory takes
    /// another path than those before and after it.
    early: BTreeMap<u64, Message>,
    cases: Option<Vec<String>>,
    assembler: Assembler,
    ended: bool,
    broken: bool,
}

/// How long a message may be overtaken by those after it.
const OVERDUE: Duration = Duration::from_secs(60);

fn unreadable(input: &str, sender: &str, cause: CodecError) -> HarnessError {
    HarnessError::Codec {
        input: input.to_owned(),
        sender: sender.to_owned(),
        cause,
    }
}

type Arrived = BTreeMap<String, Result<(Value, Key), Failure>>;

/// The value inputs of one node, in groups: a case is joined over the inputs of its group.
///
/// A case has one name in the whole node, whatever its group: results, failures and tables go by
/// it. The same name in two groups is an error, because what became of one could not be told
/// from what became of the other.
pub struct Inlet {
    streams: BTreeMap<String, Stream>,
    pending: BTreeMap<String, Arrived>,
    joined: BTreeSet<String>,
    ready: VecDeque<Joined>,
}

impl Inlet {
    /// Inputs by name, each with the node that feeds it, all of one group.
    #[must_use]
    pub fn new(inputs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self::grouped(inputs, |_| 0)
    }

    /// Inputs by name, each with the node that feeds it, and the number of the group of each.
    #[must_use]
    pub fn grouped(
        inputs: impl IntoIterator<Item = (String, String)>,
        group: impl Fn(&str) -> usize,
    ) -> Self {
        let streams = inputs
            .into_iter()
            .map(|(input, sender)| {
                let group = group(&input);
                (
                    input,
                    Stream {
                        sender,
                        group,
                        ..Stream::default()
                    },
                )
            })
            .collect();
        Self {
            streams,
            pending: BTreeMap::new(),
            joined: BTreeSet::new(),
            ready: VecDeque::new(),
        }
    }

    /// Take a message, and those after it that came before it.
    ///
    /// # Errors
    /// A message that cannot be read.
    pub fn take(
        &mut self,
        input: &str,
        message: Result<Message, EnvelopeError>,
    ) -> Result<(), HarnessError> {
        let Some(stream) = self.streams.get_mut(input) else {
            return Ok(());
        };
        let message = message.map_err(|cause| unreadable(input, &stream.sender, cause.into()))?;
        stream.early.insert(message.envelope.seq, message);
        while let Some(stream) = self.streams.get_mut(input)
            && let Some(message) = stream.early.remove(&stream.next_seq)
        {
            stream.next_seq += 1;
            self.take_next(input, message)?;
        }
        Ok(())
    }

    /// How long to wait for the next message: while one is overdue, not for ever.
    #[must_use]
    pub fn patience(&self) -> Option<Duration> {
        self.streams
            .values()
            .any(|stream| !stream.early.is_empty())
            .then_some(OVERDUE)
    }

    /// The error for a message that never came.
    #[must_use]
    pub fn lost(&self) -> Option<HarnessError> {
        let (input, stream) = self
            .streams
            .iter()
            .find(|(_, stream)| !stream.early.is_empty())?;
        let (&seq, message) = stream.early.first_key_value()?;
        let case_id = &message.envelope.case_id;
        Some(HarnessError::Lost {
            input: input.clone(),
            sender: stream.sender.clone(),
            lost: seq.saturating_sub(stream.next_seq),
            case_id: if case_id.is_empty() {
                "the end".to_owned()
            } else {
                case_id.clone()
            },
        })
    }

    fn take_next(&mut self, input: &str, message: Message) -> Result<(), HarnessError> {
        let Some(stream) = self.streams.get_mut(input) else {
            return Ok(());
        };
        let case_id = message.envelope.case_id.clone();
        let value = match message.envelope.kind {
            MessageKind::Begin => {
                let cases = decode_begin(&message)
                    .map_err(|cause| unreadable(input, &stream.sender, cause))?;
                stream.cases = Some(cases);
                return self.in_one_group(input);
            }
            MessageKind::End => {
                stream.ended = true;
                self.give_up(input, "gave no value for this case");
                return Ok(());
            }
            MessageKind::Ack => return Ok(()),
            MessageKind::Failure => Err(decode_failure(&message)
                .map_err(|cause| unreadable(input, &stream.sender, cause))?),
            MessageKind::Value(_) => {
                match stream
                    .assembler
                    .push(message)
                    .map_err(|cause| unreadable(input, &stream.sender, cause))?
                {
                    Some(value) => Ok(value),
                    None => return Ok(()),
                }
            }
        };
        if !self.joined.contains(&case_id) {
            let group = self.streams.get(input).map_or(0, |stream| stream.group);
            self.pending
                .entry(case_id.clone())
                .or_default()
                .insert(input.to_owned(), value);
            // An input that ended without this case will not bring it any more.
            let ended: Vec<_> = self
                .streams
                .iter()
                .filter(|(_, stream)| stream.ended && stream.group == group)
                .map(|(name, _)| name.clone())
                .collect();
            for name in ended {
                self.owe(&name, &case_id, "gave no value for this case");
            }
            self.try_join(&case_id);
        }
        Ok(())
    }

    /// Check that no case of an input is also one of another group.
    fn in_one_group(&self, input: &str) -> Result<(), HarnessError> {
        let Some(stream) = self.streams.get(input) else {
            return Ok(());
        };
        for (other_input, other) in &self.streams {
            let common = stream.cases.iter().flatten().find(|case| {
                other.group != stream.group && other.cases.iter().flatten().any(|c| c == *case)
            });
            if let Some(case_id) = common {
                return Err(HarnessError::SameCase {
                    case_id: case_id.clone(),
                    input: input.to_owned(),
                    sender: stream.sender.clone(),
                    other_input: other_input.clone(),
                    other_sender: other.sender.clone(),
                });
            }
        }
        Ok(())
    }

    /// The sender of an input has gone. Before its end mark that is a death, and every case
    /// that it still owed becomes a failure that names it.
    pub fn close(&mut self, input: &str) {
        if let Some(stream) = self.streams.get_mut(input)
            && !stream.ended
        {
            stream.ended = true;
            stream.broken = true;
            self.give_up(input, "stopped before it had done this case");
        }
    }

    /// Close every input.
    pub fn close_all(&mut self) {
        for input in self.streams.keys().cloned().collect::<Vec<_>>() {
            self.close(&input);
        }
    }

    /// The next case that is complete.
    pub fn next_joined(&mut self) -> Option<Joined> {
        self.ready.pop_front()
    }

    /// Names of the cases, once every input has begun (or ended without beginning).
    #[must_use]
    pub fn cohort(&self) -> Option<Vec<String>> {
        if !self
            .streams
            .values()
            .all(|stream| stream.cases.is_some() || stream.ended)
        {
            return None;
        }
        let mut cases = Vec::new();
        let mut seen = BTreeSet::new();
        let mut streams: Vec<&Stream> = self.streams.values().collect();
        streams.sort_by_key(|stream| stream.group);
        for stream in streams {
            for case in stream.cases.iter().flatten() {
                if seen.insert(case) {
                    cases.push(case.clone());
                }
            }
        }
        Some(cases)
    }

    /// Whether every input has ended.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.streams.values().all(|stream| stream.ended)
    }

    /// Whether every input of a group has ended; a group without inputs has.
    #[must_use]
    pub fn group_ended(&self, group: usize) -> bool {
        let mut streams = self.streams.values();
        streams.all(|stream| stream.ended || stream.group != group)
    }

    /// The error for senders that died, if any did.
    #[must_use]
    pub fn broken(&self, failures: &BTreeMap<String, Failure>) -> Option<HarnessError> {
        let (input, stream) = self.streams.iter().find(|(_, stream)| stream.broken)?;
        let owed = failures
            .values()
            .filter(|failure| failure.node == stream.sender);
        Some(HarnessError::Upstream {
            input: input.clone(),
            sender: stream.sender.clone(),
            cases: listed(owed.map(|failure| failure.case_id.as_str())),
        })
    }

    /// Every case of the cohort that `input` has not brought fails because of its sender.
    fn give_up(&mut self, input: &str, what: &str) {
        let group = self.streams.get(input).map_or(0, |stream| stream.group);
        let of_group = |stream: &Stream| stream.group == group;
        let cohort: BTreeSet<String> = self
            .streams
            .values()
            .filter(|stream| of_group(stream))
            .filter_map(|stream| stream.cases.as_ref())
            .flatten()
            .cloned()
            .collect();
        let arrived = self.pending.iter().filter(|(_, arrived)| {
            let mut inputs = arrived.keys();
            inputs.any(|input| self.streams.get(input).is_some_and(of_group))
        });
        let pending: BTreeSet<String> = arrived.map(|(case_id, _)| case_id.clone()).collect();
        for case_id in cohort.union(&pending) {
            self.owe(input, case_id, what);
            self.try_join(case_id);
        }
    }

    fn owe(&mut self, input: &str, case_id: &str, what: &str) {
        if self.joined.contains(case_id) {
            return;
        }
        let sender = self.streams[input].sender.clone();
        let failure = Failure {
            case_id: case_id.to_owned(),
            cause: format!("node `{sender}` {what} (input `{input}`)"),
            node: sender.clone(),
            fix: format!("see the log of node `{sender}`"),
        };
        self.pending
            .entry(case_id.to_owned())
            .or_default()
            .entry(input.to_owned())
            .or_insert(Err(failure));
    }

    fn try_join(&mut self, case_id: &str) {
        let complete = self.pending.get(case_id).is_some_and(|arrived| {
            let group = arrived
                .keys()
                .find_map(|input| Some(self.streams.get(input)?.group));
            let wanted = self.streams.values().filter(|s| Some(s.group) == group);
            arrived.len() == wanted.count()
        });
        if !complete {
            return;
        }
        let arrived = self.pending.remove(case_id).unwrap_or_default();
        let group = arrived
            .keys()
            .find_map(|input| Some(self.streams.get(input)?.group));
        self.joined.insert(case_id.to_owned());
        let mut inputs = BTreeMap::new();
        let mut first_failure: Option<Failure> = None;
        for (port, value) in arrived {
            match value {
                Ok(value) => {
                    inputs.insert(port, value);
                }
                // The same failure comes down every path; the first by port stands for all.
                Err(failure) => {
                    first_failure.get_or_insert(failure);
                }
            }
        }
        self.ready.push_back(Joined {
            case_id: case_id.to_owned(),
            group: group.unwrap_or_default(),
            inputs: Inputs(inputs),
            failure: first_failure,
        });
    }
}
