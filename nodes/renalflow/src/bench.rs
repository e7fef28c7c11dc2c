//! `renalflow bench`: networks timed on this machine.

use std::process::ExitCode;

use renalflow_segmentation::{
    bench::UnetTiming,
    device::{self, DeviceError},
};

use crate::{
    cli::{self, Network},
    screen,
};

/// Print the best times, one a line: what was timed, then seconds.
pub fn bench(options: &cli::Bench) -> ExitCode {
    let Network::Unet = options.network;
    // A step frees and asks for the same activations again and again.
    renalflow_sdk::memory::keep_freed(1 << 30, i32::MAX);
    let precision = options.precision;
    let opened = options
        .device
        .open_for(precision)
        .map_err(|error| match error {
            DeviceError::Precision { .. } => format!("--precision: {error}"),
            error => format!("--device: {error}"),
        });
    let timing = opened.and_then(|opened| {
        screen::remark(format!(
            "{}, {} threads, convolutions in {precision}, best of {}",
            device::name(&opened),
            rayon::current_num_threads(),
            options.repeats
        ));
        UnetTiming::measure(options.repeats as usize, &opened, precision)
            .map_err(|error| error.to_string())
    });
    match timing {
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
