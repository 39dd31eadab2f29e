/// The two orders in which events are applied.
extension StateResolver {
    /// From earliest to latest: each event after those that allow it; among those that could be
    /// next the one whose sender has most power, then the oldest. ("Reverse topological power
    /// ordering")
    func powerOrder(of events: Set<Int>) -> [Int] {
        var levels = SenderLevels(graph: graph, version: version)
        var waitsFor: [Int: Int] = [:]
        var users: [Int: [Int]] = [:]
        var ready = Heap<PowerRank>()
        for index in events {
            let authEvents = Set(graph.links[index]).intersection(events)
            waitsFor[index] = authEvents.count
            for authEvent in authEvents { users[authEvent, default: []].append(index) }
            if authEvents.isEmpty { ready.insert(rank(index, &levels)) }
        }
        var order: [Int] = []
        order.reserveCapacity(events.count)
        while let next = ready.removeFirst() {
            order.append(next.index)
            for user in users[next.index] ?? [] {
                waitsFor[user]? -= 1
                if waitsFor[user] == 0 { ready.insert(rank(user, &levels)) }
            }
        }
        return order
    }

    private func rank(_ index: Int, _ levels: inout SenderLevels) -> PowerRank {
        PowerRank(
            index: index, level: levels.level(ofSenderOf: index), age: Age(graph.events[index]))
    }

    /// From earliest to latest: events that rest on older power levels first, then older events.
    /// ("Mainline ordering")
    func mainlineOrder(of events: Set<Int>, from levels: Int?) -> [Int] {
        var positions: [Int: Int] = [:]
        var next = levels
        while let index = next, positions[index] == nil {
            positions[index] = positions.count
            next = graph.authEvent(of: index, at: .powerLevels)
        }
        var ranked: [(index: Int, position: Int, age: Age)] = []
        for index in events {
            let position = mainlinePosition(of: index, &positions)
            ranked.append((index, position, Age(graph.events[index])))
        }
        ranked.sort { left, right in
            left.position == right.position
                ? left.age < right.age : left.position > right.position
        }
        return ranked.map(\.index)
    }

    /// The position in the mainline of the first of an event's power levels that is in it;
    /// `Int.max` if none is. What is found out on the way is remembered, since many events rest on
    /// the same power levels.
    private func mainlinePosition(of index: Int, _ positions: inout [Int: Int]) -> Int {
        var path: [Int] = []
        var seen: Set<Int> = []
        var next = graph.authEvent(of: index, at: .powerLevels)
        var position = Int.max
        while let index = next, seen.insert(index).inserted {
            if let known = positions[index] {
                position = known
                break
            }
            path.append(index)
            next = graph.authEvent(of: index, at: .powerLevels)
        }
        for index in path { positions[index] = position }
        return position
    }
}

/// What comes first of two events that are equal otherwise.
struct Age: Comparable {
    let timestamp: Int64
    let eventID: EventID

    init(_ event: Event) {
        timestamp = event.originServerTimestamp
        eventID = event.eventID
    }

    static func < (left: Age, right: Age) -> Bool {
        left.timestamp == right.timestamp
            ? left.eventID < right.eventID : left.timestamp < right.timestamp
    }
}

private struct PowerRank: Comparable {
    let index: Int
    let level: Int64
    let age: Age

    static func < (left: PowerRank, right: PowerRank) -> Bool {
        left.level == right.level ? left.age < right.age : left.level > right.level
    }
}

/// The power of events' senders by the events' own auth events.
private struct SenderLevels {
    private let graph: AuthGraph
    private let version: RoomVersion
    /// By power levels event and create event, of which there are few.
    private var known: [[Int?]: PowerLevels] = [:]

    init(graph: AuthGraph, version: RoomVersion) {
        self.graph = graph
        self.version = version
    }

    mutating func level(ofSenderOf index: Int) -> Int64 {
        let event = graph.events[index]
        let place = version.roomIDIsHash ? event.roomID.createEventID.flatMap { graph[$0] } : nil
        let create = place ?? graph.authEvent(of: index, at: .create)
        let content = graph.authEvent(of: index, at: .powerLevels)
        if let levels = known[[create, content]] { return levels.level(of: event.sender) }
        let levels = PowerLevels(
            content.map { graph.events[$0].content },
            creators: create.map { PowerLevels.creators(of: graph.events[$0]) } ?? [],
            version: version)
        known[[create, content]] = levels
        return levels.level(of: event.sender)
    }
}
