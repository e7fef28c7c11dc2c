//! Runs a stage without a daemon: messages in from a script, messages out to a list.
//!
//! The harness is the one that runs in a dataflow; only the transport differs, so what a test
//! sees here is what a graph gets.

mod cases;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use crate::{
    codec::{
        Assembler, Message, decode_failure, encode, encode_begin, encode_failure, encode_mark,
    },
    envelope::MessageKind,
    lineage::Key,
    transport::{Incoming, Transport, TransportError},
    value::{Failure, Value},
};

pub use cases::{Case, play, play_one};

/// A transport that plays a script.
#[derive(Default)]
pub struct Replay {
    inputs: BTreeMap<String, String>,
    outputs: Vec<String>,
    script: VecDeque<Incoming>,
    next_seq: BTreeMap<String, u64>,
    /// Everything that the stage sent, in order.
    pub sent: Vec<(String, Message)>,
    acknowledged: BTreeSet<String>,
    acknowledges_itself: bool,
}

impl Replay {
    /// A node with these inputs (each fed by a node of the same name) and outputs.
    #[must_use]
    pub fn new<'a>(
        inputs: impl IntoIterator<Item = &'a str>,
        outputs: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        Self {
            inputs: inputs
                .into_iter()
                .map(|input| (input.to_owned(), format!("{input}-sender")))
                .collect(),
            outputs: outputs.into_iter().map(str::to_owned).collect(),
            ..Self::default()
        }
    }

    /// Acknowledge whatever the stage sends, on every acknowledgement input, as soon as the
    /// script has nothing else.
    #[must_use]
    pub fn acknowledging(mut self) -> Self {
        self.acknowledges_itself = true;
        self
    }

    /// Script the opening mark of an input.
    pub fn begin(&mut self, input: &str, cases: &[&str]) {
        let cases: Vec<_> = cases.iter().map(|case| (*case).to_owned()).collect();
        self.push(input, encode_begin(&cases));
    }

    /// Script a value.
    ///
    /// # Panics
    /// A value too large to travel, which a script does not have.
    pub fn value(&mut self, input: &str, case_id: &str, value: Value) {
        let key = Key::of_content(format!("{input}/{case_id}").as_bytes());
        for message in encode(case_id, value, &key).expect("a scripted value fits") {
            self.push(input, message);
        }
    }

    /// Script a failure.
    pub fn failure(&mut self, input: &str, failure: &Failure) {
        self.push(input, encode_failure(failure));
    }

    /// Script the end mark of an input.
    pub fn end(&mut self, input: &str) {
        self.push(input, encode_mark(MessageKind::End, ""));
    }

    /// Script an acknowledgement.
    pub fn ack(&mut self, input: &str, case_id: &str) {
        self.push(input, encode_mark(MessageKind::Ack, case_id));
    }

    /// Script the death of a sender.
    pub fn close(&mut self, input: &str) {
        self.script.push_back(Incoming::Closed(input.to_owned()));
    }

    /// Script a message that dora dropped: the next one on this input shows a gap.
    pub fn drop_one(&mut self, input: &str) {
        *self.next_seq.entry(input.to_owned()).or_default() += 1;
    }

    /// Script the last two messages to arrive in the other order, as they can where one of them
    /// did not fit the shared memory.
    pub fn swap_last_two(&mut self) {
        let last = self.script.len().saturating_sub(1);
        if last > 0 {
            self.script.swap(last, last - 1);
        }
    }

    /// Script anything.
    pub fn push(&mut self, input: &str, mut message: Message) {
        let seq = self.next_seq.entry(input.to_owned()).or_default();
        message.envelope.seq = *seq;
        *seq += 1;
        self.script
            .push_back(Incoming::Message(input.to_owned(), Ok(message)));
    }

    /// What the stage sent on an output, by case.
    ///
    /// # Panics
    /// A message that cannot be read, which the stage under test does not send.
    #[must_use]
    pub fn received(&self, output: &str) -> BTreeMap<String, Result<Value, Failure>> {
        let mut values = BTreeMap::new();
        let mut assembler = Assembler::default();
        for (_, message) in self.sent.iter().filter(|(name, _)| name == output) {
            let case_id = message.envelope.case_id.clone();
            match message.envelope.kind {
                MessageKind::Value(_) => {
                    let value = assembler
                        .push(message.clone())
                        .expect("the stage sends readable messages");
                    if let Some((value, _)) = value {
                        values.insert(case_id, Ok(value));
                    }
                }
                MessageKind::Failure => {
                    let failure =
                        decode_failure(message).expect("the stage sends readable failures");
                    values.insert(case_id, Err(failure));
                }
                _ => {}
            }
        }
        values
    }

    /// The cases that the stage acknowledged, in order; the end mark is the empty name.
    #[must_use]
    pub fn acknowledged(&self) -> Vec<&str> {
        self.sent
            .iter()
            .filter(|(_, message)| message.envelope.kind == MessageKind::Ack)
            .map(|(_, message)| message.envelope.case_id.as_str())
            .collect()
    }

    fn next_acknowledgement(&mut self) -> Option<Incoming> {
        let inputs: Vec<_> = self
            .inputs
            .keys()
            .filter(|input| crate::harness::is_ack(input))
            .cloned()
            .collect();
        for (_, message) in &self.sent {
            let case_id = match message.envelope.kind {
                MessageKind::Value(_) | MessageKind::Failure => message.envelope.case_id.as_str(),
                MessageKind::End => "",
                _ => continue,
            };
            for input in &inputs {
                if self.acknowledged.insert(format!("{input}/{case_id}")) {
                    let ack = encode_mark(MessageKind::Ack, case_id);
                    return Some(Incoming::Message(input.clone(), Ok(ack)));
                }
            }
        }
        None
    }
}

impl Transport for Replay {
    fn node_id(&self) -> String {
        "replayed".to_owned()
    }

    fn inputs(&self) -> BTreeMap<String, String> {
        self.inputs.clone()
    }

    fn outputs(&self) -> Vec<String> {
        self.outputs.clone()
    }

    fn recv(&mut self, patience: Option<Duration>) -> Incoming {
        if let Some(incoming) = self.script.pop_front() {
            return incoming;
        }
        if self.acknowledges_itself
            && let Some(ack) = self.next_acknowledgement()
        {
            return ack;
        }
        if patience.is_some() {
            return Incoming::Quiet;
        }
        Incoming::Finished
    }

    fn send(&mut self, output: &str, message: &Message) -> Result<(), TransportError> {
        if !self.outputs.iter().any(|name| name == output) {
            return Err(TransportError::Undeclared(output.to_owned()));
        }
        self.sent.push((output.to_owned(), message.clone()));
        Ok(())
    }
}
