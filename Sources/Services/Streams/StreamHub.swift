public import Reactor
public import ReplicationWire

/// Passes announcements on to whoever subscribed, and knows where each stream stands. Lives on the main
/// process's loop.
public final class StreamHub: StreamPublisher {
    private var subscribers: [any StreamPublisher] = []
    private var positions: [StreamName: Int64] = [:]

    /// A hub without subscribers, all of whose streams are at 0.
    public init() {}

    /// Adds a listener for everything that is announced from now on, for the life of the process.
    public func subscribe(_ subscriber: any StreamPublisher, on loop: isolated EventLoop) {
        subscribers.append(subscriber)
    }

    /// The token up to which a stream has been announced.
    public func position(of stream: StreamName) -> Int64 { positions[stream] ?? 0 }

    /// Sets where a stream starts, before anything is announced.
    public func start(_ stream: StreamName, at position: Int64, on loop: isolated EventLoop) {
        positions[stream] = position
    }

    /// Notes the position and passes the rows on.
    public func publish(
        _ stream: StreamName, token: Int64, rows: [ReplicationRow], on loop: isolated EventLoop
    ) {
        positions[stream] = max(token, positions[stream] ?? 0)
        for subscriber in subscribers {
            subscriber.publish(stream, token: token, rows: rows, on: loop)
        }
    }
}
