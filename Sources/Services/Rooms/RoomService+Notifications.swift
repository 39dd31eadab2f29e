import JSON
import Matrix
public import Reactor
public import Storage

extension RoomService {
    /// How many notifications one page holds at most.
    static let notificationsMax: Int64 = 100

    /// What a user was notified of, the newest first: a page of it as `GET /notifications` tells it.
    public func notifications(
        for reader: AccessTokens.Owner, from token: String?, limit: Int64?,
        onlyHighlights: Bool, on loop: isolated EventLoop
    ) async throws -> [UInt8] {
        var before = Int64.max
        if let token {
            guard let position = Int64(token) else {
                throw MatrixError.invalidParameter("The token is malformed")
            }
            before = position
        }
        guard limit.map({ $0 > 0 }) ?? true else {
            throw MatrixError.invalidParameter("limit must be positive")
        }
        let count = Int(min(limit ?? 50, Self.notificationsMax))
        let page = try await Notifications.page(
            of: reader.userID, before: before, onlyHighlights: onlyHighlights, limit: count,
            in: pool, on: loop)
        let stored = try await Events.events(page.map(\.eventID), in: pool, on: loop)
        let texts = try await EventRenderer(reader: reader, now: clock.now)
            .render(stored, from: pool, on: loop)
        let events = Dictionary(
            zip(stored.map(\.eventID), texts), uniquingKeysWith: { first, _ in first })
        var bytes = Array("{\"notifications\":[".utf8)
        var isFirst = true
        for item in page {
            guard let event = events[item.eventID], !event.isEmpty else { continue }
            if !isFirst { bytes.append(UInt8(ascii: ",")) }
            isFirst = false
            bytes.append(contentsOf: "{\"actions\":".utf8)
            bytes.append(contentsOf: item.actions.utf8)
            bytes.append(contentsOf: ",\"event\":".utf8)
            bytes.append(contentsOf: event)
            bytes.append(contentsOf: ",\"profile_tag\":\"\",\"read\":\(item.isRead)".utf8)
            bytes.append(contentsOf: ",\"ts\":\(item.receivedTimestamp),\"room_id\":".utf8)
            bytes.appendJSONString(item.roomID)
            bytes.append(UInt8(ascii: "}"))
        }
        bytes.append(UInt8(ascii: "]"))
        if page.count == count, let last = page.last {
            bytes.append(contentsOf: ",\"next_token\":\"\(last.streamOrdering)\"".utf8)
        }
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }
}
