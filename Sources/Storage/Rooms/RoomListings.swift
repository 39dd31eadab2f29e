import JSON
public import Postgres
public import Reactor

/// What the list of rooms shows of each published room: table `room_listings`.
///
/// Rows are made anew when somebody asks for the list and their rooms have changed since: nobody pays for the list who
/// only sends, and a page of it costs the same whether there are ten published rooms or many thousands.
public enum RoomListings {
    static let schema = """
        CREATE TABLE room_listings (
            room_id text PRIMARY KEY,
            is_stale boolean NOT NULL DEFAULT true,
            joined_members bigint NOT NULL DEFAULT 0,
            name text,
            topic text,
            canonical_alias text,
            avatar text,
            join_rule text,
            history_visibility text,
            guest_access text,
            room_type text,
            search text NOT NULL DEFAULT ''
        );
        -- room_listings_page: the rooms with the most members first.
        CREATE INDEX room_listings_order ON room_listings (joined_members DESC, room_id)
            WHERE joined_members > 0;
        -- room_listings_stale: what has to be made anew.
        CREATE INDEX room_listings_stale ON room_listings (room_id) WHERE is_stale;
        -- Up to which event the rows of changed rooms are marked.
        CREATE TABLE room_listings_position (
            lock character(1) NOT NULL DEFAULT 'X' UNIQUE CHECK (lock = 'X'),
            position bigint NOT NULL
        );
        INSERT INTO room_listings_position (position)
        SELECT coalesce(max(stream_ordering), 0) FROM events;
        INSERT INTO room_listings (room_id) SELECT room_id FROM rooms WHERE is_public;
        """

    /// A published room as the list shows it.
    public struct Listing: Sendable, Hashable {
        /// The room.
        public let roomID: String
        /// How many members it has.
        public var joinedMembers: Int64
        /// `m.room.name`.
        public var name: String?
        /// `m.room.topic`.
        public var topic: String?
        /// `m.room.canonical_alias`.
        public var canonicalAlias: String?
        /// `m.room.avatar`.
        public var avatar: String?
        /// `m.room.join_rules`.
        public var joinRule: String?
        /// `m.room.history_visibility`.
        public var historyVisibility: String?
        /// `m.room.guest_access`.
        public var guestAccess: String?
        /// The type that the room was made with.
        public var roomType: String?

        /// What a search looks through.
        var search: String {
            [name, topic, canonicalAlias].compactMap(\.self).joined(separator: "\n").lowercased()
        }

        init(roomID: String, joinedMembers: Int64) {
            self.roomID = roomID
            self.joinedMembers = joinedMembers
        }

        /// Takes what one event of the state says. What is not JSON, or no text, says nothing.
        mutating func take(type: String, json: String) {
            guard let content = (try? JSON(parsing: json))?["content"] else { return }
            func text(_ key: String) -> String? {
                // The database takes no NUL.
                guard let value = content[key]?.stringValue, !value.isEmpty,
                    !value.utf8.contains(0)
                else { return nil }
                return value
            }
            switch type {
            case "m.room.name": name = text("name")
            case "m.room.topic": topic = text("topic")
            case "m.room.canonical_alias": canonicalAlias = text("alias")
            case "m.room.avatar": avatar = text("url")
            case "m.room.join_rules": joinRule = text("join_rule")
            case "m.room.history_visibility": historyVisibility = text("history_visibility")
            case "m.room.guest_access": guestAccess = text("guest_access")
            case "m.room.create": roomType = text("type")
            default: break
            }
        }
    }

    /// What a client looks for.
    public struct Query: Sendable, Hashable {
        /// How many rooms a page has.
        public var limit: Int
        /// How many come before it.
        public var skipped: Int
        /// What must be in the name, the topic or the alias, in lower case; empty for anything.
        public var term: String
        /// The types wanted, "" for rooms without one; nil for all.
        public var roomTypes: [String]?

        /// A query with these conditions.
        public init(limit: Int, skipped: Int, term: String, roomTypes: [String]?) {
            self.limit = limit
            self.skipped = skipped
            self.term = term
            self.roomTypes = roomTypes
        }
    }

    /// How many rows are made anew in one transaction.
    private static let batchRoomsMax: Int64 = 200

    private static let mark = Statement(
        "room_listings_mark",
        """
        WITH former AS (
            SELECT position FROM room_listings_position WHERE position < $1 FOR UPDATE
        ), changed AS (
            SELECT d.room_id FROM former f JOIN current_state_delta_stream d
                ON d.stream_id > f.position AND d.stream_id <= $1
            UNION
            SELECT e.room_id FROM former f JOIN events e
                ON e.stream_ordering > f.position AND e.stream_ordering <= $1
            WHERE e.type = 'm.room.redaction'
        ), marked AS (
            UPDATE room_listings l SET is_stale = true FROM changed c
            WHERE l.room_id = c.room_id AND NOT l.is_stale
        )
        UPDATE room_listings_position SET position = $1 WHERE position < $1
        """)

    private static let stale = Statement(
        "room_listings_stale",
        """
        SELECT room_id FROM room_listings WHERE is_stale LIMIT $1 FOR UPDATE SKIP LOCKED
        """)

