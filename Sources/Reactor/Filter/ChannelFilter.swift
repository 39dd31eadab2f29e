/// Makes the filters of connections, such as TLS: given to ``ListenerOptions/security`` and to
/// ``EventLoop/connect(to:timeout:options:security:handler:)``.
///
/// One may serve several loops at once, hence `Sendable`.
public protocol ChannelSecurity: AnyObject, Sendable {
    /// A filter for one new connection.
    func makeFilter(on loop: isolated EventLoop) throws(SystemError) -> any ChannelFilter
}

/// Stands between a channel's handler and the network, and translates in both directions.
///
/// It begins with an exchange of its own, a handshake, during which what the handler writes waits
/// as plaintext. The channel gathers small writes into records, bounds what waits, and holds input
/// back while its handler has paused reading. A filter belongs to one channel and lives on its
/// loop.
public protocol ChannelFilter: AnyObject {
    /// The most plaintext that one record carries, in bytes.
    var recordBytesMax: Int { get }

    /// The connection stands: whoever speaks first may now ``FilteredStream/send(_:)``.
    func begin(_ stream: FilteredStream, on loop: isolated EventLoop)

    /// Bytes came from the network, lent for the call. Returns how many it used; it must use all
    /// unless ``FilteredStream/canDeliver`` is false, and is given the rest again later.
    func received(
        _ bytes: RawSpan, by stream: FilteredStream, on loop: isolated EventLoop
    ) -> Int

    /// The network's input has ended, behind everything that was received.
    func inputEnded(of stream: FilteredStream, on loop: isolated EventLoop)

    /// Translates at most ``recordBytesMax`` bytes that the handler wrote and sends them. Called
    /// only after ``FilteredStream/established(on:)``.
    func encode(_ bytes: RawSpan, for stream: FilteredStream, on loop: isolated EventLoop)

    /// The handler will write nothing more; sends what says so to the peer, if anything does.
    func finishOutput(of stream: FilteredStream, on loop: isolated EventLoop)

    /// The channel is closed. The last call.
    func closed(on loop: isolated EventLoop)
}
