import Reactor
import ReplicationWire

extension ServerConnection {
    func subscribe(_ subscription: Subscription, on loop: isolated EventLoop) {
        switch subscription {
        case .all:
            for stream in server.feeds.keys.sorted(by: { $0.name < $1.name }) {
                subscribe(to: stream, from: .now, on: loop)
            }
        case .stream(let stream, let start): subscribe(to: stream, from: start, on: loop)
        }
    }

    private func subscribe(
        to stream: StreamName, from start: Subscription.Start, on loop: isolated EventLoop
    ) {
        guard let feed = server.feeds[stream] else { return }
        nextGeneration += 1
        var asked: Int64?
        if case .token(let token) = start { asked = token }
        // In the named dialect the worker can be told that what now comes is the answer.
        if let asked, server.options.dialect == .named {
            tellPosition(of: stream, asked, after: asked, on: loop)
        }
        // A silent stream is wherever the worker believes it to be.
        let head = feed.head ?? asked ?? 0
        var subscription = StreamSubscription(
            after: asked ?? head, generation: nextGeneration, pageLimit: server.options.pageRows,
            waitingRowsMax: server.options.waitingRowsMax)
        guard let asked, asked < head, feed.source != nil else {
            // In step, or of the future: a token that we have not given yet counts as ours.
            subscription.begin(at: head)
            follow(feed, subscription)
            laggards.removeAll { $0 == stream }
            return tellPosition(of: stream, head, after: min(asked ?? head, head), on: loop)
        }
        follow(feed, subscription)
        if !laggards.contains(stream) { laggards.append(stream) }
        guard !isCatchingUp else { return }
        isCatchingUp = true
        loop.spawn { await self.catchUp(on: loop) }
    }

    private func follow(_ feed: StreamFeed, _ place: StreamSubscription) {
        let subscriber = StreamSubscriber(self, place)
        subscriptions[feed.stream] = subscriber
        feed.add(subscriber)
    }

    /// Tells the worker of tokens that came to nothing.
    func advance(_ feed: StreamFeed, on loop: isolated EventLoop) {
        guard let token = feed.lastPublished,
            let previous = subscriptions[feed.stream]?.place.advance(to: token)
        else { return }
        tellPosition(of: feed.stream, token, after: previous, on: loop)
    }

    private func tellPosition(
        of stream: StreamName, _ token: Int64, after previous: Int64, on loop: isolated EventLoop
    ) {
        let position = Position(
            stream: stream, token: token, previousToken: previous,
            instance: server.options.instance)
        send(.position(position), on: loop)
    }

    /// Reads what the worker missed, one page at a time and each stream in its turn, no faster than
    /// the worker takes it.
    private func catchUp(on loop: isolated EventLoop) async {
        defer { isCatchingUp = false }
        while !laggards.isEmpty {
            await untilWritable(on: loop)
            guard !hasEnded, !laggards.isEmpty else { return }
            let stream = laggards.removeFirst()
            guard let source = server.feeds[stream]?.source,
                let head = server.feeds[stream]?.head,
                let generation = subscriptions[stream]?.place.generation
            else { continue }
            subscriptions[stream]?.place.beginLap(upTo: head)
            guard let lap = subscriptions[stream]?.place else { continue }
            do {
                let page = try await source.rows(
                    from: lap.position, upTo: head, limit: lap.pageLimit, on: loop)
                guard !hasEnded else { return }
                guard subscriptions[stream]?.place.generation == generation else { continue }
                take(page, of: stream, upTo: head, on: loop)
            } catch {
                server.delegate?.sourceFailed(stream, error, on: loop)
                return close(.streamFailed(stream), on: loop)
            }
        }
    }

    private func take(
        _ page: [ReplicationUpdate], of stream: StreamName, upTo head: Int64,
        on loop: isolated EventLoop
    ) {
        let rows = subscriptions[stream]?.place.takePage(page) ?? []
        let options = server.options
        for block in PublishedBlock.encode(
            rows, stream: stream, dialect: options.dialect, instance: options.instance)
        {
            write(block, from: 0, on: loop)
            server.statistics.outbound[.rowData] += UInt64(block.rowCount)
            guard !hasEnded else { return }
        }
        guard let subscriber = subscriptions[stream], let waiting = subscriber.place.endLap()
        else { return laggards.append(stream) }
        let start = subscriber.place.start
        tellPosition(of: stream, head, after: start, on: loop)
        for block in waiting where publish(block, to: subscriber, on: loop) {
            server.statistics.outbound[.rowData] += UInt64(block.rowCount)
        }
        if let feed = server.feeds[stream] { advance(feed, on: loop) }
    }
}
