//! Weights on disk: safetensors and the card that a loader enforces.
