public import Postgres
public import Reactor

/// Writes events.
///
/// Senders queue; one transaction at a time takes all that wait, so that under load many share one
/// commit, and positions become visible in order. Lives on the main process's loop.
public final class EventPersister {
    /// Events of one room in order, with the state groups they start, to be stored together or not at all.
    public struct Submission: Sendable {
        /// The events, each following the one before.
        public var events: [NewEvent]
        /// The state groups that they start.
        public var groups: [NewStateGroup]

        /// A submission of these events.
        public init(events: [NewEvent], groups: [NewStateGroup]) {
            self.events = events
            self.groups = groups
        }
    }

    /// Why events were not stored: others of their room that they build on could not be.
    ///
    /// Whoever made them must look at the room again and make them anew.
    public struct Orphaned: Error {
        /// An error that says so.
        public init() {}
    }

    /// Events on their way to the database. Lives on the persister's loop.
    public final class Ticket {
        fileprivate let submission: Submission
        fileprivate var outcome: Result<[Int64], any Error>?
        private let stored: () -> Void
        private var waiting: [UnsafeContinuation<Void, Never>] = []

        fileprivate init(_ submission: Submission, stored: @escaping () -> Void) {
            self.submission = submission
            self.stored = stored
        }

        fileprivate var roomID: String? { submission.events.first?.roomID }

        /// The events' positions, once they are committed. Throws why they were not, ``Orphaned`` among others.
        public func positions(on loop: isolated EventLoop) async throws -> [Int64] {
            while true {
                if let outcome { return try outcome.get() }
                await withUnsafeContinuation(isolation: loop) { waiting.append($0) }
            }
        }

        fileprivate func settle(_ outcome: Result<[Int64], any Error>) {
            guard self.outcome == nil else { return }
            self.outcome = outcome
            if case .success = outcome { stored() }
            for continuation in waiting { continuation.resume() }
            waiting = []
        }
    }

    /// How many events one transaction takes at most; more make the first of them wait too long.
    static let batchEventsMax = 256

    private let pool: PostgresPool
    private let ids: StreamIDGenerator
    private let announce: ([Events.Announcement]) -> Void
    private var queue: [Ticket] = []
    /// What is being stored.
    private var writing: [Ticket] = []
    private var isWriting = false
    /// Called with a room whose events could not be stored, before any sender is told. What else waits of
    /// that room is ``Orphaned`` then.
    public var failed: ((_ roomID: String) -> Void)?
    /// How many transactions were committed.
    public private(set) var commits = 0
    /// How many events were stored.
    public private(set) var eventsStored = 0

    /// Everything up to here is committed and announced.
    public var position: Int64 { ids.position }

    /// A persister that takes positions from `ids`.
    ///
    /// It calls `announce` on the loop after each commit with what was stored, in order, before any
    /// sender is told.
    public init(
        pool: PostgresPool, ids: StreamIDGenerator,
        announce: @escaping ([Events.Announcement]) -> Void
    ) {
        self.pool = pool
        self.ids = ids
        self.announce = announce
    }

    /// Stores events.
    ///
    /// Returns their positions once they are committed.
    public func persist(
        _ submission: Submission, on loop: isolated EventLoop
    ) async throws -> [Int64] {
        try await submit(submission, on: loop) {}.positions(on: loop)
    }

    /// Queues events to be stored, after everything that was queued before. Several submissions of one room
    /// may be under way, each building on the one before: if one fails, so do those. Calls `stored` once they
    /// are committed, before anybody is told.
    public func submit(
        _ submission: Submission, on loop: isolated EventLoop, stored: @escaping () -> Void
    ) -> Ticket {
        let ticket = Ticket(submission, stored: stored)
        queue.append(ticket)
        if !isWriting {
            isWriting = true
            loop.spawn { await self.write(on: loop) }
        }
        return ticket
    }

    private func write(on loop: isolated EventLoop) async {
        while !queue.isEmpty {
            var count = 0
            var taken = 0
            while taken < queue.count {
                count += queue[taken].submission.events.count
                if taken > 0, count > Self.batchEventsMax { break }
                taken += 1
            }
            writing = queue[..<taken].filter { $0.outcome == nil }
            queue.removeFirst(taken)
            if !writing.isEmpty { await commit(writing, on: loop) }
        }
        writing = []
        isWriting = false
    }

