import Postgres
public import Reactor
import ReplicationWire
import Storage

extension SyncEngine {
    /// Takes in rows of a stream: as they arrive from replication, or on the main process as its services announce
    /// them. Rows of one stream must come in order; repeats do no harm.
    ///
    /// They are delivered soon after, together with what else arrives until then.
    public func streamAdvanced(_ batch: StreamBatch, on loop: isolated EventLoop) {
        guard inbox.add(batch), !isDelivering, !isShutDown else { return }
        isDelivering = true
        loop.spawn { await self.deliver(on: loop) }
    }

    private func deliver(on loop: isolated EventLoop) async {
        while inbox.hasMoved {
            let step = inbox
            inbox = StreamStep(after: step)
            let news = await read(step, on: loop)
            var wave = Wave(engine: self, step: step, news: news)
            let deliveries = wave.apply(on: loop)
            resumeReached(on: loop)
            recent.shrink()
            await send(deliveries, on: loop)
            forgetIdleUsers(on: loop)
        }
        isDelivering = false
    }

    /// What a step needs from the database.
    struct News {
        /// The new events of the rooms that somebody here has joined, oldest first.
        var events: [SyncEvent] = []
        /// The rooms whose events were read.
        var rooms: Set<String> = []
        var summaries: [SyncRoomState.Summary] = []
    }

    /// Reads the step's events, all in one statement, and summaries where members changed.
    ///
    /// While the database is away, clients stay parked and rows gather. In the end whoever is concerned is served
    /// by the general path, which tells the client of the trouble.
    private func read(_ step: StreamStep, on loop: isolated EventLoop) async -> News {
        let rows = step.events.filter { rooms[$0.roomID] != nil }
        guard !rows.isEmpty, rows.count <= options.liveEventsMax else { return News() }
        var statements = [SyncTimelines.reading(eventIDs: rows.map(\.eventID))]
        let changed = Set(rows.filter { $0.type == "m.room.member" }.map(\.roomID))
        if !changed.isEmpty {
            statements.append(SyncRoomState.readingSummaries(roomIDs: Array(changed)))
        }
        var pause = Duration.milliseconds(50)
        for _ in 0..<40 where !isShutDown {
            do {
                metrics.queries += statements.count
                let results = try await pool.queryAll(statements, on: loop)
                var news = News()
                news.events = try SyncTimelines.events(results[0])
                news.rooms = Set(rows.map(\.roomID))
                if results.count > 1 { news.summaries = try SyncRoomState.summaries(results[1]) }
                return news
            } catch {
                metrics.readFailures += 1
                // What does not pass by itself, the clients are better told one by one.
                guard Self.mayPass(error) else { return News() }
                await loop.sleep(for: pause)
                pause = min(pause * 2, .seconds(1))
            }
        }
        return News()
    }

    private static func mayPass(_ error: PostgresError) -> Bool {
        error.isRetryable
            || [.connectFailed, .connectionLost, .timeout, .poolExhausted].contains(error.code)
    }

    /// Writes a wave's answers, in slices, so that other work gets its turn.
    private func send(_ deliveries: [Delivery], on loop: isolated EventLoop) async {
        guard !deliveries.isEmpty else { return }
        metrics.waves += 1
        for (index, delivery) in deliveries.enumerated() {
            if index > 0, index % options.waveSlice == 0 { await loop.yield() }
            let client = delivery.client
            if let answer = delivery.answer {
                metrics.deliveriesLive += 1
                finish(client.request, delivery.user, on: loop)
                client.responder.answer(answer, on: loop)
            } else {
                metrics.wakeupsGeneral += 1
                loop.spawn {
                    await self.serve(
                        client.request, delivery.user, client.responder, until: client.deadline,
                        on: loop)
                }
            }
        }
    }

    /// A client taken out of the parking, with its answer; without one it goes the general way.
    struct Delivery {
        let client: ParkedClient
        let user: TrackedUser
        let answer: SyncAnswer?
    }
}
