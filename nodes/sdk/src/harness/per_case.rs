//! Runs a stage that maps the inputs of a case to its outputs.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::{Bench, HarnessError, Inlet, Joined, LAST_WORDS, Outlet, outlet::Lineage};
use crate::{
    journal::Entry,
    lineage::Key,
    stage::PerCase,
    transport::{Incoming, Transport},
    value::Failure,
};

/// Process every case that arrives, until every input has ended and its sender has gone.
///
/// # Errors
/// See [`HarnessError`].
pub fn run(
    work: &mut dyn PerCase,
    transport: &mut dyn Transport,
    bench: &mut Bench<'_>,
) -> Result<(), HarnessError> {
    let mut inlet = Inlet::new(transport.inputs());
    let mut outlet = Outlet::new(transport);
    let mut failures = BTreeMap::new();
    let mut begun = false;
    let mut done = false;
    loop {
        match transport.recv(inlet.patience()) {
            Incoming::Message(input, message) => inlet.take(&input, message)?,
            Incoming::Closed(input) => inlet.close(&input),
            Incoming::Stop if done => break,
            Incoming::Stop => return Err(HarnessError::Stopped),
            Incoming::Finished if done => break,
            Incoming::Quiet => inlet.lost().map_or(Ok(()), Err)?,
            Incoming::Finished => {
                inlet.lost().map_or(Ok(()), Err)?;
                inlet.close_all();
            }
        }
        if !begun && let Some(cases) = inlet.cohort() {
            begun = true;
            bench.journal.write(&Entry::Cohort {
                cases: cases.clone(),
            });
            outlet.begin(transport, &cases)?;
        }
        while let Some(joined) = inlet.next_joined() {
            process(work, joined, &mut outlet, transport, bench, &mut failures)?;
        }
        if inlet.ended() && !done {
            done = true;
            outlet.end(transport)?;
            if let Some(error) = inlet.broken(&failures) {
                std::thread::sleep(LAST_WORDS);
                return Err(error);
            }
        }
    }
    Ok(())
}

fn process(
    work: &mut dyn PerCase,
    joined: Joined,
    outlet: &mut Outlet,
    transport: &mut dyn Transport,
    bench: &mut Bench<'_>,
    failures: &mut BTreeMap<String, Failure>,
) -> Result<(), HarnessError> {
    let Joined {
        case_id,
        inputs,
        failure,
        ..
    } = joined;
    let (outputs, seconds) = match failure {
        Some(failure) => (Err(failure), 0.0),
        None => {
            let keys: BTreeMap<_, _> = inputs
                .0
                .iter()
                .map(|(port, (_, key))| (port.clone(), key.clone()))
                .collect();
            let (outputs, seconds) = bench.attempt(&case_id, || work.process(&case_id, inputs));
            let outputs = outputs.map(|outputs| {
                bench.record_outputs(&outputs);
                (
                    outputs,
                    Lineage {
                        stage: bench.key,
                        inputs: keys,
                    },
                )
            });
            (outputs, seconds)
        }
    };
    let (keys, failure) = outlet.send_case(transport, &case_id, outputs)?;
    if let Some(failure) = failure {
        bench.record_failure(&failure)?;
        failures.insert(case_id.clone(), failure);
    }
    bench.journal.write(&Entry::Done {
        case: case_id,
        seconds,
        lineage: keys_json(&keys),
    });
    Ok(())
}

pub(super) fn keys_json(keys: &BTreeMap<String, Key>) -> Json {
    keys.iter()
        .map(|(port, key)| (port.clone(), Json::from(key.as_str())))
        .collect()
}
