//! Prints `forward <seconds>` of the U-Net that is timed beside PyTorch, best of five.
//! `cargo run --release -p renalflow-segmentation --example unet_timing`.
#![allow(clippy::print_stdout)]

use renalflow_segmentation::{bench::TimedUnet, ops::FusedForward};
use std::time::Instant;

fn main() -> candle_core::Result<()> {
    let (network, mut fused) = (TimedUnet::new()?, FusedForward::new());
    network.forward(&mut fused)?;
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let start = Instant::now();
        network.forward(&mut fused)?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!("forward {best:.4}");
    Ok(())
}
