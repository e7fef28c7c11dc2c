//! From a volume to labels: sliding windows, boxes of a coarse network, clean-up.