    /// Commits a batch; if that fails, each submission alone, so that a bad one takes no others along but
    /// those that build on it.
    private func commit(_ batch: [Ticket], on loop: isolated EventLoop) async {
        do {
            let positions = try await store(batch.map(\.submission), on: loop)
            var start = 0
            for ticket in batch {
                let end = start + ticket.submission.events.count
                ticket.settle(.success(Array(positions[start..<end])))
                start = end
            }
        } catch  where batch.count > 1 && !Self.concernsAll(error) {
            for ticket in batch where ticket.outcome == nil { await commit([ticket], on: loop) }
        } catch {
            for ticket in batch { ticket.settle(.failure(error)) }
            let rooms = Set(batch.compactMap(\.roomID))
            for ticket in writing + queue {
                if let roomID = ticket.roomID, rooms.contains(roomID) {
                    ticket.settle(.failure(Orphaned()))
                }
            }
            for roomID in rooms { failed?(roomID) }
        }
    }

    /// Whether every submission would fail in the same way, for want of a database.
    private static func concernsAll(_ error: any Error) -> Bool {
        guard let error = error as? PostgresError else { return false }
        return passing.contains(error.code) || error.code == .poolClosed
    }

    private func store(
        _ submissions: [Submission], on loop: isolated EventLoop
    ) async throws -> [Int64] {
        let events = submissions.flatMap(\.events)
        let groups = submissions.flatMap(\.groups)
        let positions = try await ids.next(events.count, from: pool, on: loop)
        let batch = zip(events, positions).map {
            PositionedEvent(event: $0, streamOrdering: $1)
        }
        do {
            let commands = Self.commands(batch, groups: groups)
            try await write(commands, of: batch, on: loop)
        } catch {
            ids.finish(positions, on: loop)
            throw error
        }
        ids.finish(positions, on: loop)
        commits += 1
        eventsStored += events.count
        announce(batch.map(Self.announcement))
        return positions
    }

    /// Writes a batch in one round trip, which is one transaction.
    ///
    /// When the connection is lost on the way, the events may have been stored or not. Then this looks, and
    /// writes again if they are not there, until the database has been away for too long.
    private func write(
        _ commands: [Command], of batch: [PositionedEvent], on loop: isolated EventLoop
    ) async throws {
        var pause = Duration.milliseconds(50)
        var mayBeStored = false
        for attempt in 1... {
            do {
                _ = try await pool.queryAll(commands, on: loop)
                return
            } catch {
                let mayRecover = error.isRetryable || Self.passing.contains(error.code)
                mayBeStored = mayBeStored || error.code == .connectionLost
                if mayBeStored, (try? await isStored(batch, on: loop)) == true { return }
                if !mayRecover || attempt == Self.attemptsMax { throw error }
            }
            await loop.sleep(for: pause)
            pause = min(pause * 2, .seconds(2))
        }
    }

    /// Troubles that a restart of the database brings and that end with it.
    private static let passing: Set<PostgresError.Code> = [.connectFailed, .connectionLost]
    /// With the pauses between them about ten seconds.
    private static let attemptsMax = 9

    private static let countStored = Statement(
        "events_count_stored",
        """
        SELECT count(*) FROM unnest($1::text[], $2::bigint[]) AS x (e, s)
        JOIN events ON event_id = e AND stream_ordering = s
        """)

    private func isStored(
        _ batch: [PositionedEvent], on loop: isolated EventLoop
    ) async throws -> Bool {
        let parameters: [PostgresValue] = [
            .textArray(batch.map(\.event.eventID)), .integerArray(batch.map(\.streamOrdering)),
        ]
        let count = try await pool.query(Self.countStored, parameters, on: loop).firstInteger
        return count == Int64(batch.count)
    }

    private static func commands(
        _ batch: [PositionedEvent], groups: [NewStateGroup]
    ) -> [Command] {
        Events.insertion(batch) + EventGraph.changes(batch)
            + StateGroups.insertion(batch, groups: groups) + CurrentState.changes(batch)
            + Memberships.changes(batch) + Redactions.insertion(batch)
            + EventTransactions.insertion(batch) + EventRelations.insertion(batch)
            + Threads.changes(batch) + PushPositions.changes(batch) + PushActions.changes(batch)
    }

    private static func announcement(_ positioned: PositionedEvent) -> Events.Announcement {
        let event = positioned.event
        return Events.Announcement(
            streamOrdering: positioned.streamOrdering, eventID: event.eventID,
            roomID: event.roomID, type: event.type, stateKey: event.stateKey,
            redacts: event.redacts)
    }
}
