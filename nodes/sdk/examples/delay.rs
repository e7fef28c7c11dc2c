//! A stage of one's own, outside the `renalflow` executable: passes images and masks on after
//! a while. A graph names it by path:
//!
//! ```yaml
//! - id: delay
//!   path: ../target/release/examples/delay
//!   args: --milliseconds 20
//!   inputs:
//!     image: { source: load/image, queue_size: 256 }
//!   outputs: [image]
//! ```

use std::{process::ExitCode, time::Duration};

use clap::Args;
use renalflow_sdk::{
    Context, Declaration, Inputs, Kind, Outputs, PerCase, Plugin, Port, Problem, Role, Stage,
    Value, Work, clap,
};
use serde::Serialize;

struct Delay(Duration);

#[derive(Debug, Args, Serialize)]
struct Options {
    /// How long each case takes
    #[arg(long, default_value_t = 20)]
    milliseconds: u64,
}

impl Stage for Delay {
    type Options = Options;

    const DECLARATION: Declaration = Declaration {
        name: "delay",
        version: "1",
        about: "Pass images and masks on after a while",
        role: Role::PerCase,
        inputs: &[
            Port::new("image", Kind::Image, "any image").optional(),
            Port::new("mask", Kind::Labels, "any labels").optional(),
        ],
        outputs: &[
            Port::new("image", Kind::Image, "the same image").needs("image"),
            Port::new("mask", Kind::Labels, "the same labels").needs("mask"),
        ],
    };

    fn build(options: Options, _context: &Context) -> Result<Work, Problem> {
        Ok(Work::PerCase(Box::new(Self(Duration::from_millis(
            options.milliseconds,
        )))))
    }
}

impl PerCase for Delay {
    fn process(&mut self, _case_id: &str, mut inputs: Inputs) -> Result<Outputs, Problem> {
        std::thread::sleep(self.0);
        let mut outputs = Outputs::none();
        if inputs.has("image") {
            outputs = outputs.with("image", Value::Image(inputs.image("image")?));
        }
        if inputs.has("mask") {
            outputs = outputs.with("mask", Value::Labels(inputs.labels("mask")?));
        }
        Ok(outputs)
    }
}

fn main() -> ExitCode {
    Plugin::of::<Delay>().main()
}
