public import Reactor

/// A resolver that answers from a table, after as long as it is told to, on the loop's own clock.
public final class ScriptedResolver: Resolver {
    /// What it says about one family of one host.
    public struct Answer {
        /// The addresses, whose ports are the asker's unless they are given, or the failure.
        public var outcome: Result<[SocketAddress], ResolutionError>
        /// How long it takes; `nil`: it never comes.
        public var delay: Duration?

        /// An answer after `delay`.
        public init(_ outcome: Result<[SocketAddress], ResolutionError>, after delay: Duration?) {
            self.outcome = outcome
            self.delay = delay
        }
    }

    private struct Question: Hashable {
        var host: String
        var family: AddressFamily
    }

    private var answers: [Question: Answer] = [:]
    private var timers: [LookUp: Timer?] = [:]
    private var lastNumber: UInt64 = 0

    /// The questions so far, in order.
    public private(set) var asked: [(host: String, family: AddressFamily)] = []

    /// Look-ups that have been neither answered nor cancelled.
    public var pending: Int { timers.count }

    /// A resolver that knows nothing yet: every name is unknown.
    public init() {}

    /// Says `addresses` after `delay` when asked about one family of `host`.
    public func answer(
        _ host: String, _ family: AddressFamily, with addresses: [SocketAddress],
        after delay: Duration? = .zero
    ) {
        answers[Question(host: host, family: family)] = Answer(.success(addresses), after: delay)
    }

    /// Fails after `delay` when asked about one family of `host`.
    public func fail(
        _ host: String, _ family: AddressFamily, message: String, after delay: Duration? = .zero
    ) {
        let error = ResolutionError(host: host, message: message)
        answers[Question(host: host, family: family)] = Answer(.failure(error), after: delay)
    }

    /// Answers from the table.
    public func lookUp(
        _ host: String, port: UInt16, family: AddressFamily, on loop: isolated EventLoop,
        answer: @escaping (Result<[SocketAddress], ResolutionError>) -> Void
    ) -> LookUp {
        asked.append((host, family))
        lastNumber += 1
        let lookUp = LookUp(number: lastNumber)
        let unknown = ResolutionError(host: host, message: "unknown in the script")
        let known =
            answers[Question(host: host, family: family)] ?? Answer(.failure(unknown), after: .zero)
        var timer: Timer?
        if let delay = known.delay {
            timer = loop.schedule(after: delay) {
                guard self.timers.removeValue(forKey: lookUp) != nil else { return }
                answer(known.outcome.map { $0.map { $0.reached(at: port) } })
            }
        }
        // Assigning would take the absence of a timer for the absence of an entry.
        timers.updateValue(timer, forKey: lookUp)
        return lookUp
    }

    /// Forgets a look-up.
    public func cancel(_ lookUp: LookUp, on loop: isolated EventLoop) {
        if let timer = timers.removeValue(forKey: lookUp), let timer { loop.cancel(timer) }
    }
}

extension SocketAddress {
    fileprivate func reached(at port: UInt16) -> SocketAddress {
        switch self {
        case .ipv4(let host, port: 0): .ipv4(host, port: port)
        case .ipv6(let host, port: 0, let scope): .ipv6(host, port: port, scope: scope)
        case .ipv4, .ipv6, .unix: self
        }
    }
}
