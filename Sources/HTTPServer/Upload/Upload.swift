internal import Bytes
internal import HTTPWire
internal import Reactor

/// A body on its way to a handler that takes it piece by piece.
///
/// Connection and exchange both hold it, so that the connection need not hold the exchange: one
/// that nobody keeps answers by itself.
final class Upload {
    let length: UInt64?
    var receivedBytes: UInt64 = 0
    /// The exchange, until it is answered. It is recycled then, so it must be let go.
    weak var exchange: HTTPExchange?
    /// Nothing is read while it is. A body that nobody has asked for yet is paused too.
    var isPaused = true
    /// The client may be waiting for `100 Continue`.
    var continueIsDue: Bool
    /// What was left of the time for the body when it was paused.
    var nanosecondsLeft: UInt64
    private var onChunk: ((RawSpan) -> Void)?
    private var onEnd: ((BodyFailure?) -> Void)?
    private(set) var isTaken = false

    init(_ framing: BodyFraming, continueIsDue: Bool, nanosecondsLeft: UInt64) {
        if case .length(let length) = framing { self.length = length } else { length = nil }
        self.continueIsDue = continueIsDue
        self.nanosecondsLeft = nanosecondsLeft
    }

    func take(
        _ onChunk: @escaping (RawSpan) -> Void, _ onEnd: @escaping (BodyFailure?) -> Void
    ) {
        isTaken = true
        self.onChunk = onChunk
        self.onEnd = onEnd
    }

    func give(_ bytes: RawSpan) {
        continueIsDue = false
        receivedBytes += UInt64(bytes.byteCount)
        onChunk?(bytes)
    }

    /// Tells the handler, once, and lets go of it.
    func end(_ failure: BodyFailure?) {
        onChunk = nil
        onEnd.take()?(failure)
    }

    /// Whether the rest may be read and thrown away for the sake of the connection.
    func isWorthDiscarding(bytesMax: Int) -> Bool {
        // Whether a client that still waits to be told to go on will send its body is anybody's guess.
        guard !continueIsDue else { return false }
        guard let length else { return true }
        return length - receivedBytes <= UInt64(max(0, bytesMax))
    }
}
