/// Events with the links to those that allow them. Events go by their index, which is much
/// cheaper to look up than their name.
struct AuthGraph: Sendable {
    private(set) var events: [Event] = []
    /// For each event its auth events, as far as they are here.
    private(set) var links: [[Int]] = []
    private(set) var rejected: Set<Int> = []
    private(set) var roomID: RoomID?
    private var places: [EventID: Int] = [:]

    mutating func insert(_ event: Event, isRejected: Bool) {
        guard places[event.eventID] == nil else { return }
        places[event.eventID] = events.count
        if isRejected { rejected.insert(events.count) }
        events.append(event)
        if roomID == nil { roomID = event.roomID }
    }

    subscript(name: EventID) -> Int? { places[name] }

    func indices(of names: [EventID]) -> [Int] { names.compactMap { places[$0] } }

    /// Makes `links` what the events say.
    mutating func link() { links = events.map { indices(of: $0.authEventIDs) } }

    /// The auth event at a place.
    func authEvent(of index: Int, at place: StateKey) -> Int? {
        links[index].first { events[$0].statePlace == place }
    }

    /// Events that can be reached from some of the groups but not from all, a group's own
    /// included.
    func partlyReached(from groups: [[Int]]) -> [Int] {
        var counts = [Int](repeating: 0, count: events.count)
        var seenBy = [Int](repeating: -1, count: events.count)
        for (number, group) in groups.enumerated() {
            var pending = group
            while let index = pending.popLast() {
                guard seenBy[index] != number else { continue }
                seenBy[index] = number
                counts[index] += 1
                pending.append(contentsOf: links[index])
            }
        }
        return counts.indices.filter { (1..<groups.count).contains(counts[$0]) }
    }

    /// The events on all paths between two of these, ends included.
    func between(_ ends: Set<Int>) -> Set<Int> {
        var users = [[Int]](repeating: [], count: events.count)
        for (index, authEvents) in links.enumerated() {
            for authEvent in authEvents { users[authEvent].append(index) }
        }
        return reached(from: ends, over: links).intersection(reached(from: ends, over: users))
    }

    private func reached(from ends: Set<Int>, over links: [[Int]]) -> Set<Int> {
        var reached = ends
        var pending = Array(ends)
        while let index = pending.popLast() {
            for next in links[index] where reached.insert(next).inserted { pending.append(next) }
        }
        return reached
    }
}
