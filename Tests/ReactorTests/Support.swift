import TestSupport

/// Every suite of channels and loops runs once per backend that this machine offers, and, where nothing
/// depends on the kernel, in simulation.
let grounds = Ground.all(rough: 3)
