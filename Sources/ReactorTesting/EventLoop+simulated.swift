public import Reactor

extension EventLoop {
    /// A loop whose sockets exist only in memory and whose clock is `clock`.
    ///
    /// What listens and what connects on it meet each other, whatever the address. The same seed
    /// gives the same splits, delays and faults in the same order. Foreign descriptors and other
    /// threads are as real as ever; while work is offloaded, a clock that advances by itself does
    /// not wait for it.
    public static func simulated(
        seed: UInt64, clock: ManualClock = ManualClock(), faults: NetworkFaults = NetworkFaults()
    ) throws(SystemError) -> EventLoop {
        try EventLoop(
            driver: SimulatedDriver(seed: seed, clock: clock, faults: faults), backend: .auto,
            description: "simulated: seed \(seed)")
    }
}
