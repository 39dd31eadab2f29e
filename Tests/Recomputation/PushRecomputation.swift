import JSON
import Matrix
public import Postgres
public import Reactor
import Storage

/// Works out from scratch what every user has not read, and holds that against what the server counts.
///
/// It goes through all events in order and asks every member's rules about each, one at a time, from the events
/// themselves, the receipts, and the history of push rules; the server's tables of push actions are not read. Only
/// the evaluator of rules is shared, which has tests of its own.
///
/// Two things are not in the tables, so they must not happen while events are being sent: changes of push rules, and
/// changes of whom somebody ignores (they are taken as if they had always been so).
public enum PushRecomputation {
    /// What one user has not read in one thread of a room.
    public struct Place: Hashable, Sendable, CustomStringConvertible {
        /// Who.
        public let userID: String
        /// The room.
        public let roomID: String
        /// The root's id, or `main`.
        public let threadID: String

        /// The place in words.
        public var description: String { "\(userID) in \(roomID), \(threadID)" }
    }

    /// How much is unread.
    public struct Tally: Hashable, Sendable {
        /// Notifications.
        public var notifications: Int64 = 0
        /// Those of them that are highlighted.
        public var highlights: Int64 = 0

        /// So much.
        public init(notifications: Int64 = 0, highlights: Int64 = 0) {
            self.notifications = notifications
            self.highlights = highlights
        }
    }

    /// Where the server's counts are not what they should be, each in a sentence; none if all is well.
    public static func mismatches(
        in pool: PostgresPool, on loop: isolated EventLoop
    ) async throws -> [String] {
        let (expected, pairs) = try await counts(in: pool, on: loop)
        let (statement, parameters) = UnreadCounts.reading(pairs, upTo: .max)
        let rows = try await pool.query(statement, parameters, on: loop)
        var found: [Place: Tally] = [:]
        for count in try UnreadCounts.counts(rows) {
            let tally = Tally(notifications: count.notifications, highlights: count.highlights)
            guard tally != Tally() else { continue }
            found[Place(userID: count.userID, roomID: count.roomID, threadID: count.threadID)] =
                tally
        }
        return Set(expected.keys).union(found.keys).compactMap { place in
            let (right, said) = (expected[place] ?? Tally(), found[place] ?? Tally())
            guard right != said else { return nil }
            return """
                \(place): \(said.notifications) notifications, \(said.highlights) highlighted, but \
                it should be \(right.notifications) and \(right.highlights)
                """
        }.sorted()
    }

    /// What every local member has not read, and all pairs of members and rooms.
    public static func counts(
        in pool: PostgresPool, on loop: isolated EventLoop
    ) async throws -> ([Place: Tally], [(userID: String, roomID: String)]) {
        var rooms: [String: RoomReplay] = [:]
        let rules = try await RuleHistory(in: pool, on: loop)
        let context = try await Context(in: pool, on: loop)
        for row in try await pool.query(events, [], on: loop) {
            guard let version = RoomVersion(rawValue: try row.text(3)) else { continue }
            let event = try Event(
                parsing: try row.text(2), version: version,
                eventID: EventID(trusted: try row.text(1)))
            let roomID = event.roomID.text
            var room = rooms[roomID] ?? RoomReplay(version: version)
            room.take(
                event, at: try row.integer(0), isRedacted: try row.bool(4), rules: rules,
                context: context)
            rooms[roomID] = room
        }
        var counts: [Place: Tally] = [:]
        var pairs: [(userID: String, roomID: String)] = []
        for (roomID, room) in rooms {
            for (userID, member) in room.members where context.isLocal(userID) {
                pairs.append((userID, roomID))
                for (threadID, tally) in member.tallies(context.receipts[[userID, roomID]] ?? []) {
                    counts[Place(userID: userID, roomID: roomID, threadID: threadID)] = tally
                }
            }
        }
        return (counts, pairs)
    }

    private static let events = Statement(
        unprepared: """
            SELECT e.stream_ordering, e.event_id, j.json, r.room_version,
                EXISTS (SELECT 1 FROM redactions d WHERE d.redacts = e.event_id)
            FROM events e JOIN event_json j USING (event_id) JOIN rooms r ON r.room_id = e.room_id
            WHERE NOT e.outlier AND e.rejection_reason IS NULL ORDER BY e.stream_ordering
            """)

    /// What is the same for all events.
    struct Context {
        struct Receipt {
            let threadID: String?
            let position: Int64
        }

        /// By user and room.
        var receipts: [[String]: [Receipt]] = [:]
        var ignored: [String: Set<String>] = [:]
        var users: Set<String> = []

        init(in pool: PostgresPool, on loop: isolated EventLoop) async throws {
            let receipts = Statement(
                unprepared: """
                    SELECT r.user_id, r.room_id, r.thread_id, e.stream_ordering
                    FROM receipts_linearized r JOIN events e USING (event_id)
                    WHERE r.receipt_type IN ('m.read', 'm.read.private')
                    """)
            for row in try await pool.query(receipts, [], on: loop) {
                let receipt = Receipt(
                    threadID: try row.optionalText(2), position: try row.integer(3))
                self.receipts[[try row.text(0), try row.text(1)], default: []].append(receipt)
            }
            let ignored = Statement(
                unprepared: "SELECT ignorer_user_id, ignored_user_id FROM ignored_users")
            for row in try await pool.query(ignored, [], on: loop) {
                self.ignored[try row.text(0), default: []].insert(try row.text(1))
            }
            let local = Statement(
                unprepared: "SELECT DISTINCT user_id FROM local_current_membership")
            for row in try await pool.query(local, [], on: loop) { users.insert(try row.text(0)) }
        }

        func isLocal(_ userID: String) -> Bool { users.contains(userID) }
    }
}