    // Redacted state says nothing any more, but for what redaction keeps of these three types.
    private static let state = Statement(
        "room_listings_state",
        """
        SELECT r.room_id, m.joined, s.type, j.json
        FROM unnest($1::text[]) AS r (room_id)
        CROSS JOIN LATERAL (
            SELECT count(*) AS joined FROM current_state_events c
            WHERE c.room_id = r.room_id AND c.type = 'm.room.member' AND c.membership = 'join'
        ) m
        LEFT JOIN LATERAL (
            SELECT c.type, c.event_id FROM current_state_events c
            WHERE c.room_id = r.room_id AND c.state_key = '' AND c.type IN ('m.room.create',
                'm.room.name', 'm.room.topic', 'm.room.canonical_alias', 'm.room.avatar',
                'm.room.join_rules', 'm.room.history_visibility', 'm.room.guest_access')
            AND (c.type IN ('m.room.create', 'm.room.join_rules', 'm.room.history_visibility')
                OR NOT EXISTS (SELECT 1 FROM redactions d WHERE d.redacts = c.event_id))
            OFFSET 0
        ) s ON true
        LEFT JOIN LATERAL (
            SELECT json FROM event_json x WHERE x.event_id = s.event_id OFFSET 0
        ) j ON true
        ORDER BY r.room_id
        """)

    private static let update = Statement(
        "room_listings_update",
        """
        UPDATE room_listings l SET is_stale = false, joined_members = x.joined, name = x.name,
            topic = x.topic, canonical_alias = x.alias, avatar = x.avatar, join_rule = x.rule,
            history_visibility = x.visibility, guest_access = x.guests, room_type = x.type,
            search = x.search
        FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[],
            $7::text[], $8::text[], $9::text[], $10::text[], $11::text[])
            AS x (room, joined, name, topic, alias, avatar, rule, visibility, guests, type, search)
        WHERE l.room_id = x.room
        """)

    private static let page = Statement(
        "room_listings_page",
        """
        SELECT room_id, joined_members, name, topic, canonical_alias, avatar, join_rule,
            history_visibility, guest_access, room_type
        FROM room_listings WHERE joined_members > 0 AND ($1 = '' OR strpos(search, $1) > 0)
        AND ($2::text[] IS NULL OR coalesce(room_type, '') = ANY ($2))
        ORDER BY joined_members DESC, room_id LIMIT $3 OFFSET $4
        """)

    private static let countAll = Statement(
        "room_listings_count", "SELECT count(*) FROM room_listings WHERE joined_members > 0")

    private static let countMatching = Statement(
        "room_listings_count_matching",
        """
        SELECT count(*) FROM room_listings WHERE joined_members > 0
        AND ($1 = '' OR strpos(search, $1) > 0)
        AND ($2::text[] IS NULL OR coalesce(room_type, '') = ANY ($2))
        """)

    /// Makes the rows of rooms anew that have changed up to a position, all of whose events are committed.
    public static func refresh(
        upTo position: Int64, in pool: PostgresPool, on loop: isolated EventLoop
    ) async throws {
        _ = try await pool.query(mark, [.integer(position)], on: loop)
        var isMore = true
        while isMore {
            isMore = try await pool.transaction(on: loop) { connection in
                let rooms = try await connection.query(stale, [.integer(batchRoomsMax)], on: loop)
                    .texts()
                if rooms.isEmpty { return false }
                try await renew(rooms, in: connection, on: loop)
                return rooms.count == Int(batchRoomsMax)
            }
        }
    }

    private static func renew(
        _ rooms: [String], in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) {
        var listings: [Listing] = []
        for row in try await database.query(state, [.textArray(rooms)], on: loop) {
            let roomID = try row.text(0)
            if listings.last?.roomID != roomID {
                listings.append(Listing(roomID: roomID, joinedMembers: try row.integer(1)))
            }
            guard let type = try row.optionalText(2), let json = try row.optionalText(3) else {
                continue
            }
            listings[listings.count - 1].take(type: type, json: json)
        }
        let columns: [PostgresValue] =
            [
                .textArray(listings.map(\.roomID)), .integerArray(listings.map(\.joinedMembers)),
            ]
            + [
                listings.map(\.name), listings.map(\.topic), listings.map(\.canonicalAlias),
                listings.map(\.avatar), listings.map(\.joinRule),
                listings.map(\.historyVisibility), listings.map(\.guestAccess),
                listings.map(\.roomType),
            ].map { .optionalTextArray($0) } + [.textArray(listings.map(\.search))]
        _ = try await database.query(update, columns, on: loop)
    }

    /// A page of the list as it was made last, and how many rooms there are that match.
    public static func page(
        _ query: Query, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> (listings: [Listing], total: Int64) {
        let types = query.roomTypes.map(PostgresValue.textArray) ?? .null
        let conditions: [PostgresValue] = [.text(query.term), types]
        let isAll = query.term.isEmpty && query.roomTypes == nil
        let bounds: [PostgresValue] = [
            .integer(Int64(query.limit)), .integer(Int64(query.skipped)),
        ]
        let results = try await database.queryAll(
            [
                (page, conditions + bounds),
                (isAll ? countAll : countMatching, isAll ? [] : conditions),
            ], on: loop)
        var listings: [Listing] = []
        for row in results[0] {
            var listing = Listing(roomID: try row.text(0), joinedMembers: try row.integer(1))
            listing.name = try row.optionalText(2)
            listing.topic = try row.optionalText(3)
            listing.canonicalAlias = try row.optionalText(4)
            listing.avatar = try row.optionalText(5)
            listing.joinRule = try row.optionalText(6)
            listing.historyVisibility = try row.optionalText(7)
            listing.guestAccess = try row.optionalText(8)
            listing.roomType = try row.optionalText(9)
            listings.append(listing)
        }
        return (listings, try results[1].firstInteger ?? 0)
    }
}
