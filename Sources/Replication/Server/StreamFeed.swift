import ReplicationWire

/// A stream as the main offers it.
final class StreamFeed {
    let stream: StreamName
    /// Where missed rows are found; without one the stream is silent, and nobody misses anything.
    let source: (any ReplicationSource)?
    /// Every row up to here has been published.
    private(set) var lastPublished: Int64?

    /// The workers that follow the stream.
    private(set) var subscribers: [StreamSubscriber] = []

    init(stream: StreamName, source: (any ReplicationSource)?) {
        self.stream = stream
        self.source = source
    }

    /// Adds a worker, in the place of what its connection had before.
    func add(_ subscriber: StreamSubscriber) {
        if let index = subscribers.firstIndex(where: { $0.connection === subscriber.connection }) {
            subscribers[index] = subscriber
        } else {
            subscribers.append(subscriber)
        }
    }

    func remove(_ subscriber: StreamSubscriber) {
        guard let index = subscribers.firstIndex(where: { $0 === subscriber }) else { return }
        subscribers.swapAt(index, subscribers.count - 1)
        subscribers.removeLast()
    }

    /// The newest token that was published or can be read; nil if the stream has none.
    var head: Int64? {
        guard let current = source?.currentToken else { return lastPublished }
        return max(current, lastPublished ?? current)
    }

    /// Those of `updates` whose tokens are new, in order.
    func accept(_ updates: [ReplicationUpdate]) -> [ReplicationUpdate] {
        var updates = updates
        if !zip(updates, updates.dropFirst()).allSatisfy({ $0.token <= $1.token }) {
            updates = updates.enumerated().sorted {
                ($0.element.token, $0.offset) < ($1.element.token, $1.offset)
            }.map(\.element)
        }
        if let lastPublished, let first = updates.first, first.token <= lastPublished {
            updates.removeAll { $0.token <= lastPublished }
        }
        if let last = updates.last { lastPublished = last.token }
        return updates
    }

    /// Notes that nothing will be published up to `token` any more.
    func advance(to token: Int64) { lastPublished = max(token, lastPublished ?? token) }
}
