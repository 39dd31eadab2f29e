/// Times of the race between a host's addresses. See RFC 8305, section 8.
public struct HappyEyeballsOptions: Sendable, Hashable {
    /// How long after one attempt the next begins, unless that fails before.
    public var attemptDelay: Duration
    /// How long IPv4 addresses that are known first wait for IPv6 ones.
    public var resolutionDelay: Duration

    /// The times that RFC 8305 recommends: 250 and 50 ms.
    public init(
        attemptDelay: Duration = .milliseconds(250), resolutionDelay: Duration = .milliseconds(50)
    ) {
        self.attemptDelay = attemptDelay
        self.resolutionDelay = resolutionDelay
    }
}

/// The order of attempts to connect to a host, by RFC 8305: what to do next, given what happened.
///
/// Families alternate, IPv6 first; the next attempt begins when the last one has failed or has had
/// its time. Addresses that become known late take part.
struct HappyEyeballs {
    enum Action: Equatable {
        /// Nothing until something happens.
        case wait
        /// Come back with ``resolutionDelayElapsed()`` after the resolution delay.
        case awaitResolution
        /// Connect; come back with ``attemptDelayElapsed()`` after the attempt delay, unless
        /// another attempt begins before.
        case connect(SocketAddress)
        /// Every address has failed, or there is none.
        case giveUp
    }

    private var known: [AddressFamily: [SocketAddress]] = [.ipv4: [], .ipv6: []]
    private var unanswered: Set<AddressFamily> = [.ipv4, .ipv6]
    private var running = 0
    private var next = AddressFamily.ipv6
    private var hasBegun = false
    private var awaitsResolution = false
    /// Whether the last attempt still has its time.
    private var isEarly = false

    mutating func answered(_ family: AddressFamily, _ addresses: [SocketAddress]) -> Action {
        unanswered.remove(family)
        known[family, default: []] += addresses
        return advance()
    }

    mutating func resolutionDelayElapsed() -> Action {
        guard !hasBegun else { return .wait }
        hasBegun = true
        return advance()
    }

    mutating func attemptFailed() -> Action {
        running -= 1
        isEarly = false
        return advance()
    }

    mutating func attemptDelayElapsed() -> Action {
        isEarly = false
        return advance()
    }

    private mutating func advance() -> Action {
        if !hasBegun {
            if isKnown(.ipv6) || isKnown(.ipv4) && !unanswered.contains(.ipv6) {
                hasBegun = true
            } else if isKnown(.ipv4), !awaitsResolution {
                awaitsResolution = true
                return .awaitResolution
            }
        }
        if hasBegun, !isEarly, let address = takeNext() {
            running += 1
            isEarly = true
            return .connect(address)
        }
        let mayCome = !unanswered.isEmpty || isKnown(.ipv4) || isKnown(.ipv6)
        return running == 0 && !mayCome ? .giveUp : .wait
    }

    private func isKnown(_ family: AddressFamily) -> Bool { known[family]?.isEmpty == false }

    private mutating func takeNext() -> SocketAddress? {
        let family = isKnown(next) ? next : next.other
        guard isKnown(family) else { return nil }
        next = family.other
        return known[family]?.removeFirst()
    }
}

extension AddressFamily {
    fileprivate var other: AddressFamily { self == .ipv4 ? .ipv6 : .ipv4 }
}
