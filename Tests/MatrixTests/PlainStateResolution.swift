import JSON
import Matrix

/// The second algorithm and that of room version 12, word by word from the specification, without
/// any thought of cost. What the real one must agree with.
///
/// In one point it follows servers at large: auth chains of power events are followed only as far as they
/// stay in the full conflicted set. From room version 12 on they cannot leave it and come back.
struct PlainStateResolution {
    let version: RoomVersion
    let events: [EventID: Event]

    private var isNew: Bool { version.stateResolution == .v2Point1 }

    private func chain(_ event: EventID, within set: Set<EventID>? = nil) -> Set<EventID> {
        var chain: Set<EventID> = []
        func walk(_ event: EventID) {
            for next in events[event]?.authEventIDs ?? []
            where set?.contains(next) != false && chain.insert(next).inserted {
                walk(next)
            }
        }
        walk(event)
        return chain
    }

    func resolve(_ states: [StateMap<EventID>]) -> StateMap<EventID> {
        var unconflicted: StateMap<EventID> = [:]
        var conflicted: Set<EventID> = []
        for place in Set(states.flatMap(\.keys)) {
            let values = Set(states.map { $0[place] })
            if values.count == 1, let value = values.first, let value {
                unconflicted[place] = value
            } else {
                conflicted.formUnion(values.compactMap { $0 })
            }
        }
        let full = fullConflictedSet(states, conflicted)
        var power = full.filter { isPower(events[$0]!) }
        for event in power { power.formUnion(chain(event, within: full)) }
        var resolved = isNew ? [:] : unconflicted
        apply(powerOrder(power), &resolved)
        apply(mainlineOrder(full.subtracting(power), resolved[.powerLevels]), &resolved)
        return resolved.merging(unconflicted) { $1 }
    }

    private func fullConflictedSet(
        _ states: [StateMap<EventID>], _ conflicted: Set<EventID>
    ) -> Set<EventID> {
        let chains = states.map { state in
            state.values.reduce(into: Set(state.values)) { $0.formUnion(chain($1)) }
        }
        let union = chains.reduce(into: Set<EventID>()) { $0.formUnion($1) }
        let intersection = chains.reduce(union) { $0.intersection($1) }
        var full = conflicted.union(union.subtracting(intersection))
        guard isNew else { return full }
        for between in union {
            let isBelow = conflicted.contains { $0 == between || chain($0).contains(between) }
            let isAbove = conflicted.contains { $0 == between || chain(between).contains($0) }
            if isBelow, isAbove { full.insert(between) }
        }
        return full
    }

    private func isPower(_ event: Event) -> Bool {
        switch event.type {
        case "m.room.power_levels", "m.room.join_rules", "m.room.create": event.stateKey == ""
        case "m.room.member":
            ["leave", "ban"].contains(event.content["membership"])
                && event.sender.text != event.stateKey
        default: false
        }
    }

    private func powerOrder(_ set: Set<EventID>) -> [EventID] {
        var left = set
        var order: [EventID] = []
        while !left.isEmpty {
            let ready = left.filter { chain($0, within: set).isDisjoint(with: left) }
            let next = ready.min { left, right in
                let (x, y) = (events[left]!, events[right]!)
                let (a, b) = (senderLevel(x), senderLevel(y))
                if a != b { return a > b }
                if x.originServerTimestamp != y.originServerTimestamp {
                    return x.originServerTimestamp < y.originServerTimestamp
                }
                return left < right
            }!
            order.append(next)
            left.remove(next)
        }
        return order
    }

    private func authEvent(_ event: Event, _ place: StateKey) -> Event? {
        event.authEventIDs.compactMap { events[$0] }.first { $0.statePlace == place }
    }

    private func createEvent(_ event: Event) -> Event? {
        version.roomIDIsHash
            ? events[event.roomID.createEventID!] : authEvent(event, .create)
    }

    private func senderLevel(_ event: Event) -> Int64 {
        PowerLevels(
            authEvent(event, .powerLevels)?.content,
            creators: createEvent(event).map(PowerLevels.creators(of:)) ?? [], version: version
        ).level(of: event.sender)
    }

    private func mainlineOrder(_ set: Set<EventID>, _ levels: EventID?) -> [EventID] {
        var mainline: [EventID] = []
        var next = levels.flatMap { events[$0] }
        while let event = next {
            mainline.append(event.eventID)
            next = authEvent(event, .powerLevels)
        }
        func position(_ event: EventID) -> Int {
            var next = authEvent(events[event]!, .powerLevels)
            while let levels = next {
                if let position = mainline.firstIndex(of: levels.eventID) { return position }
                next = authEvent(levels, .powerLevels)
            }
            return .max
        }
        return set.sorted { left, right in
            let (a, b) = (position(left), position(right))
            if a != b { return a > b }
            let (x, y) = (
                events[left]!.originServerTimestamp, events[right]!.originServerTimestamp
            )
            return x == y ? left < right : x < y
        }
    }

    private func apply(_ order: [EventID], _ resolved: inout StateMap<EventID>) {
        for name in order {
            let event = events[name]!
            var state: StateMap<Event> = [:]
            for authEvent in event.authEventIDs.compactMap({ events[$0] }) {
                state[authEvent.statePlace!] = authEvent
            }
            if version.roomIDIsHash { state[.create] = createEvent(event) }
            for place in AuthRules.statePlaces(for: event) {
                if let known = resolved[place] { state[place] = events[known] }
            }
            if (try? AuthRules.check(event, against: state, signedBy: nil)) != nil {
                resolved[event.statePlace!] = name
            }
        }
    }
}
