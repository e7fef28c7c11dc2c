//! The outputs of a stage: sequence numbers, and waiting for acknowledgements.

use std::collections::{BTreeMap, BTreeSet};

use super::{HarnessError, listed};
use crate::{
    codec::{Message, encode, encode_begin, encode_failure, encode_mark},
    declare::ACK,
    envelope::{EnvelopeError, MessageKind},
    lineage::{Key, StageKey},
    stage::Outputs,
    transport::Transport,
    value::Failure,
};

/// Key under which the end mark is acknowledged.
const END: &str = "";

/// The outputs of one node.
pub struct Outlet {
    outputs: Vec<String>,
    next_seq: BTreeMap<String, u64>,
    /// Acknowledgement inputs, with the node that feeds each and what it has acknowledged.
    acks: BTreeMap<String, (String, BTreeSet<String>)>,
    in_flight: BTreeSet<String>,
}

impl Outlet {
    /// The outputs and acknowledgement inputs that the graph gives this node.
    #[must_use]
    pub fn new(transport: &dyn Transport) -> Self {
        let outputs = transport
            .outputs()
            .into_iter()
            .filter(|output| !is_ack(output))
            .collect();
        let acks = transport
            .inputs()
            .into_iter()
            .filter(|(input, _)| is_ack(input))
            .map(|(input, sender)| (input, (sender, BTreeSet::new())))
            .collect();
        Self {
            outputs,
            next_seq: BTreeMap::new(),
            acks,
            in_flight: BTreeSet::new(),
        }
    }

    /// Open every stream: name the cases.
    ///
    /// # Errors
    /// A message that could not be sent.
    pub fn begin(
        &mut self,
        transport: &mut dyn Transport,
        cases: &[String],
    ) -> Result<(), HarnessError> {
        self.send_all(transport, &encode_begin(cases))
    }

    /// Send the outputs of a case on every output: its values, or a failure on each. A value
    /// that cannot travel, and a value that the stage did not give, become failures too.
    /// Returns the lineage keys by port, and the failure, if any.
    ///
    /// # Errors
    /// A message that could not be sent.
    pub fn send_case(
        &mut self,
        transport: &mut dyn Transport,
        case_id: &str,
        outputs: Result<(Outputs, Lineage<'_>), Failure>,
    ) -> Result<(BTreeMap<String, Key>, Option<Failure>), HarnessError> {
        self.in_flight.insert(case_id.to_owned());
        let mut keys = BTreeMap::new();
        let (values, lineage) = match outputs {
            Ok((outputs, lineage)) => (outputs.into_values(), lineage),
            Err(failure) => {
                self.send_all(transport, &encode_failure(&failure))?;
                return Ok((keys, Some(failure)));
            }
        };
        let mut failed = None;
        let mut values = values;
        for output in self.outputs.clone() {
            let key = lineage.key(&output);
            let problem = |cause: String, fix: &str| Failure {
                case_id: case_id.to_owned(),
                node: transport.node_id(),
                cause,
                fix: fix.to_owned(),
            };
            let messages = match values.remove(&output) {
                Some(value) => {
                    encode(case_id, value, &key).map_err(|error| problem(error.to_string(), ""))
                }
                None => Err(problem(
                    format!("no value for output `{output}`"),
                    "connect the input that this output is made from, or drop the output from the graph",
                )),
            };
            match messages {
                Ok(messages) => {
                    for message in messages {
                        self.send(transport, &output, message)?;
                    }
                    keys.insert(output, key);
                }
                Err(failure) => {
                    self.send(transport, &output, encode_failure(&failure))?;
                    failed = Some(failure);
                }
            }
        }
        Ok((keys, failed))
    }

    /// Close every stream.
    ///
    /// # Errors
    /// A message that could not be sent.
    pub fn end(&mut self, transport: &mut dyn Transport) -> Result<(), HarnessError> {
        self.in_flight.insert(END.to_owned());
        self.send_all(transport, &encode_mark(MessageKind::End, ""))
    }

    /// Note an acknowledgement.
    pub fn acknowledge(&mut self, input: &str, message: Result<Message, EnvelopeError>) {
        let Ok(message) = message else { return };
        if message.envelope.kind == MessageKind::Ack
            && let Some((_, cases)) = self.acks.get_mut(input)
        {
            cases.insert(message.envelope.case_id);
        }
        self.in_flight
            .retain(|case| !self.acks.values().all(|(_, cases)| cases.contains(case)));
    }

    /// Whether a case that was not sent yet has been given up by everything downstream.
    #[must_use]
    pub fn given_up(&self, case_id: &str) -> bool {
        self.awaits_acks() && self.acks.values().all(|(_, cases)| cases.contains(case_id))
    }

    /// Number of cases (and the end mark) that are sent and not acknowledged.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        if self.awaits_acks() {
            self.in_flight.len()
        } else {
            0
        }
    }

    /// Whether anyone acknowledges what this node sends.
    #[must_use]
    pub fn awaits_acks(&self) -> bool {
        !self.acks.is_empty()
    }

    /// An acknowledgement input closed. While something is in flight, or while there is
    /// more to send, its sender died.
    ///
    /// # Errors
    /// The node at the other end stopped too early.
    pub fn close(&self, input: &str, more: bool) -> Result<(), HarnessError> {
        let Some((sender, cases)) = self.acks.get(input) else {
            return Ok(());
        };
        let open: Vec<_> = self
            .in_flight
            .iter()
            .filter(|case| !cases.contains(*case))
            .collect();
        if open.is_empty() && !more {
            return Ok(());
        }
        Err(HarnessError::Downstream {
            input: input.to_owned(),
            sender: sender.clone(),
            cases: listed(
                open.into_iter()
                    .map(|case| if case == END { "the end" } else { case }),
            ),
        })
    }

    fn send_all(
        &mut self,
        transport: &mut dyn Transport,
        message: &Message,
    ) -> Result<(), HarnessError> {
        for output in self.outputs.clone() {
            self.send(transport, &output, message.clone())?;
        }
        Ok(())
    }

    fn send(
        &mut self,
        transport: &mut dyn Transport,
        output: &str,
        mut message: Message,
    ) -> Result<(), HarnessError> {
        let seq = self.next_seq.entry(output.to_owned()).or_default();
        message.envelope.seq = *seq;
        *seq += 1;
        Ok(transport.send(output, &message)?)
    }
}

/// Whether an input carries acknowledgements.
#[must_use]
pub fn is_ack(input: &str) -> bool {
    input == ACK
        || input
            .strip_prefix(ACK)
            .is_some_and(|rest| rest.starts_with('-'))
}

/// Where the outputs of a case come from.
pub struct Lineage<'a> {
    /// Digest of stage and options.
    pub stage: &'a StageKey,
    /// Keys of the inputs, by port.
    pub inputs: BTreeMap<String, Key>,
}

impl Lineage<'_> {
    fn key(&self, output: &str) -> Key {
        Key::of_output(
            self.stage,
            output,
            self.inputs.iter().map(|(port, key)| (port.as_str(), key)),
        )
    }
}
