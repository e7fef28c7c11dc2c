//! Runs a source: a bounded window of cases in flight.

use std::collections::BTreeMap;

use super::{Bench, HarnessError, Outlet, outlet::Lineage};
use crate::{
    journal::Entry,
    stage::Source,
    transport::{Incoming, Transport},
};

/// Send every case, at most `window` of them unacknowledged, and wait for the last
/// acknowledgement.
///
/// # Errors
/// See [`HarnessError`].
pub fn run(
    work: &mut dyn Source,
    window: usize,
    transport: &mut dyn Transport,
    bench: &mut Bench<'_>,
) -> Result<(), HarnessError> {
    let cases = work.cases();
    bench.journal.write(&Entry::Cohort {
        cases: cases.clone(),
    });
    let mut outlet = Outlet::new(transport);
    outlet.begin(transport, &cases)?;
    for case_id in &cases {
        while outlet.in_flight() >= window {
            wait(&mut outlet, transport, true)?;
        }
        if outlet.given_up(case_id) {
            continue;
        }
        let (loaded, seconds) = bench.attempt(case_id, || work.load(case_id));
        let outputs = loaded.map(|(outputs, content)| {
            bench.record_outputs(&outputs);
            let inputs = BTreeMap::from([("content".to_owned(), content)]);
            (
                outputs,
                Lineage {
                    stage: bench.key,
                    inputs,
                },
            )
        });
        let (keys, failure) = outlet.send_case(transport, case_id, outputs)?;
        if let Some(failure) = failure {
            bench.record_failure(&failure)?;
        }
        bench.journal.write(&Entry::Done {
            case: case_id.clone(),
            seconds,
            lineage: super::per_case::keys_json(&keys),
        });
    }
    outlet.end(transport)?;
    while outlet.in_flight() > 0 {
        wait(&mut outlet, transport, false)?;
    }
    Ok(())
}

/// Wait for one acknowledgement.
pub(super) fn wait(
    outlet: &mut Outlet,
    transport: &mut dyn Transport,
    more: bool,
) -> Result<(), HarnessError> {
    match transport.recv(None) {
        Incoming::Message(input, message) => {
            outlet.acknowledge(&input, message);
            Ok(())
        }
        Incoming::Closed(input) => outlet.close(&input, more),
        Incoming::Stop => Err(HarnessError::Stopped),
        Incoming::Quiet => Ok(()),
        Incoming::Finished => {
            let inputs = transport.inputs();
            inputs
                .keys()
                .try_for_each(|input| outlet.close(input, true))?;
            Err(HarnessError::Stopped)
        }
    }
}
