public import Postgres
public import Reactor

/// What users complain about: tables `event_reports`, `room_reports` and `user_reports`.
public enum Reports {
    static let schema = """
        CREATE SEQUENCE event_reports_id_seq;
        CREATE TABLE event_reports (
            id bigint PRIMARY KEY DEFAULT nextval('event_reports_id_seq'),
            received_ts bigint NOT NULL,
            room_id text NOT NULL,
            event_id text NOT NULL,
            user_id text NOT NULL,
            reason text,
            content text
        );
        CREATE SEQUENCE room_reports_id_seq;
        CREATE TABLE room_reports (
            id bigint PRIMARY KEY DEFAULT nextval('room_reports_id_seq'),
            received_ts bigint NOT NULL,
            room_id text NOT NULL,
            user_id text NOT NULL,
            reason text NOT NULL
        );
        CREATE SEQUENCE user_reports_id_seq;
        CREATE TABLE user_reports (
            id bigint PRIMARY KEY DEFAULT nextval('user_reports_id_seq'),
            received_ts bigint NOT NULL,
            target_user_id text NOT NULL,
            user_id text NOT NULL,
            reason text NOT NULL
        );
        -- What is said of a user, and what a user said.
        CREATE INDEX user_reports_target_user_id_idx ON user_reports (target_user_id);
        CREATE INDEX user_reports_user_id_idx ON user_reports (user_id);
        """

    private static let insertEvent = Statement(
        "event_reports_insert",
        """
        INSERT INTO event_reports (received_ts, room_id, event_id, user_id, reason, content)
        VALUES ($1, $2, $3, $4, $5, $6)
        """)

    private static let insertRoom = Statement(
        "room_reports_insert",
        """
        INSERT INTO room_reports (received_ts, room_id, user_id, reason) VALUES ($1, $2, $3, $4)
        """)

    private static let insertUser = Statement(
        "user_reports_insert",
        """
        INSERT INTO user_reports (received_ts, target_user_id, user_id, reason)
        VALUES ($1, $2, $3, $4)
        """)

    /// Notes that a user reported an event; `content` is the request's body.
    public static func add(
        eventID: String, roomID: String, by userID: String, reason: String?, content: String,
        now: Int64, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) {
        let parameters: [PostgresValue] = [
            .integer(now), .text(roomID), .text(eventID), .text(userID), PostgresValue(reason),
            .text(content),
        ]
        _ = try await database.query(insertEvent, parameters, on: loop)
    }

    /// Notes that a user reported a room.
    public static func add(
        roomID: String, by userID: String, reason: String, now: Int64,
        in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) {
        _ = try await database.query(
            insertRoom, [.integer(now), .text(roomID), .text(userID), .text(reason)], on: loop)
    }

    /// Notes that a user reported another.
    public static func add(
        target: String, by userID: String, reason: String, now: Int64,
        in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) {
        _ = try await database.query(
            insertUser, [.integer(now), .text(target), .text(userID), .text(reason)], on: loop)
    }
}
