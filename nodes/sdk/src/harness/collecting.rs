//! Runs a stage that takes in the whole cohort.

use std::collections::BTreeMap;

use super::{
    Bench, HarnessError, Inlet, Joined, LAST_WORDS, Outlet,
    outlet::{Lineage, is_ack},
    source::wait,
};
use serde_json::Value as Json;

use crate::{
    codec::encode_mark,
    declare::ack_output,
    envelope::MessageKind,
    journal::Entry,
    lineage::Key,
    stage::{Cohort, Collecting},
    transport::{Incoming, Transport},
    value::Failure,
};

/// The name under which outputs of the whole cohort travel.
pub const COHORT: &str = "cohort";

/// Take in and acknowledge every case, then send the outputs of the cohort and wait until they
/// are acknowledged.
///
/// # Errors
/// See [`HarnessError`].
pub fn run(
    work: &mut dyn Collecting,
    transport: &mut dyn Transport,
    bench: &mut Bench<'_>,
) -> Result<(), HarnessError> {
    let values = transport
        .inputs()
        .into_iter()
        .filter(|(input, _)| !is_ack(input));
    let declaration = bench.declaration;
    let groups = declaration.groups();
    let group_of = |input: &str| {
        let port = declaration.inputs.iter().find(|port| port.matches(input));
        groups
            .iter()
            .position(|group| port.is_some_and(|port| port.group == *group))
            .unwrap_or(0)
    };
    let mut inlet = Inlet::grouped(values, group_of);
    let mut outlet = Outlet::new(transport);
    let declared = transport.outputs();
    let mut acks: Vec<Acks> = groups
        .iter()
        .map(|group| Acks {
            output: Some(ack_output(group)).filter(|output| declared.contains(output)),
            seq: 0,
            ended: false,
        })
        .collect();
    let mut cohort = Cohort::default();
    let mut lineage_of_cases = BTreeMap::new();
    while !inlet.ended() {
        match transport.recv(inlet.patience()) {
            Incoming::Message(input, message) if is_ack(&input) => {
                outlet.acknowledge(&input, message)
            }
            Incoming::Message(input, message) => inlet.take(&input, message)?,
            // What it owes for is not sent yet, so nobody is lost; sending will tell.
            Incoming::Closed(input) if is_ack(&input) => outlet.close(&input, true)?,
            Incoming::Closed(input) => inlet.close(&input),
            Incoming::Stop => return Err(HarnessError::Stopped),
            Incoming::Quiet => inlet.lost().map_or(Ok(()), Err)?,
            Incoming::Finished => {
                inlet.lost().map_or(Ok(()), Err)?;
                inlet.close_all();
            }
        }
        if cohort.cases.is_empty()
            && let Some(cases) = inlet.cohort()
            && !cases.is_empty()
        {
            bench.journal.write(&Entry::Cohort {
                cases: cases.clone(),
            });
            cohort.cases = cases;
        }
        while let Some(joined) = inlet.next_joined() {
            let case_id = joined.case_id.clone();
            let group = joined.group;
            collect(work, joined, bench, &mut cohort, &mut lineage_of_cases)?;
            acks[group].send(transport, &case_id)?;
        }
        // The senders of a group need not wait for those of another.
        for (group, acks) in acks.iter_mut().enumerate() {
            if inlet.group_ended(group) {
                acks.end(transport)?;
            }
        }
    }
    let broken = inlet.broken(&cohort.failures);

    let lineage = Lineage {
        stage: bench.key,
        inputs: lineage_of_cases,
    };
    let (outputs, seconds) = bench.attempt(COHORT, || work.finish(&cohort));
    let mut lost = Ok(());
    if let Ok(outputs) = &outputs {
        bench.record_outputs(outputs);
        // Under --strict the first one ends the run, but only once all of them are on record.
        for (case_id, problem) in outputs.lost_cases() {
            let failure = Failure {
                case_id: case_id.clone(),
                node: bench.context.node_id.clone(),
                cause: problem.cause.clone(),
                fix: problem.fix.clone(),
            };
            lost = lost.and(bench.record_failure(&failure));
        }
    }
    lost?;
    let problem = outputs.as_ref().err().cloned();
    outlet.begin(transport, &[COHORT.to_owned()])?;
    let (keys, failure) =
        outlet.send_case(transport, COHORT, outputs.map(|outputs| (outputs, lineage)))?;
    outlet.end(transport)?;
    bench.journal.write(&Entry::Done {
        case: COHORT.to_owned(),
        seconds,
        lineage: super::per_case::keys_json(&keys),
    });
    if let Some(failure) = failure {
        bench.record_failure(&failure)?;
    }
    while outlet.in_flight() > 0 {
        wait(&mut outlet, transport, false)?;
    }
    match (broken, problem) {
        (Some(error), _) => {
            std::thread::sleep(LAST_WORDS);
            Err(error)
        }
        (None, Some(failure)) => Err(HarnessError::Finish(
            crate::Problem::new(failure.cause).fix(failure.fix),
        )),
        (None, None) => Ok(()),
    }
}

fn collect(
    work: &mut dyn Collecting,
    joined: Joined,
    bench: &mut Bench<'_>,
    cohort: &mut Cohort,
    lineage: &mut BTreeMap<String, Key>,
) -> Result<(), HarnessError> {
    let Joined {
        case_id,
        inputs,
        failure,
        ..
    } = joined;
    let failed_before = failure.clone();
    if failure.is_none() {
        lineage.insert(case_id.clone(), inputs.combined_lineage());
    }
    let (collected, seconds) = bench.attempt(&case_id, || match failure {
        None => work.collect(&case_id, Ok(inputs)),
        Some(failure) => work.collect_failed(&case_id, failure, inputs),
    });
    if let Some(failure) = failed_before.or(collected.err()) {
        bench.record_failure(&failure)?;
        cohort.failures.insert(case_id.clone(), failure);
    }
    bench.journal.write(&Entry::Done {
        case: case_id,
        seconds,
        lineage: Json::Null,
    });
    Ok(())
}

/// The acknowledgement output of a group of inputs.
struct Acks {
    output: Option<String>,
    seq: u64,
    ended: bool,
}

impl Acks {
    fn end(&mut self, transport: &mut dyn Transport) -> Result<(), HarnessError> {
        if !std::mem::replace(&mut self.ended, true) {
            self.send(transport, "")?;
        }
        Ok(())
    }

    fn send(&mut self, transport: &mut dyn Transport, case_id: &str) -> Result<(), HarnessError> {
        let Some(output) = &self.output else {
            return Ok(());
        };
        let mut message = encode_mark(MessageKind::Ack, case_id);
        message.envelope.seq = self.seq;
        self.seq += 1;
        Ok(transport.send(output, &message)?)
    }
}
