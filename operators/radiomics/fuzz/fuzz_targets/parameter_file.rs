//! Any text has an answer: parameters that write themselves back, or errors that can be printed.

#![no_main]

use libfuzzer_sys::fuzz_target;
use renalflow_radiomics::Parameters;

fuzz_target!(|text: &str| {
    match Parameters::from_text(text, "params.yaml") {
        Ok((parameters, warnings)) => {
            assert!(parameters.validate().is_ok());
            for warning in warnings {
                assert!(warning.to_string().lines().count() <= 10);
            }
            let canonical = parameters.to_yaml();
            match Parameters::from_text(&canonical, "canonical.yaml") {
                Ok((again, _)) => assert_eq!(again.to_yaml(), canonical),
                Err(error) => panic!("{error}\n{canonical}"),
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
