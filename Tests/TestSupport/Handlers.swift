public import Reactor

/// Sends back what it gets.
public final class Echo: ChannelHandler {
    /// A handler for one channel or many.
    public init() {}

    /// Writes what came.
    public func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
        channel.write(bytes, on: loop)
    }
}

/// Collects what a channel is told and lets a task wait for it.
public final class Recorder: ChannelHandler {
    /// What has come.
    public var bytes: [UInt8] = []
    /// Whether the peer has said that no more comes.
    public private(set) var inputHasEnded = false
    /// Why the channel was closed, once it is.
    public private(set) var reason: CloseReason?
    /// How often the channel was above or below its marks again.
    public private(set) var writabilityChanges = 0
    /// Whether it closes the channel when the peer says no more.
    public var closesOnEnd = true
    private var waiter:
        (condition: (Recorder) -> Bool, continuation: UnsafeContinuation<Void, Never>)?

    /// Nothing has happened yet.
    public init() {}

    /// What has come, as text.
    public var text: String { String(decoding: bytes, as: UTF8.self) }

    /// Keeps what came.
    public func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
        bytes.withUnsafeBytes { self.bytes.append(contentsOf: $0) }
        check()
    }

    /// Notes it.
    public func inputEnded(_ channel: Channel, on loop: isolated EventLoop) {
        inputHasEnded = true
        if closesOnEnd { channel.close(on: loop) }
        check()
    }

    /// Counts it.
    public func writabilityChanged(_ channel: Channel, on loop: isolated EventLoop) {
        writabilityChanges += 1
        check()
    }

    /// Notes why.
    public func closed(_ channel: Channel, reason: CloseReason, on loop: isolated EventLoop) {
        self.reason = reason
        check()
    }

    /// Parks until the condition holds.
    public func wait(
        on loop: isolated EventLoop, until condition: @escaping (Recorder) -> Bool
    ) async {
        if condition(self) { return }
        await withUnsafeContinuation(isolation: loop) { waiter = (condition, $0) }
    }

    private func check() {
        guard let waiter, waiter.condition(self) else { return }
        self.waiter = nil
        waiter.continuation.resume()
    }
}

/// Lets a closure hand a channel out.
public final class Holder {
    /// The channel.
    public var channel: Channel?

    /// Without one.
    public init() {}
}
