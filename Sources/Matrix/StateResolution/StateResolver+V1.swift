import Crypto

/// Room version 1, "State resolution".
extension StateResolver {
    /// What becomes of the places in conflict.
    func resolveV1() -> StateMap<EventID> {
        var candidates: StateMap<[Event]> = [:]
        for (place, names) in candidateNames {
            let events = names.compactMap { graph[$0].map { graph.events[$0] } }
            candidates[place] = Self.byDepth(events)
        }
        var resolved: StateMap<Event> = [:]
        // Conflicts of one pass do not see each other's outcome, so their order is no matter.
        for type in [EventType.powerLevels, EventType.joinRules, EventType.member] {
            let before = resolved
            for (place, events) in candidates where place.type == type {
                resolved[place] = lastAllowed(events, before)
            }
        }
        let before = resolved
        for (place, events) in candidates where resolved[place] == nil {
            // If none is allowed it is the oldest, as with other servers; the specification is
            // silent.
            resolved[place] = events.last { isAllowed($0, before) } ?? events.first
        }
        return resolved.mapValues(\.eventID)
    }

    private var candidateNames: StateMap<Set<EventID>> {
        var names: StateMap<Set<EventID>> = [:]
        for place in conflict.places {
            names[place] = Set(conflict.states.compactMap { $0[place] })
        }
        return names
    }

    /// By ascending depth, then descending hash of the name.
    private static func byDepth(_ events: [Event]) -> [Event] {
        let keyed = events.map { event in
            (
                event: event,
                hash: Array(Insecure.SHA1.hash(data: Array(event.eventID.text.utf8)))
            )
        }
        return keyed.sorted { left, right in
            left.event.depth == right.event.depth
                ? right.hash.lexicographicallyPrecedes(left.hash)
                : left.event.depth < right.event.depth
        }.map(\.event)
    }

    /// The last of the events of which each is allowed by those before.
    private func lastAllowed(_ events: [Event], _ resolved: StateMap<Event>) -> Event? {
        var resolved = resolved
        for (number, event) in events.enumerated() {
            guard let place = event.statePlace else { continue }
            guard number == 0 || isAllowed(event, resolved) else { return resolved[place] }
            resolved[place] = event
        }
        return events.last
    }

    private func isAllowed(_ event: Event, _ resolved: StateMap<Event>) -> Bool {
        var state: StateMap<Event> = [:]
        for place in AuthRules.statePlaces(for: event) {
            state[place] =
                resolved[place]
                ?? conflict.agreed(place).flatMap { graph[$0] }.map { graph.events[$0] }
        }
        do {
            try AuthRules.check(event, against: state, signedBy: nil)
            return true
        } catch {
            return false
        }
    }
}
