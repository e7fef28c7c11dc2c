//! How messages reach a stage: the seam between the harness and dora.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use dora_node_api::{
    DoraArray, DoraNode, Event, EventStream, StopCause, arrow_v59::array::ArrayRef,
};
use thiserror::Error;

use crate::{
    codec::Message,
    envelope::{Envelope, EnvelopeError},
};

/// What a stage hears.
#[allow(
    clippy::large_enum_variant,
    reason = "nearly every one of them is a message"
)]
#[derive(Debug)]
pub enum Incoming {
    /// A message on an input; its metadata may be unreadable.
    Message(String, Result<Message, EnvelopeError>),
    /// The sender of an input has gone: nothing more will come on it.
    Closed(String),
    /// The run is being stopped from outside.
    Stop,
    /// Nothing more will come on any input.
    Finished,
    /// Nothing came for as long as the caller was ready to wait.
    Quiet,
}

/// Sends and receives messages for one node.
pub trait Transport {
    /// Id of the node.
    fn node_id(&self) -> String;
    /// The connected inputs, each with the id of the node that feeds it.
    fn inputs(&self) -> BTreeMap<String, String>;
    /// The outputs that the graph declares.
    fn outputs(&self) -> Vec<String>;
    /// Wait for the next thing to happen, for ever or for so long.
    fn recv(&mut self, patience: Option<Duration>) -> Incoming;
    /// Send a message.
    ///
    /// # Errors
    /// An output that the graph does not declare, or a message that could not be sent.
    fn send(&mut self, output: &str, message: &Message) -> Result<(), TransportError>;
}

/// Why the connection to the dataflow failed.
#[derive(Debug, Error)]
pub enum TransportError {
    /// Not started by a dora daemon.
    #[error(
        "cannot join the dataflow: {0}\n  fix: stages are started by `renalflow run GRAPH` or `dora run GRAPH`, not by hand; `--help` and `--describe` need no dataflow"
    )]
    Join(String),
    /// dora would drop this silently.
    #[error("output `{0}` is not declared in the graph\n  fix: add it to the node's `outputs`")]
    Undeclared(String),
    /// The daemon did not take it.
    #[error("could not send on output `{output}`: {cause}")]
    Send {
        /// The output.
        output: String,
        /// What dora says.
        cause: String,
    },
}

/// The dora node of this process.
pub struct DoraTransport {
    node: DoraNode,
    events: EventStream,
}

impl DoraTransport {
    /// Join the dataflow that started this process.
    ///
    /// # Errors
    /// The process was not started by a daemon.
    pub fn join() -> Result<Self, TransportError> {
        let (node, events) = DoraNode::init_from_env_force()
            .map_err(|error| TransportError::Join(format!("{error:#}")))?;
        Ok(Self { node, events })
    }

    /// Id of the dataflow, which names the run where nothing else does.
    #[must_use]
    pub fn dataflow_id(&self) -> String {
        self.node.dataflow_id().to_string()
    }
}

impl Transport for DoraTransport {
    fn node_id(&self) -> String {
        self.node.id().to_string()
    }

    fn inputs(&self) -> BTreeMap<String, String> {
        self.node
            .node_config()
            .inputs
            .iter()
            .map(|(id, input)| {
                let mapping = input.mapping.to_string();
                let sender = mapping.split('/').next().unwrap_or_default();
                (id.to_string(), sender.to_owned())
            })
            .collect()
    }

    fn outputs(&self) -> Vec<String> {
        self.node
            .node_config()
            .outputs
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    fn recv(&mut self, patience: Option<Duration>) -> Incoming {
        let deadline = patience.map(|patience| Instant::now() + patience);
        loop {
            let event = match deadline {
                None => self.events.recv(),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Incoming::Quiet;
                    }
                    self.events.recv_timeout(left)
                }
            };
            match event {
                Some(Event::Input { id, metadata, data }) => {
                    let payload: ArrayRef = data.into_inner();
                    let message = Envelope::from_parameters(&metadata.parameters)
                        .map(|envelope| Message { envelope, payload });
                    return Incoming::Message(id.to_string(), message);
                }
                Some(Event::InputClosed { id }) => return Incoming::Closed(id.to_string()),
                Some(Event::Stop(StopCause::AllInputsClosed)) | None => return Incoming::Finished,
                Some(Event::Stop(_)) => return Incoming::Stop,
                // How dora says that the time to wait is over; the deadline above notices.
                Some(Event::Error(error)) if patience.is_some() => tracing::debug!("dora: {error}"),
                Some(Event::Error(error)) => tracing::warn!("dora: {error}"),
                // The closing of the inputs, which follows, is what the harness acts on.
                Some(Event::NodeFailed {
                    source_node_id,
                    error,
                    ..
                }) => {
                    tracing::warn!("node `{source_node_id}` failed: {error}");
                }
                Some(_) => {}
            }
        }
    }

    fn send(&mut self, output: &str, message: &Message) -> Result<(), TransportError> {
        // dora warns and drops what is sent on an undeclared output, and answers Ok.
        let id = output.to_owned().into();
        if !self.node.node_config().outputs.contains(&id) {
            return Err(TransportError::Undeclared(output.to_owned()));
        }
        self.node
            .send_output(
                id,
                message.envelope.to_parameters(),
                DoraArray::from(message.payload.clone()),
            )
            .map_err(|error| TransportError::Send {
                output: output.to_owned(),
                cause: format!("{error:#}"),
            })
    }
}
