public import Reactor

/// What a simulated network does to its connections. Probabilities are from 0 to 1, per operation.
public struct NetworkFaults: Sendable {
    /// A read gives only a part of what has arrived.
    public var splitReads = 0.0
    /// A write takes only a part of what it is offered.
    public var shortWrites = 0.0
    /// A write completes later, and reads the bytes then, as io_uring does.
    public var lateWrites = 0.0
    /// A write is refused although there is room, and can be tried again at once.
    public var blockedWrites = 0.0
    /// A write breaks the connection instead: both ends see a reset.
    public var resets = 0.0
    /// An accept finds no descriptor left (EMFILE), although one may be had the next moment.
    public var exhaustion = 0.0
    /// The kernel has no memory for an accept or a write (ENOBUFS or ENOMEM), and has it the next moment.
    public var shortage = 0.0
    /// An attempt to connect gets no answer, or ECONNREFUSED or ENETUNREACH, each as often as the
    /// others, although somebody listens.
    public var failedConnections = 0.0
    /// Addresses from which no answer ever comes.
    public var blackHoles: Set<SocketAddress> = []
    /// How long bytes, connections and ends travel.
    public var latencyMax: Duration = .zero
    /// How many bytes may be under way in one direction.
    public var window = 1 << 18

    /// Nothing but a network.
    public init() {}

    /// Everything that is legal and unpleasant, short of resets.
    public static var rough: NetworkFaults {
        var faults = NetworkFaults()
        faults.splitReads = 0.5
        faults.shortWrites = 0.5
        faults.lateWrites = 0.3
        faults.blockedWrites = 0.1
        faults.latencyMax = .milliseconds(5)
        faults.window = 10_000
        return faults
    }
}

/// SplitMix64: small, fast, and the same on every machine.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }

    mutating func happens(_ probability: Double) -> Bool {
        probability > 0 && Double.random(in: 0..<1, using: &self) < probability
    }
}
