public import Reactor
internal import ReactorTesting

/// What a loop stands on: a backend of this machine, or a network that splits and delays whatever passes,
/// differently for each seed.
public enum Ground: Sendable, Hashable, CustomStringConvertible {
    /// The kernel.
    case kernel(EventLoop.Backend)
    /// Simulation, calm or as rough as is legal.
    case simulated(seed: UInt64, rough: Bool)

    /// A loop on it.
    public func makeLoop() throws(SystemError) -> EventLoop {
        switch self {
        case .kernel(let backend): try EventLoop(backend: backend)
        case .simulated(let seed, let rough):
            try .simulated(seed: seed, faults: rough ? .rough : NetworkFaults())
        }
    }

    /// Whether its network splits and delays.
    public var isRough: Bool {
        if case .simulated(_, true) = self { true } else { false }
    }

    /// As tests show it.
    public var description: String {
        switch self {
        case .kernel(let backend): backend.rawValue
        case .simulated(let seed, let rough): "simulated\(rough ? ", rough," : "") \(seed)"
        }
    }

    /// The backends that this machine has, and simulations: one calm, the others rough.
    public static func all(rough: Int) -> [Ground] {
        kernels + [.simulated(seed: 1, rough: false)]
            + (0..<rough).map { .simulated(seed: UInt64($0 + 2), rough: true) }
    }
}

/// Every suite over sockets runs once per backend that this machine offers.
public let backends = [EventLoop.Backend.epoll, .ioUring].filter(\.isAvailable)

/// The same for suites that run in simulation, too.
public let kernels = backends.map(Ground.kernel)
