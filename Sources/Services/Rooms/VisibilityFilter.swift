import JSON
import Matrix
import Postgres
import Reactor
import Storage

/// Leaves out of a list of events those that a user may not see, or does not want to: messages of users whom the user
/// ignores.
struct VisibilityFilter {
    let userID: String
    let cache: EventCache
    let pool: PostgresPool

    private struct Side {
        var visibility = HistoryVisibility.shared
        var membership = Membership.leave
    }

    /// The events of one room that the user may see, in the same order. A fixed number of queries for any number
    /// of events.
    func visible(
        _ events: [StoredEvent], on loop: isolated EventLoop
    ) async throws -> [StoredEvent] {
        if events.isEmpty { return [] }
        let ignored = Set(try await IgnoredUsers.ignored(by: userID, in: pool, on: loop))
        let groups = Set(events.compactMap(\.stateGroup))
        let found = try await StateGroups.visibility(
            groups: Array(groups), userID: userID, in: pool, on: loop)
        var ids = Set(found.values.compactMap(\.visibility))
        ids.formUnion(found.values.compactMap(\.membership))
        let known = try await cache.events(Array(ids), on: loop)
        let sides = found.mapValues { entry in
            Side(
                visibility: HistoryVisibility(entry.visibility.flatMap { known[$0] }),
                membership: entry.membership.flatMap { known[$0]?.membership } ?? .leave)
        }
        // Events are shown up to the last one before which the user joined: the newest membership tells.
        let lastJoin = try await Memberships.lastJoin(
            of: userID, roomID: events.first?.roomID ?? "", in: pool, on: loop)
        return events.filter { event in
            guard event.rejection == nil else { return false }
            // State is part of the room, whoever set it.
            if event.stateKey == nil, ignored.contains(event.sender) { return false }
            let after = event.stateGroup.flatMap { sides[$0] } ?? Side()
            let joinedSince = (lastJoin ?? Int64.min) >= event.streamOrdering
            if after.visibility.allows(membership: after.membership, joinedSince: joinedSince) {
                return true
            }
            return changesVisibility(event)
                && allowedBefore(event, after: after, joinedSince: joinedSince)
        }
    }

    /// Whether the event is a change of what decides: somebody who leaves sees the leaving.
    private func changesVisibility(_ event: StoredEvent) -> Bool {
        event.type == EventType.historyVisibility
            || event.type == EventType.member && event.stateKey == userID
    }

    /// The same question with what was in force before the event, which its `unsigned` tells.
    private func allowedBefore(
        _ event: StoredEvent, after: Side, joinedSince: Bool
    ) -> Bool {
        let previous = (try? JSON(parsing: event.json))?["unsigned"]?["prev_content"]
        var before = after
        if event.type == EventType.member {
            before.membership =
                previous?["membership"]?.stringValue.flatMap { Membership(rawValue: $0) }
                ?? .leave
        } else {
            before.visibility =
                previous?["history_visibility"]?.stringValue
                .flatMap { HistoryVisibility(rawValue: $0) } ?? .shared
        }
        return before.visibility.allows(membership: before.membership, joinedSince: joinedSince)
    }
}
