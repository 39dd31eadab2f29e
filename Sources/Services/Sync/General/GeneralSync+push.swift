import JSON
import Matrix
import Postgres
import Reactor
import Storage

/// What push rules have to do with an answer: the rules themselves, and what is unread.
extension GeneralSync {
    /// Reads whether the user's rules changed, and what they changed.
    var pushRuleStatements: [(Statement, [PostgresValue])] {
        guard request.since == nil || low.pushRules < now.pushRules,
            request.filter.showsAccountData("m.push_rules")
        else { return [] }
        let changes = PushRules.reading(ofUsers: [request.userID])
        guard request.since != nil else { return [changes] }
        let whether = PushRules.readingWhetherChanged(
            userID: request.userID, after: low.pushRules, upTo: now.pushRules)
        return [changes, whether]
    }

    /// The text of `m.push_rules`, from what those statements gave; nil if it is no news.
    func pushRules(_ results: ArraySlice<Rows>) throws -> [UInt8]? {
        guard let rows = results.first else { return nil }
        if results.count > 1, results.last?.isEmpty ?? true { return nil }
        let changes = try PushRules.changes(rows)[request.userID]
        let rules = changes.map { PushRuleset($0) } ?? .default
        let json = rules.json(for: UserID(trusted: request.userID))
        return Ephemera.accountData(
            type: "m.push_rules", content: Array("{\"global\":".utf8) + json.bytes + Array("}".utf8)
        )
    }

    /// Counts what is unread in the rooms that the answer tells of.
    mutating func readUnread(on loop: isolated EventLoop) async throws {
        let told = rooms.indices.filter { index in
            rooms[index].kind == .joined
                && (!rooms[index].isKnown || request.fullState || rooms[index].hasNews)
        }
        guard !told.isEmpty else { return }
        let pairs = told.map { (userID: request.userID, roomID: rooms[$0].roomID) }
        let results = try await query([UnreadCounts.reading(pairs, upTo: now.room)], on: loop)
        let counts = try UnreadCounts.counts(results[0]).byRoomAndUser()
        for index in told {
            if let unread = counts[rooms[index].roomID]?[request.userID] {
                rooms[index].unread = unread
            }
        }
    }
}
