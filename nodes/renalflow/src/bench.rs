//! `renalflow bench`: networks timed on this machine.

use std::process::ExitCode;

use renalflow_segmentation::bench::UnetTiming;

use crate::{
    cli::{self, Network},
    screen,
};

/// Print the best times, one a line: what was timed, then seconds.
pub fn bench(options: &cli::Bench) -> ExitCode {
    let Network::Unet = options.network;
    // A step frees and asks for the same activations again and again.
    renalflow_sdk::memory::keep_freed(1 << 30, i32::MAX);
    match UnetTiming::measure(options.repeats as usize) {
        Ok(UnetTiming { forward_s, train_s }) => {
            screen::say(format!("forward {forward_s:.4}\ntrain {train_s:.4}"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            screen::complain(error);
            ExitCode::FAILURE
        }
    }
}
