/// What a channel tells its owner. Every call comes on the channel's loop.
public protocol ChannelHandler: AnyObject {
    /// Bytes arrived. They are lent for the call: copy what must live longer.
    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop)

    /// The peer will send nothing more (a FIN). It may still receive. By default the channel is
    /// closed once its output is written.
    func inputEnded(_ channel: Channel, on loop: isolated EventLoop)

    /// ``Channel/isWritable`` changed.
    func writabilityChanged(_ channel: Channel, on loop: isolated EventLoop)

    /// The channel is closed. Called exactly once, as the last call.
    func closed(_ channel: Channel, reason: CloseReason, on loop: isolated EventLoop)
}

extension ChannelHandler {
    /// Closes the channel once its output is written.
    public func inputEnded(_ channel: Channel, on loop: isolated EventLoop) {
        channel.close(on: loop)
    }

    /// Does nothing.
    public func writabilityChanged(_ channel: Channel, on loop: isolated EventLoop) {}

    /// Does nothing.
    public func closed(_ channel: Channel, reason: CloseReason, on loop: isolated EventLoop) {}
}

/// Why a channel closed.
public enum CloseReason: Sendable, Hashable {
    /// ``Channel/close(on:)`` or ``Channel/abort(on:)``.
    case closedLocally
    /// The peer reset the connection.
    case reset
    /// A system call failed.
    case failed(SystemError)
    /// The loop stopped.
    case loopStopped
}
