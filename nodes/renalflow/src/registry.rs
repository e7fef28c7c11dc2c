//! The stages that this executable contains.

use renalflow_sdk::Plugin;

/// Every stage, in the order of a usual graph.
pub const STAGES: &[Plugin] = &[
    renalflow_stage_load::PLUGIN,
    renalflow_stage_resample::PLUGIN,
    renalflow_stage_window::PLUGIN,
    renalflow_stage_crop::PLUGIN,
    renalflow_stage_coarse::PLUGIN,
    renalflow_stage_segment::PLUGIN,
    renalflow_stage_postprocess::PLUGIN,
    renalflow_stage_radiomics::PLUGIN,
    renalflow_stage_deep_features::PLUGIN,
    renalflow_stage_export::PLUGIN,
    renalflow_stage_train::PLUGIN,
    renalflow_stage_score::PLUGIN,
    renalflow_stage_table::PLUGIN,
    renalflow_stage_classify::PLUGIN,
    renalflow_stage_evaluate::PLUGIN,
];

/// The stage of that name.
pub fn find(name: &str) -> Option<&'static Plugin> {
    STAGES
        .iter()
        .find(|plugin| plugin.declaration().name == name)
}
